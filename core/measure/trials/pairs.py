"""Accounts on the same phones: each pair is one round on one phone, a text through the one and through the other.

Whatever is wrong with a phone is wrong for both, so far fewer texts tell two accounts apart than on different
phones.  Tango's interval, exact McNemar (core.measure.arrival.trial_maths).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from core import clock
from core.measure.arrival import trial_maths
from core.measure.trials.figures import NEED, RECEIPT_MS, Text

#: Least difference a verdict speaks of.
_SMALL = 0.005


@dataclass(frozen=True, slots=True)
class Pair:
    """Two accounts; `seen`: by what arrived on the phones, else by receipts.

    `only_first` rounds only the first reached.  `difference` is first − second.
    """

    first: int
    second: int
    seen: bool
    n: int
    both: int
    only_first: int
    only_second: int
    difference: float
    low: float
    high: float
    p: float

    @property
    def missing(self) -> int:
        """Pairs it takes before a difference is told; 0 when there are enough."""
        return max(0, NEED - self.n)

    @property
    def better(self) -> int | None:
        """The account that is better for sure, if one is."""
        if self.missing or self.low <= 0 <= self.high or self.p >= 0.05:
            return None
        return self.first if self.difference > 0 else self.second

    @property
    def more(self) -> int | None:
        """About how many more pairs would settle a difference like the one seen; None when there is none."""
        if abs(self.difference) < _SMALL or not self.n:
            return None
        size = trial_maths.mcnemar_size(self.only_second / self.n, self.only_first / self.n)
        return max(0, size - self.n)

    def plain(self, names: dict[int, str]) -> dict[str, Any]:
        """As JSON."""
        return {
            "first": names.get(self.first), "second": names.get(self.second),
            "basis": "seen" if self.seen else "receipts", "pairs": self.n, "both": self.both,
            "only_first": self.only_first, "only_second": self.only_second,
            "difference": None if self.missing else self.difference,
            "interval": None if self.missing else [self.low, self.high],
            "p": None if self.missing else self.p, "need_more": self.missing,
            "better": names.get(self.better) if self.better else None,
        }  # fmt: skip


def of(texts: Sequence[Text], accounts: Sequence[int], now: int | None = None) -> list[Pair]:
    """All pairs of accounts that share rounds."""
    now = clock.now_ms() if now is None else now
    seen = any(text.known for text in texts)
    arrived = {account: _arrived(texts, account, seen, now) for account in accounts}
    made = []
    for first, second in combinations(accounts, 2):
        one, other = arrived[first], arrived[second]
        shared = one.keys() & other.keys()
        if shared:
            only_first = sum(one[key] and not other[key] for key in shared)
            only_second = sum(other[key] and not one[key] for key in shared)
            both = sum(one[key] and other[key] for key in shared)
            told = trial_maths.paired(only_second, only_first, len(shared))
            made.append(Pair(first, second, seen, len(shared), both, only_first, only_second, *told))
    return made


def _arrived(texts: Sequence[Text], account: int, seen: bool, now: int) -> dict[tuple[int, int], bool]:
    """{(phone, round): did it arrive}; a text the provider refused did not, whoever looked."""
    found = {}
    for text in texts:
        if text.account_id != account or text.kind == "stop":
            continue
        key = (text.number_id, text.round)
        if text.state == "rejected":
            found[key] = False
        elif seen and text.known:
            found[key] = text.came
        elif (
            not seen
            and text.out
            and (text.state != "accepted" or (text.submitted_at or now) <= now - RECEIPT_MS)
        ):
            found[key] = text.state == "delivered"
    return found
