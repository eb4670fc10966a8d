"""One session with an SMSC, from the bind to its end, and what is on its way in it.

What may be in doubt: a PDU of which bytes were given to the socket and whose response did not come.  What still
waited here when the connection broke never left, and what the SMSC declined was not taken.

One thread a session waits for the socket; whoever has something to send writes it at once, under the same
lock.  A read is parsed in one loop, and places it freed are filled again before the next read: an SMSC with
Nagle's algorithm on would else wait 40 ms for our delayed acknowledgement (TCP_QUICKACK asks for it at once).
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from core import Unreachable, clock
from plugins.providers import _smpp_pdu as p
from plugins.providers._smpp_flight import LOST, UNSENT, Flight, Pacer, Room
from plugins.providers._smpp_outbox import Outbox

#: Answers are let gather so long, because a read for each of them costs more than all else, unless few are out
#: and something waits for their place.
GATHER_S, GATHER_FROM = 0.0005, 100
#: How long answers are awaited before we say good-bye, and after one side said it.
FINISH_S, LEAVE_S = 10.0, 1.0
_READ, _SEQUENCES = 1 << 18, 0x7FFF0000
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Session:
    """A bound connection.  `rest` is what came behind the answer to the bind.

    `deliver(session, command, sequence, body)` gets deliver_sm and data_sm.
    """

    def __init__(
        self, settings: Mapping[str, Any], sock: Any, rest: bytes, pacer: Pacer, deliver: Callable[..., None]
    ):
        self._settings, self._sock, self._rest = settings, sock, rest
        self._pacer, self._deliver = pacer, deliver
        self._lock, self._closing, self._ended = threading.Lock(), threading.Event(), False
        self._sequence = 1
        self._room = Room(settings["window"])
        #: When something came, when we asked whether anybody is there, and until when answers are awaited.
        self._heard, self._asked, self._leave, self._last = clock.monotonic(), 0.0, 0.0, 0.0
        #: [flight, from, to] of bodies that wait; what is not answered by sequence number, which only grow.
        self._queue: deque[list[Any]] = deque()
        self._pending: dict[int, tuple[Flight, int]] = {}
        #: (when, last sequence number) of each write that may still wait for an answer.
        self._marks: deque[tuple[float, int]] = deque()
        self._waker, self._wakes = socket.socketpair()
        self._waker.setblocking(False)
        self._wakes.setblocking(False)
        self._out = Outbox(sock, self._wake)

    # --- for others' threads --------------------------------------------------------------------------

    @property
    def load(self) -> int:
        """PDUs that wait or are not answered."""
        return len(self._pending) + sum(stop - at for _flight, at, stop in self._queue)

    @property
    def pause_s(self) -> float:
        """How long the SMSC is left alone."""
        return max(0.0, self._room.paused - clock.monotonic())

    def submit(self, flight: Flight) -> bool:
        """Send it; False when the session is over, and then nothing was or will be sent."""
        with self._lock:
            if self._ended:
                return False
            self._queue.append([flight, 0, len(flight.bodies)])
            self._pump()
            if self._queue or self._out:
                self._wake()
        return True

    def answer(self, data: bytes) -> None:
        """Responses to deliver_sm; dropped when the session is over: the SMSC delivers again."""
        with self._lock:
            if not self._ended:
                self._out.write(data)
                if self._out:
                    self._wake()

    def leave(self) -> None:
        """Say good-bye once all is answered; `serve` returns soon after."""
        self._closing.set()
        self._wake()

    def _wake(self) -> None:
        with suppress(OSError):
            self._waker.send(b"!")

    # --- its own thread -------------------------------------------------------------------------------

    def serve(self) -> None:
        """Until good-bye was said.  Raises `Unreachable`, `OSError` or `Garbage` when it ends otherwise."""
        poller, sock = select.poll(), self._sock
        watched = select.POLLIN
        poller.register(sock, watched)
        poller.register(self._wakes, select.POLLIN)
        with self._lock:
            self._take(b"")
        while True:
            wanted = select.POLLIN | (select.POLLOUT if self._out else 0)
            if wanted != watched:
                poller.modify(sock, wanted)
                watched = wanted
            events = poller.poll(self._wait_ms())
            if not self._queue or len(self._pending) > GATHER_FROM:
                clock.sleep(GATHER_S)
            with self._lock:
                for number, _event in events:
                    if number == self._wakes.fileno():
                        with suppress(BlockingIOError):
                            self._wakes.recv(4096)
                    else:
                        self._read()
                self._out.flush()
                self._pump()
                if self._over(clock.monotonic()):
                    return

    def _wait_ms(self) -> int:
        if self._queue and not self._out and len(self._pending) < self._room.limit:
            wait_s = max(self._pacer.wait_s(), self._room.paused - clock.monotonic())
            return max(1, min(1000, int(wait_s * 1000)))
        return 50 if self._leave or self._closing.is_set() else 1000

    def _over(self, now: float) -> bool:
        """Unanswered PDUs, silence, good-byes; True when the session has ended."""
        marks, pending, late = self._marks, self._pending, now - self._settings["response_s"]
        # Sequence numbers of what is pending only grow.
        oldest = next(iter(pending), self._sequence + 1)
        while marks and (marks[0][1] < oldest or marks[0][0] < late):
            _at, last = marks.popleft()
            while oldest <= last:
                flight, at = pending.pop(oldest)
                flight.tell(at, LOST)
                oldest = next(iter(pending), self._sequence + 1)
        if self._closing.is_set() and not self._leave:
            self._last = self._last or now + FINISH_S
            if now > self._last or not (pending or self._queue):
                self._leave = now + LEAVE_S
                self._sequence += 1
                self._out.write(p.pdu(p.UNBIND, self._sequence))
        if self._leave:
            return now > self._leave or (not self._pending and not self._closing.is_set() and not self._out)
        if self._asked:
            if now - self._asked > self._settings["response_s"]:
                raise Unreachable("The SMSC does not answer any more.")
        elif now - self._heard > self._settings["enquire_s"]:
            self._asked = now
            self._sequence += 1
            self._out.write(p.pdu(p.ENQUIRE_LINK, self._sequence))
        return False

    def end(self) -> None:
        """The session is over: say of everything what became of it."""
        with self._lock:
            self._ended = True
            held = self._out.not_given(self._pending)
            for sequence, (flight, at) in self._pending.items():
                flight.tell(at, UNSENT if sequence in held else LOST)
            for flight, start, stop in self._queue:
                for at in range(start, stop):
                    flight.tell(at, flight.told[at])
            for one in (self._sock, self._waker, self._wakes):
                one.close()

    # --- writing, under the lock ----------------------------------------------------------------------

    def _pump(self) -> None:
        """Put as many waiting PDUs on the wire as window, pace and pause allow, in one write."""
        queue, pending = self._queue, self._pending
        room = self._room.limit - len(pending)
        if not queue or room <= 0 or self._out or self._leave:
            return
        now = clock.monotonic()
        if self._room.paused > now:
            return
        if self._sequence > _SEQUENCES:
            if pending:
                return
            self._sequence = 0
            self._marks.clear()
        room = self._pacer.take(min(room, sum(stop - at for _flight, at, stop in queue)))
        if room <= 0:
            return
        first = sequence = self._sequence
        made: list[bytes] = []
        add, pack = made.append, p.HEAD.pack
        while room and queue:
            flight, at, stop = entry = queue[0]
            end = min(stop, at + room)
            bodies = flight.bodies
            for number in range(at, end):
                sequence += 1
                body = bodies[number]
                add(pack(len(body) + 16, p.SUBMIT_SM, 0, sequence))
                add(body)
                pending[sequence] = (flight, number)
            room -= end - at
            if end == stop:
                queue.popleft()
            else:
                entry[1] = end
        self._sequence = sequence
        self._marks.append((now, sequence))
        self._out.write(b"".join(made), range(first + 1, sequence + 1))

    # --- reading, under the lock ----------------------------------------------------------------------

    def _read(self) -> None:
        sock, chunks = self._sock, []
        try:
            while data := sock.recv(_READ):
                chunks.append(data)
                # TLS may hold more than the socket shows; a plain socket is asked once.
                if not getattr(sock, "pending", int)():
                    break
            else:
                self._take(b"".join(chunks))
                raise Unreachable("The SMSC closed the connection.")
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            pass
        if _QUICKACK is not None:
            sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
        if chunks:
            self._heard, self._asked = clock.monotonic(), 0.0
            self._take(chunks[0] if len(chunks) == 1 else b"".join(chunks))

    def _take(self, data: bytes) -> None:
        """Every whole PDU of what came, in one loop; then the places they freed are filled."""
        if self._rest:
            data = self._rest + data
        at, size, good = 0, len(data), 0
        pending, unpack, find = self._pending, p.HEAD.unpack_from, data.find
        while size - at >= 16:
            length, command, status, sequence = unpack(data, at)
            if not 16 <= length <= p.MAX_PDU:
                self._rest = b""
                raise p.Garbage("what came is no SMPP")
            end = at + length
            if end > size:
                break
            if command == p.SUBMIT_SM_RESP:
                slot = pending.pop(sequence, None)
                # A late answer, its message is in doubt already.
                if slot is not None:
                    if status:
                        self._declined(*slot, status)
                    else:
                        good += 1
                        stop = find(b"\0", at + 16, end)
                        slot[0].tell(slot[1], data[at + 16 : end if stop < 0 else stop].decode("latin-1"))
            elif command == p.DELIVER_SM:
                self._deliver(self, command, sequence, data[at + 16 : end])
            else:
                self._other(command, status, sequence, data[at + 16 : end])
            at = end
        self._rest = data[at:]
        if good:
            self._room.accepted(good)
        self._pump()

    def _other(self, command: int, status: int, sequence: int, body: bytes) -> None:
        match command:
            case p.DELIVER_SM | p.DATA_SM:
                self._deliver(self, command, sequence, body)
            case p.ENQUIRE_LINK:
                self._out.write(p.pdu(p.ENQUIRE_LINK_RESP, sequence))
            case p.UNBIND:
                self._out.write(p.pdu(p.UNBIND | p.RESPONSE, sequence))
                self._leave = clock.monotonic() + LEAVE_S
            case p.GENERIC_NACK:
                slot = self._pending.pop(sequence, None)
                if slot is not None:
                    self._declined(*slot, status or p.INVALID_COMMAND)
            case p.ALERT_NOTIFICATION:
                pass
            case _ if command == p.UNBIND | p.RESPONSE:
                raise Unreachable("The session was ended.")
            case _ if not command & p.RESPONSE:
                self._out.write(p.pdu(p.GENERIC_NACK, sequence, status=p.INVALID_COMMAND))

    def _declined(self, flight: Flight, at: int, status: int) -> None:
        """Refused, or too fast: then slower, and this one again for a while."""
        if status not in p.THROTTLED:
            flight.tell(at, status)
            return
        self._room.throttled(clock.monotonic())
        if self._room.paused < flight.until:
            flight.told[at] = status
            self._queue.appendleft([flight, at, at + 1])
        else:
            # Out of patience: neither this one nor what waits behind it.
            rest = [entry for entry in self._queue if entry[0] is flight]
            self._queue = deque(entry for entry in self._queue if entry[0] is not flight)
            for number in (at, *(n for _flight, start, stop in rest for n in range(start, stop))):
                flight.tell(number, status)
