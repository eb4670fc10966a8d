"""A gateway that exists only here, for trying things out and for tests.

What becomes of a message is a function of the seed and its reference alone: any process can say it at any
time, so polls and look-ups need no memory, and the same seed gives the same result for each reference.
Receipts are pushed through a connection of its own (a thread) with delays of seconds, or polled for.  A
pushed receipt lost with its process is found by the poll, which works in both modes.

For trials it can lie: receipts that say delivered for texts nobody gets, texts that arrive damaged.  With
`handset` the phones at its other end hand over what they really got, as a seed handset would: inbound texts of
this account, with the sender as the phone saw it and the phone's number as `to` (with pushed receipts only).
"""

from __future__ import annotations

import heapq
import random
import threading
from collections.abc import Iterable, Sequence
from datetime import timedelta
from hashlib import blake2b

from wtforms import BooleanField, FloatField, IntegerField, SelectField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import Form as BaseForm
from core import Found, Inbound, Outgoing, Provider, Receipt, Result, clock, hookimpl
from core.i18n import _l

#: Delays of pushed receipts and replies, seconds: (shortest, spread).
RECEIPT_S = (0.3, 3.0)
REPLY_S = (1.0, 6.0)
#: A text is on the phone before its receipt is here: after so much of the receipt's time.
ON_PHONE = 0.8
#: From whom a text comes without a sender of its own, and from whom when it was replaced.
NOBODY, OTHER_SENDER = "SIM", "10690000"
#: Receipts given to the sink in one call at most.
PUSH_BATCH = 500

#: What is delivered to nobody, by share of the undelivered: code → (state, sentence).
FAILURES = (
    (0.6, "absent", "undelivered", "Subscriber absent"),
    (0.9, "ttl", "expired", "Validity period over"),
    (1.0, "blocked", "undelivered", "Blocked by the carrier"),
)
#: Is it a number of China → what people answer, and how they opt out.
REPLIES = {True: ("好的，谢谢", "请问几点关门？", "OK"), False: ("Thanks!", "OK", "Is this still on?")}
STOPS = {True: ("退订", "T", "ＴＤ退订", "拒收"), False: ("STOP", " stop ", "Unsubscribe.")}


def _share(default: float, label) -> FloatField:
    return FloatField(label, [v.InputRequired(), v.NumberRange(0, 1)], default=default)


class Form(BaseForm):
    """Shares are 0 to 1."""

    seed = IntegerField(_l("Seed"), [v.InputRequired()], default=1)
    latency_ms = IntegerField(
        _l("Latency of a call, ms"), [v.InputRequired(), v.NumberRange(0, 60_000)], default=0
    )
    accept_rate = _share(0.99, _l("Share accepted"))
    deliver_rate = _share(0.95, _l("Share of the accepted that is delivered"))
    reply_rate = _share(0.02, _l("Share of the delivered that is answered"))
    optout_rate = _share(0.01, _l("Share of the delivered that is answered with STOP"))
    receipts = SelectField(
        _l("Receipts"),
        choices=[SelectChoice("push", _l("pushed")), SelectChoice("poll", _l("polled for"))],
        default="push",
    )
    duplicate_rate = _share(0.0, _l("Share of receipts that comes twice"))
    shuffle = BooleanField(_l("Receipts in random order"), default=False)
    slowness = FloatField(
        _l("Receipts and texts take so many times as long"),
        [v.InputRequired(), v.NumberRange(0, 1000)],
        default=1.0,
    )
    false_receipt_rate = _share(0.0, _l("Share of the receipts “delivered” that are not true"))
    damage_rate = _share(0.0, _l("Share of the texts that arrive damaged or from another sender"))
    handset = BooleanField(_l("The phones hand over what they got, for trials"), default=False)


class Fate:
    """What becomes of one reference: draws 0..1 that do not depend on each other."""

    __slots__ = ("provider_id", "draws")

    def __init__(self, seed: int, ref: str):
        digest = blake2b(f"{seed}:{ref}".encode(), digest_size=32).digest()
        self.provider_id = "sim-" + digest[:6].hex()
        self.draws = [int.from_bytes(digest[at : at + 4]) / 2**32 for at in range(8, 32, 4)]


class Arrival:
    """What the phone of one reference gets: draws of its own, so that nothing else changes with them."""

    __slots__ = ("draws",)

    def __init__(self, seed: int, ref: str):
        digest = blake2b(f"{seed}:{ref}:phone".encode(), digest_size=12).digest()
        self.draws = [int.from_bytes(digest[at : at + 4]) / 2**32 for at in (0, 4, 8)]


class Simulator(Provider):
    """Accepts, delivers and answers by chance."""

    name = "simulator"
    title = _l("Simulator")
    about = _l(
        "Sends nothing and costs nothing: accepts, delivers and answers by chance. Good for a first try."
    )
    Form = Form
    batch_size = 500
    window = 500
    idempotency_ttl_s = 10 * 365 * 86_400
    echoes_reference = True
    can_look_up = True
    settle_s = 0
    can_poll = True

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self._pusher: _Pusher | None = None

    def open(self, sink):
        if self.settings["receipts"] == "push":
            self._pusher = _Pusher(sink)

    def close(self):
        if self._pusher is not None:
            self._pusher.close()

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        clock.sleep(self.settings["latency_ms"] / 1000)
        results = [self._result(message.ref) for message in messages]
        if self._pusher is not None:
            for message, result in zip(messages, results, strict=True):
                if result.outcome == "accepted":
                    self._push(message)
        return results

    def _fate(self, ref: str) -> Fate:
        return Fate(self.settings["seed"], ref)

    def _result(self, ref: str) -> Result:
        fate = self._fate(ref)
        if fate.draws[0] < self.settings["accept_rate"]:
            return Result("accepted", fate.provider_id)
        return Result("rejected", code="refused", reason="Refused by the simulator")

    def _receipt(self, ref: str) -> Receipt | None:
        fate = self._fate(ref)
        if fate.draws[0] >= self.settings["accept_rate"]:
            return None
        if fate.draws[1] < self.settings["deliver_rate"]:
            return Receipt("delivered", ref, fate.provider_id, code="ok")
        for bound, code, state, reason in FAILURES:
            if fate.draws[2] < bound:
                return Receipt(state, ref, fate.provider_id, code=code, reason=reason)
        raise AssertionError("FAILURES ends at 1.0")

    def _push(self, message: Outgoing) -> None:
        fate, receipt = self._fate(message.ref), self._receipt(message.ref)
        delay_s = (RECEIPT_S[0] + RECEIPT_S[1] * fate.draws[3]) * self.settings["slowness"]
        wait_s = random.uniform(0, 2 * RECEIPT_S[1]) if self.settings["shuffle"] else delay_s  # noqa: S311
        items = [(wait_s, receipt)]
        if self.settings["handset"] and (got := self.arrival(message)):
            items.append((delay_s * ON_PHONE, got))
        if fate.draws[4] < self.settings["duplicate_rate"]:
            items.append((wait_s + RECEIPT_S[1], receipt))
        text = self._reply(fate, message.to) if receipt.state == "delivered" else ""
        if text:
            reply_s = delay_s + REPLY_S[0] + REPLY_S[1] * fate.draws[4]
            items.append((reply_s, Inbound(message.to, text, message.sender, "mo-" + fate.provider_id)))
        self._pusher.put(items)

    def arrival(self, message: Outgoing) -> Inbound | None:
        """What the phone hands over of a message, None when it never came; `at` is set when it does."""
        receipt = self._receipt(message.ref)
        if receipt is None or receipt.state != "delivered":
            return None
        lie, damage, how = Arrival(self.settings["seed"], message.ref).draws
        if lie < self.settings["false_receipt_rate"]:
            return None
        text, sender = message.text, message.sender or NOBODY
        if damage < self.settings["damage_rate"]:
            text, sender = (text[:-5] + "?????", sender) if how < 0.5 else (text, OTHER_SENDER)
        return Inbound(sender, text, message.to, "phone-" + receipt.provider_id)

    def _reply(self, fate: Fate, to: str) -> str:
        stops, replies = self.settings["optout_rate"], self.settings["reply_rate"]
        if fate.draws[5] >= stops + replies:
            return ""
        words = (STOPS if fate.draws[5] < stops else REPLIES)[to.startswith("+86")]
        return words[int(fate.draws[2] * len(words))]

    def poll(self, refs: Sequence[tuple[str, str | None]]) -> Iterable[Receipt]:
        receipts = [receipt for ref, _id in refs if (receipt := self._receipt(ref))]
        if self.settings["shuffle"]:
            random.shuffle(receipts)
        return receipts

    def look_up(self, ref: str) -> Found:
        result = self._result(ref)
        return Found(result.outcome == "accepted", result.provider_id, self._receipt(ref))


class _Pusher(threading.Thread):
    """The simulator's own connection: hands items to the sink when they are due."""

    def __init__(self, sink):
        super().__init__(name="simulator", daemon=True)
        self._sink = sink
        self._heap: list[tuple[float, int, Receipt | Inbound]] = []
        self._count = 0
        self._changed = threading.Condition()
        self._closing = False
        self.start()

    def put(self, items: Iterable[tuple[float, Receipt | Inbound]]) -> None:
        """Hand over each item after its delay in seconds."""
        now = clock.monotonic()
        with self._changed:
            for wait_s, item in items:
                self._count += 1
                heapq.heappush(self._heap, (now + wait_s, self._count, item))
            self._changed.notify()

    def close(self) -> None:
        """What is not due yet is handed over at once."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self.join(10)

    def run(self) -> None:
        while batch := self._due():
            try:
                self._sink.put(batch)
            except Exception:
                # Not stored: again in a second, as a gateway would.  After the close the poll finds them.
                if not self._closing:
                    self.put((1.0, item) for item in batch)

    def _due(self) -> list[Receipt | Inbound]:
        """Wait for items that are due; empty when closed and all is handed over."""
        with self._changed:
            while not self._closing and (not self._heap or self._heap[0][0] > clock.monotonic()):
                self._changed.wait(self._heap[0][0] - clock.monotonic() if self._heap else None)
            batch: list[Receipt | Inbound] = []
            now = float("inf") if self._closing else clock.monotonic()
            while self._heap and self._heap[0][0] <= now and len(batch) < PUSH_BATCH:
                batch.append(heapq.heappop(self._heap)[2])
        at = clock.now()
        return [_stamped(item, at) for item in batch]


def _stamped(item, at):
    if isinstance(item, Inbound):
        return Inbound(item.sender, item.text, item.to, item.id, at)
    return Receipt(
        item.state, item.ref, item.provider_id, at - timedelta(milliseconds=1), item.code, item.reason
    )


@hookimpl
def register_providers():
    return [Simulator]
