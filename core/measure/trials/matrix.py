"""Arrival by carrier and hour of the day: counts always, the rate leaning on its carrier where texts are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.measure.arrival import estimate
from core.measure.trials.figures import NEED, Text
from core.measure.trials.plan import WINDOWS


@dataclass(frozen=True, slots=True)
class Cell:
    """`k` of `n` arrived; `rate` with its interval is the shrunk estimate, None while the account has too few."""

    k: int
    n: int
    rate: float | None = None
    low: float = 0.0
    high: float = 1.0

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "numerator": self.k,
            "denominator": self.n,
            "rate": self.rate,
            "interval": [self.low, self.high],
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """Of one account: {carrier: {hours: cell}}; `seen`: by phones, else by receipts."""

    account_id: int
    seen: bool
    hours: tuple[str, ...]
    lines: dict[str, dict[str, Cell]]


def of(texts: Sequence[Text], accounts: Sequence[int]) -> list[Matrix]:
    """A matrix an account."""
    seen = any(text.known for text in texts)
    hours = tuple(key for key in WINDOWS if any(text.hours == key for text in texts))
    return [_one(texts, account, seen, hours) for account in accounts]


def _one(texts: Sequence[Text], account: int, seen: bool, hours: tuple[str, ...]) -> Matrix:
    counts: dict[str, dict[str, list[int]]] = {}
    for text in texts:
        if text.account_id != account or not (text.known if seen else text.state in ("delivered", "failed")):
            continue
        cell = counts.setdefault(text.carrier, {}).setdefault(text.hours, [0, 0])
        cell[0] += text.came if seen else text.state == "delivered"
        cell[1] += 1
    carriers = sorted(counts, key=lambda name: (-sum(n for _k, n in counts[name].values()), name))
    enough = sum(n for line in counts.values() for _k, n in line.values()) >= NEED
    fit = estimate.fit([[tuple(line.get(key, (0, 0))) for key in hours] for line in counts.values()])
    lines = {}
    for carrier in carriers:
        line = counts[carrier]
        whole = fit.group(sum(k for k, _n in line.values()), sum(n for _k, n in line.values()))
        lines[carrier] = {key: _cell(fit, whole, *line[key], enough) for key in hours if key in line}
    return Matrix(account, seen, hours, lines)


def _cell(fit: estimate.Fit, whole: estimate.Estimate, k: int, n: int, enough: bool) -> Cell:
    if not enough:
        return Cell(k, n)
    found = fit.cell(whole, k, n)
    return Cell(k, n, found.mean, *found.interval())
