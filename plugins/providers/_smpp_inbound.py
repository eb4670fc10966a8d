"""What an SMSC delivers: receipts and texts, answered only when they are stored.

One thread a process hands over what came since the last time in one call, so a busy stream of receipts costs
one commit for hundreds of them.  The parts of a long text are not answered before the text is whole and
stored, or has waited `HOLD_S`: an SMSC that gets no answer delivers again, so a crash loses nothing.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core import Inbound, Receipt, clock
from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t
from plugins.providers._smpp_receipts import Forms

log = logging.getLogger("cooee.smpp")

#: So many are handed over in one call at most.
PUT_MOST = 5_000
#: From so many on they are let gather, if more come within the first moment: a commit costs as much as reading
#: hundreds.  An SMSC that waits for our answers sends nothing then, and is not asked to wait for the next groups.
GATHER_FROM, GATHER_FIRST_S, GATHER_S, HURRIED = 100, 0.005, 0.05, 100
_NEVER = 1 << 60
#: Parts of a text wait so long for the others.
HOLD_S = 10.0
#: A sink that fails is asked again so often, a second apart; then the SMSC is told to come again.
TRIES = 8

#: One deliver_sm or data_sm, to be answered in the session it came in: (session, command, sequence, body).
Came = tuple[Any, int, int, bytes]


@dataclass(slots=True)
class _Held:
    """Parts of one text."""

    since: float
    texts: dict[int, str] = field(default_factory=dict)
    came: list[Came] = field(default_factory=list)


class Deliverer(threading.Thread):
    """Reads, joins, stores and answers.  `receipt` makes a `Receipt` of what is one, or gives None.

    With `base`, how the SMSC writes ids in receipts (`t.same_id`), receipts of the usual form are read at once.
    """

    def __init__(self, sink: Any, receipt: Callable[[p.Deliver], Receipt | None], base: int | None = None):
        super().__init__(name="smpp-deliver", daemon=True)
        self._sink, self._receipt = sink, receipt
        self._forms = None if base is None else Forms(receipt, base)
        self._waiting: deque[Came] = deque()
        #: Set when so many wait, or all is over.
        self._news, self._wanted, self._closing = threading.Event(), _NEVER, False
        #: Groups still to be handed over as they come.
        self._hurried = 0
        self._held: dict[tuple, _Held] = {}
        self.start()

    def take(self, session: Any, command: int, sequence: int, body: bytes) -> None:
        """Something came; called by the thread of its session, for each of thousands a second."""
        self._waiting.append((session, command, sequence, body))
        if len(self._waiting) >= self._wanted:
            self._wanted = _NEVER
            self._news.set()

    def close(self) -> None:
        """Store what came so far; parts that wait for others are left for the SMSC to deliver again."""
        self._closing = True
        self._news.set()
        self.join(30)

    def run(self) -> None:
        while True:
            self._gather()
            came = [self._waiting.popleft() for _n in range(min(len(self._waiting), PUT_MOST))]
            if not came and self._closing:
                return
            items, done, bad = self._read(came)
            self._hand_over(items, done)
            _answered([(one, p.BAD_TLVS) for one in bad])

    def _gather(self) -> None:
        """Until something came, and for the rest of it where much comes."""
        self._wait(1, 1.0 if self._held else None)
        n = len(self._waiting)
        if self._hurried:
            self._hurried -= 1
        elif n >= GATHER_FROM:
            self._wait(PUT_MOST, GATHER_FIRST_S)
            if len(self._waiting) > n:
                self._wait(PUT_MOST, GATHER_S)
            else:
                self._hurried = HURRIED

    def _wait(self, n: int, seconds: float | None) -> None:
        """Until so many wait.  `take` adds and then looks; this says what it waits for and then looks."""
        self._news.clear()
        self._wanted = n
        if len(self._waiting) < n and not self._closing:
            self._news.wait(seconds)
        self._wanted = _NEVER

    def _read(self, came: Sequence[Came]) -> tuple[list[Receipt | Inbound], list[Came], list[Came]]:
        items: list[Receipt | Inbound] = []
        done: list[Came] = []
        bad: list[Came] = []
        usual = self._forms.read if self._forms else None
        for one in came:
            _session, command, _sequence, body = one
            try:
                if usual and command == p.DELIVER_SM and (receipt := usual(body)) is not None:
                    items.append(receipt)
                    done.append(one)
                    continue
                got = p.read_deliver(command, body)
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
    for (session, command, sequence, _body), status in answers:
        # A message id, which stays empty, only where it was taken.
        answer = p.pdu(command | p.RESPONSE, sequence, b"" if status else b"\0", status)
        together.setdefault(session, []).append(answer)
    for session, some in together.items():
        session.answer(b"".join(some))
