"""A local HTTP server that accepts everything, for benchmarks: one epoll loop in a process of its own.

It must cost little beside the client it serves: both share the machine's two cores.
"""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import sys
from collections.abc import Iterator

_READ = 65_536
#: Each id has nine digits, so that all answers are of one length.
_ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{"id": "b-%09d"}'


def _length(head: bytes) -> int:
    at = head.find(b"ontent-")
    while at >= 0:
        name, _, rest = head[at + 7 :].partition(b":")
        if name.lower() == b"length":
            return int(rest.split(b"\r\n", 1)[0])
        at = head.find(b"ontent-", at + 7)
    return 0


class _Sink:
    """Answers each request with a fresh id; bodies are counted, not read.

    A request costs one read and one write of its connection, and its share of a wait for all of them.
    """

    def __init__(self, listener: socket.socket):
        self._listener = listener
        self._epoll = select.epoll()
        self._epoll.register(listener, select.EPOLLIN)
        self._open: dict[int, socket.socket] = {}
        self._rest: dict[int, bytes] = {}
        #: Head and length of the last request that was read alone: nearly every one is like it.
        self._usual: tuple[bytes, int] = (b"\r\n", 0)
        self._taken = 0

    def serve(self) -> None:
        listening = self._listener.fileno()
        while True:
            for number, _event in self._epoll.poll():
                if number == listening:
                    self._accept()
                else:
                    self._read(number)

    def _accept(self) -> None:
        connection, _peer = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open[connection.fileno()] = connection
        self._epoll.register(connection, select.EPOLLIN)

    def _read(self, number: int) -> None:
        connection = self._open[number]
        try:
            data = connection.recv(_READ)
        except ConnectionError:
            data = b""
        head, length = self._usual
        if len(data) == length and data.startswith(head) and number not in self._rest:
            self._taken += 1
            connection.send(_ANSWER % self._taken)
            return
        if not data:
            self._epoll.unregister(number)
            self._open.pop(number).close()
            self._rest.pop(number, None)
            return
        self._take(number, connection, self._rest.pop(number, b"") + data)

    def _take(self, number: int, connection: socket.socket, data: bytes) -> None:
        answers = b""
        while (end := data.find(b"\r\n\r\n")) >= 0:
            whole = end + 4 + _length(data[:end])
            if len(data) < whole:
                break
            if len(data) == whole:
                self._usual = (data[: end + 4], whole)
            data = data[whole:]
            self._taken += 1
            answers += _ANSWER % self._taken
        if data:
            self._rest[number] = data
        if answers:
            connection.send(answers)


@contextlib.contextmanager
def sink() -> Iterator[str]:
    """Start it; gives its base URL."""
    process = subprocess.Popen([sys.executable, "-m", "core.bench.sink"], stdout=subprocess.PIPE, text=True)
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    server = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(server.getsockname()[1], flush=True)
    _Sink(server).serve()
