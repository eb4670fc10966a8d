"""A gateway on a real socket for tests: scripted answers, dropped connections, a log of what arrived."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit


@dataclass
class Call:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {
            key: values[0] for key, values in parse_qs(self.body.decode(), keep_blank_values=True).items()
        }

    @property
    def args(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}


def answer(status: int = 200, body: bytes | str | dict | list = b"", **headers: str) -> bytes:
    """The bytes of an answer; a dict or list becomes JSON."""
    if isinstance(body, dict | list):
        body, headers = json.dumps(body).encode(), {"Content-Type": "application/json", **headers}
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@dataclass
class Gateway:
    """`act(call, connection) -> bytes | None` answers; None means it did what it wanted to the socket."""

    url: str
    calls: list[Call] = field(default_factory=list)
    connections: int = 0
    act: Callable[[Call, socket.socket], bytes | None] = lambda call, connection: answer()


@contextlib.contextmanager
def gateway(act: Callable | None = None) -> Iterator[Gateway]:
    """A gateway on 127.0.0.1, a thread a connection, keep-alive."""
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    made = Gateway(f"http://127.0.0.1:{server.getsockname()[1]}")
    if act is not None:
        made.act = act
    alive: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _peer = server.accept()
            except OSError:
                return
            made.connections += 1
            alive.append(connection)
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError), connection:
            stream = connection.makefile("rb")
            while (call := read(stream)) is not None:
                made.calls.append(call)
                reply = made.act(call, connection)
                if reply is None:
                    return
                connection.sendall(reply)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield made
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in alive:
            connection.close()


def read(stream) -> Call | None:
    """Read one request off a stream; None at its end."""
    first = stream.readline()
    if not first:
        return None
    method, path, _version = first.decode().split()
    headers = {}
    while (line := stream.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Call(method, path, headers, stream.read(int(headers.get("content-length", 0))))


def drop(_call: Call, connection: socket.socket) -> None:
    """Take the request and hang up without a word."""
    connection.shutdown(socket.SHUT_RDWR)
