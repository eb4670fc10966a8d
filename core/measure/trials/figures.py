"""What each account did in a trial: every figure as so many of so many, with Wilson's interval.

arrival     seen on the phone, of the texts the provider took and somebody looked for
false       receipts that say delivered for a text that never came, of those somebody looked for
missing     texts that came, without such a receipt after an hour
damaged     texts that came changed; replaced: that came from another sender than was ordered
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, exp, lgamma, log
from typing import Any, NamedTuple

from core import clock
from core.db import database
from core.measure import stats
from core.measure.arrival import figures as arrival
from core.measure.trials.confirm import OUT, PATIENCE_MS

#: Below so many only counts are told; below four times as many a figure is grey (docs/measurement.md).
NEED = arrival.NEED
#: A receipt later than this counts as missing until it comes.
RECEIPT_MS = clock.HOUR_MS


class Text(NamedTuple):
    """One text, as read for a report."""

    id: int
    number_id: int
    account_id: int
    round: int
    hours: str
    kind: str
    state: str
    reason: str
    sender: str
    submitted_at: int | None
    receipt_at: int | None
    seen: str
    seen_by: str
    seen_at: int | None
    seen_sender: str
    answer: str
    message_id: int | None
    parts: int
    cost_micros: int
    carrier: str

    @property
    def out(self) -> bool:
        """Did the provider take it?"""
        return self.state in OUT

    @property
    def known(self) -> bool:
        """Did somebody look for it?"""
        return self.out and self.seen != ""

    @property
    def came(self) -> bool:
        """Was it seen on the phone?"""
        return self.out and self.seen in ("yes", "damaged")


def read(trial_id: int, now: int | None = None) -> list[Text]:
    """All texts of a trial.

    What a phone handed over within the last minutes is not told yet: of texts just as young that will never come
    nobody knows so far, and counting only those that came would flatter the provider.
    """
    since = (clock.now_ms() if now is None else now) - PATIENCE_MS
    young = "CASE WHEN t.seen_by = 'handset' AND t.submitted_at > ? THEN '' ELSE t.seen END"
    names = ", ".join(young if name == "seen" else f"t.{name}" for name in Text._fields if name != "carrier")
    return [
        Text(*row)
        for row in database.query(
            f"SELECT {names}, n.carrier FROM trial_text t JOIN trial_number n ON n.id = t.number_id "
            "WHERE t.trial_id = ? ORDER BY t.id",
            (since, trial_id),
        )
    ]


@dataclass(frozen=True, slots=True)
class Share:
    """`k` of `n`, with the 95 % interval; (0, 1) for nothing."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's interval."""
        return stats.wilson(self.k, self.n) or (0.0, 1.0)

    @property
    def missing(self) -> int:
        """How many more it takes before the share is told; 0 when there are enough."""
        return max(0, NEED - self.n)

    @property
    def weak(self) -> bool:
        """Told, but grey."""
        return self.n < 4 * NEED

    def plain(self) -> dict[str, Any]:
        """As JSON: counts always, the share and its interval once there are enough."""
        told = not self.missing
        return {
            "numerator": self.k, "denominator": self.n, "value": self.value if told else None,
            "interval": list(self.interval) if told else None, "need_more": self.missing,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of seconds of `n` texts; `low` and `high` are ends of its 95 % interval, None when so few
    texts have none."""

    n: int
    value: float | None
    low: float | None
    high: float | None

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"seconds": self.value, "interval": [self.low, self.high], "n": self.n}


def quantile(seconds: Sequence[float], q: float) -> Quantile:
    """The q-quantile with the interval between two order statistics that holds for any distribution
    (binomial; Conover, Practical Nonparametric Statistics, 3.2)."""
    values, n = sorted(seconds), len(seconds)
    if not n:
        return Quantile(0, None, None, None)
    low, high = _binomial(n, q, 0.025), _binomial(n, q, 0.975) + 1
    # The (low)th and (high)th smallest value, counted from 1; outside the sample there is no end.
    return Quantile(
        n, values[max(0, ceil(q * n) - 1)], values[low - 1] if low >= 1 else None,
        values[high - 1] if high <= n else None,
    )  # fmt: skip


def _binomial(n: int, q: float, level: float) -> int:
    """The smallest number that a binomial of n and q does not pass with this probability."""
    total = 0.0
    for k in range(n + 1):
        total += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(q) + (n - k) * log(1 - q))
        if total >= level:
            return k
    return n


@dataclass(frozen=True, slots=True)
class Account:
    """The figures of one account, over all texts or those of one kind."""

    planned: int
    waiting: int
    never: int
    accepted: Share
    claimed: Share
    receipts: Share
    arrival: Share
    false: Share
    missing: Share
    damaged: Share
    replaced: Share
    by_receipt: tuple[Quantile, Quantile]
    by_phone: tuple[Quantile, Quantile]
    parts: int
    cost_micros: int

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        shares = ("accepted", "claimed", "receipts", "arrival", "false", "missing", "damaged", "replaced")
        return {
            "planned": self.planned, "waiting": self.waiting, "never_left": self.never,
            **{name: getattr(self, name).plain() for name in shares},
            "latency_receipt_p50": self.by_receipt[0].plain(), "latency_receipt_p95": self.by_receipt[1].plain(),
            "latency_phone_p50": self.by_phone[0].plain(), "latency_phone_p95": self.by_phone[1].plain(),
            "parts": self.parts, "cost": self.cost_micros / 1_000_000,
        }  # fmt: skip


def of(texts: Iterable[Text], now: int | None = None) -> Account:
    """The figures of these texts of one account."""
    now = clock.now_ms() if now is None else now
    texts = [text for text in texts if text.state != "cancelled"]
    out = [text for text in texts if text.out]
    old = [t for t in out if t.state != "accepted" or (t.submitted_at or now) <= now - RECEIPT_MS]
    known = [text for text in out if text.known]
    came = [text for text in out if text.came]
    said = [text for text in known if text.state == "delivered"]
    settled = {text.id for text in old}
    from_someone = [text for text in came if text.sender and text.seen_sender]
    return Account(
        planned=len(texts),
        waiting=sum(text.state in ("waiting", "given") for text in texts),
        never=sum(text.state in ("skipped", "refused") for text in texts),
        accepted=Share(len(out), sum(text.out or text.state == "rejected" for text in texts)),
        claimed=Share(sum(text.state == "delivered" for text in old), len(old)),
        receipts=Share(sum(text.state != "accepted" for text in old), len(old)),
        arrival=Share(len(came), len(known)),
        false=Share(sum(not text.came for text in said), len(said)),
        missing=_share([text.state != "delivered" for text in came if text.id in settled]),
        damaged=_share([text.seen == "damaged" for text in came]),
        replaced=_share([is_other(text.sender, text.seen_sender) for text in from_someone]),
        by_receipt=_two([(t.receipt_at, t.submitted_at) for t in out if t.state == "delivered"]),
        by_phone=_two([(t.seen_at, t.submitted_at) for t in came if t.seen_by == "handset"]),
        parts=sum(text.parts for text in out),
        cost_micros=sum(text.cost_micros for text in out),
    )


def is_other(ordered: str, seen: str) -> bool:
    """Is this another sender?  A number with and without its plus is the same."""
    return ordered.strip().lstrip("+").casefold() != seen.strip().lstrip("+").casefold()


def _share(hits: list[bool]) -> Share:
    return Share(sum(hits), len(hits))


def _two(spans: list[tuple[int | None, int | None]]) -> tuple[Quantile, Quantile]:
    # A clock that was set back says nothing of the time a text took.
    seconds = [(end - begin) / 1000 for end, begin in spans if end and begin and end >= begin]
    return quantile(seconds, 0.5), quantile(seconds, 0.95)
