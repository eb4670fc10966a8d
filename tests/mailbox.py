"""A mail server on a real socket."""

from __future__ import annotations

import socket
import threading


class Mailbox:
    """An SMTP server that keeps what it is given."""

    def __init__(self):
        self.letters: list[str] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            peer, _ = self._server.accept()
            with peer, peer.makefile("rwb") as line:

                def say(text, line=line):
                    line.write(text.encode() + b"\r\n")
                    line.flush()

                say("220 test")
                for command in line:
                    word = command.split()[0].upper()
                    if word == b"DATA":
                        say("354 go")
                        lines = iter(line.readline, b".\r\n")
                        self.letters.append(b"".join(lines).decode())
                    say("221 bye" if word == b"QUIT" else "250 ok")
                    if word == b"QUIT":
                        break
