"""An SMS gateway whose accept log is the oracle: `python -m tests.faults.sink PORT LOG`.

    POST /send?ms=5&drop=5&once=1   accept {"ref","to","text"}: one line "REF TO MS" in LOG before the answer
    GET  /lookup/REF                  200 with the id when the reference was accepted, else 404

`ms` delays the answer, `drop` closes the connection after every fifth text it accepted, `once` makes a repeated
reference the same message.  MS are those of a clock that only grows.  SIGUSR1 refuses connections until SIGUSR2.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from urllib.parse import parse_qs, urlsplit


class Sink:
    """What was accepted, and how to answer."""

    def __init__(self, log: str):
        self.file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self.seen: set[str] = set()
        self.taken = 0

    def accept(self, ref: str, to: str, once: bool) -> None:
        """Note one accepted message, before anybody is told."""
        if not (once and ref in self.seen):
            os.write(self.file, f"{ref} {to} {time.monotonic_ns() // 1_000_000}\n".encode())
        self.seen.add(ref)


class Connection(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, as much of it as libcurl speaks to us."""

    def __init__(self, sink: Sink):
        self.sink, self.buffer, self.transport = sink, b"", None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data: bytes):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            length = next(
                (int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:")),
                0,
            )
            if len(self.buffer) < end + 4 + length:
                return
            body = self.buffer[end + 4 : end + 4 + length]
            self.buffer = self.buffer[end + 4 + length :]
            self.handle(head.split(" ", 2)[1], body)

    def handle(self, target: str, body: bytes) -> None:
        url = urlsplit(target)
        args = {key: values[0] for key, values in parse_qs(url.query).items()}
        if url.path.startswith("/lookup/"):
            ref = url.path.rpartition("/")[2]
            self.answer(200 if ref in self.sink.seen else 404, {"id": f"s-{ref}"})
            return
        message = json.loads(body)
        self.sink.accept(message["ref"], message["to"], "once" in args)
        self.sink.taken += 1
        if "drop" in args and self.sink.taken % int(args["drop"]) == 0:
            self.transport.close()
            return
        answer = (200, {"id": f"s-{message['ref']}", "status": "accepted"})
        delay_s = float(args.get("ms", 0)) / 1000
        if delay_s:
            asyncio.get_running_loop().call_later(delay_s, self.answer, *answer)
        else:
            self.answer(*answer)

    def answer(self, status: int, data: dict) -> None:
        if not self.transport.is_closing():
            raw = json.dumps(data).encode()
            self.transport.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(raw)) + raw)


async def main(port: int, log: str) -> None:
    loop = asyncio.get_running_loop()
    sink = Sink(log)
    state = {"server": None}
    open_ports = set()

    def connected():
        made = Connection(sink)
        open_ports.add(made)
        return made

    async def up() -> None:
        if state["server"] is None:
            state["server"] = await loop.create_server(connected, "127.0.0.1", port, backlog=512)

    def down() -> None:
        if state["server"] is not None:
            state["server"].close()
            state["server"] = None
        for made in open_ports:
            if made.transport:
                made.transport.abort()
        open_ports.clear()

    loop.add_signal_handler(signal.SIGUSR1, down)
    loop.add_signal_handler(signal.SIGUSR2, lambda: asyncio.ensure_future(up()))
    await up()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
