"""What an SMSC delivers: receipts and texts, answered only when they are stored.

One thread a process hands over what came since the last time in one call, so a busy stream of receipts costs
one commit for hundreds of them.  The parts of a long text are not answered before the text is whole and
stored, or has waited `HOLD_S`: an SMSC that gets no answer delivers again, so a crash loses nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from core import Inbound, Receipt, clock
from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t

log = logging.getLogger("cooee.smpp")

#: So many are handed over in one call at most.
PUT_MOST = 1_000
#: Parts of a text wait so long for the others.
HOLD_S = 10.0
#: A sink that fails is asked again so often, a second apart; then the SMSC is told to come again.
TRIES = 8


@dataclass(slots=True)
class Came:
    """One deliver_sm, to be answered in the session it came in."""

    session: Any
    command: int
    sequence: int
    body: bytes

    def answer(self, status: int) -> bytes:
        """Its response; a message id, which stays empty, only where it was taken."""
        return p.pdu(self.command | p.RESPONSE, self.sequence, b"" if status else b"\0", status)


@dataclass(slots=True)
class _Held:
    """Parts of one text."""

    since: float
    texts: dict[int, str] = field(default_factory=dict)
    came: list[Came] = field(default_factory=list)


class Deliverer(threading.Thread):
    """Reads, joins, stores and answers.  `receipt` makes a `Receipt` of what is one, or gives None."""

    def __init__(self, sink: Any, receipt: Callable[[p.Deliver], Receipt | None]):
        super().__init__(name="smpp-deliver", daemon=True)
        self._sink, self._receipt = sink, receipt
        self._waiting: deque[Came] = deque()
        self._changed, self._closing = threading.Condition(), False
        self._held: dict[tuple, _Held] = {}
        self.start()

    def take(self, session: Any, command: int, sequence: int, body: bytes) -> None:
        """Something came; called by the thread of its session."""
        with self._changed:
            self._waiting.append(Came(session, command, sequence, body))
            if len(self._waiting) == 1:
                self._changed.notify()

    def close(self) -> None:
        """Store what came so far; parts that wait for others are left for the SMSC to deliver again."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.join(30)

    def run(self) -> None:
        while True:
            with self._changed:
                if not self._waiting and not self._closing:
                    self._changed.wait(1.0 if self._held else None)
            came = [self._waiting.popleft() for _n in range(min(len(self._waiting), PUT_MOST))]
            if not came and self._closing:
                return
            items, done, bad = self._read(came)
            self._hand_over(items, done)
            _answered([(one, p.BAD_TLVS) for one in bad])

    def _read(self, came: Iterable[Came]) -> tuple[list[Receipt | Inbound], list[Came], list[Came]]:
        items: list[Receipt | Inbound] = []
        done: list[Came] = []
        bad: list[Came] = []
        for one in came:
            try:
                got = p.read_deliver(one.command, one.body)
            except p.Garbage as error:
                log.warning("a delivery of the SMSC cannot be read: %s", error)
                bad.append(one)
                continue
            if got.is_receipt:
                receipt = self._receipt(got)
                items += [receipt] if receipt is not None else []
                done.append(one)
            else:
                whole = self._join(one, got)
                if whole is not None:
                    items.append(whole[0])
                    done += whole[1]
        for text, parts in self._expired():
            items.append(text)
            done += parts
        return items, done, bad

    def _join(self, one: Came, got: p.Deliver) -> tuple[Inbound, list[Came]] | None:
        piece = t.read_piece(got)
        if piece.total == 1:
            return Inbound(got.source, piece.text, got.dest), [one]
        key = (got.source, got.dest, piece.ref, piece.total)
        held = self._held.setdefault(key, _Held(clock.monotonic()))
        held.texts.setdefault(piece.number, piece.text)
        held.came.append(one)
        return self._whole(key) if len(held.texts) == piece.total else None

    def _whole(self, key: tuple) -> tuple[Inbound, list[Came]]:
        held = self._held.pop(key)
        text = "".join(held.texts[number] for number in sorted(held.texts))
        return Inbound(key[0], text, key[1]), held.came

    def _expired(self) -> list[tuple[Inbound, list[Came]]]:
        late = clock.monotonic() - HOLD_S
        return [self._whole(key) for key in [key for key, held in self._held.items() if held.since < late]]

    def _hand_over(self, items: list[Receipt | Inbound], done: list[Came]) -> None:
        if not done:
            return
        status = p.TRY_LATER
        for _try in range(TRIES if self._sink is not None else 0):
            try:
                if items:
                    self._sink.put(items)
                status = p.OK
                break
            except Exception:
                log.exception("what the SMSC delivered could not be stored")
                if self._closing:
                    break
                clock.sleep(1.0)
        _answered([(one, status) for one in done])


def _answered(answers: Iterable[tuple[Came, int]]) -> None:
    """All answers of one session in one write."""
    together: dict[Any, list[bytes]] = {}
    for one, status in answers:
        together.setdefault(one.session, []).append(one.answer(status))
    for session, some in together.items():
        session.answer(b"".join(some))
