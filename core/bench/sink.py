"""A local HTTP server that accepts everything, for benchmarks: as fast as asyncio allows, in its own process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

#: asyncio reads into 256 KB, which glibc maps and unmaps each time until the first connection was closed: the
#: first client of the sink, the one measured, would find it half as fast as the second, the baseline.
STEADY = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(64 << 20)}


class _Connection(asyncio.Protocol):
    """Answers each POST with a fresh id; bodies are counted, not read."""

    taken = 0

    def connection_made(self, transport):
        self.transport, self.buffer = transport, b""

    def data_received(self, data):
        self.buffer += data
        answers = []
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].lower()
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                break
            self.buffer = self.buffer[end + 4 + length :]
            _Connection.taken += 1
            body = b'{"id": "b-%d"}' % _Connection.taken
            answers.append(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        if answers:
            self.transport.write(b"".join(answers))


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Connection, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """Start it; gives its base URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "core.bench.sink"], stdout=subprocess.PIPE, text=True, env=os.environ | STEADY
    )
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    asyncio.run(_serve())
