"""What a session gave to its socket and the socket has not taken yet."""

from __future__ import annotations

import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from plugins.providers._smpp_flight import Flight


class Outbox(deque[tuple[bytes, range]]):
    """(bytes, sequence numbers in them) in the order they go; all under the lock of the session.

    `wake` is called when the socket turns out to be closed: the reader meets the same end and says it.
    """

    def __init__(self, sock: Any, wake: Callable[[], None]):
        super().__init__()
        self._sock, self._wake = sock, wake
        #: How much of the first the socket took.
        self._written = 0

    def write(self, data: bytes, sequences: range = range(0)) -> None:
        """Send it, at once where nothing waits."""
        self.append((data, sequences))
        if len(self) == 1:
            self.flush()

    def flush(self) -> None:
        """Give the socket what it takes."""
        while self:
            data = self[0][0]
            try:
                self._written += self._sock.send(data[self._written :] if self._written else data)
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                return
            except OSError:
                # What was given is known by the time the reader says it.
                with suppress(OSError):
                    self._sock.shutdown(socket.SHUT_RDWR)
                self._wake()
                return
            if self._written >= len(data):
                self.popleft()
                self._written = 0

    def not_given(self, pending: Mapping[int, tuple[Flight, int]]) -> set[int]:
        """Sequence numbers of which not one byte was given to the socket."""
        held: set[int] = set()
        for number, (_data, sequences) in enumerate(self):
            begins = 0
            for sequence in sequences:
                slot = pending.get(sequence)
                if slot is None:
                    # Its time was over before it left; where the next one begins is not known then.
                    begins = begins if number else -1 << 60
                    continue
                if number or begins >= self._written:
                    held.add(sequence)
                begins += 16 + len(slot[0].bodies[slot[1]])
        return held
