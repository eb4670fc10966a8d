"""What pages, the command line and files say of arrival: figures with numerator, denominator and interval."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import clock
from core.db import database
from core.measure import counts
from core.measure.arrival import cells, estimate, rates, survival
from core.measure.arrival.estimate import Estimate
from core.measure.arrival.survival import Incidence
from core.measure.stats import NEED
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Filter:
    """Which messages: of the last `days`, of one account, class or country where told."""

    days: int = 7
    account_id: int | None = None
    cls: int | None = None
    country: str = ""

    def where(self) -> tuple[str, tuple]:
        """The condition on `arrival_cell`, but for the days."""
        parts: list[str] = ["1 = 1"]
        params: list = []
        for column, value in (
            ("account_id", self.account_id),
            ("cls", self.cls),
            ("country", self.country or None),
        ):
            if value is not None:
                parts.append(f"arrival_cell.{column} = ?")
                params.append(value)
        return " AND ".join(parts), tuple(params)

    @property
    def first(self) -> int:
        """The first hour looked at."""
        return clock.now_ms() // clock.HOUR_MS - 24 * self.days


@dataclass(slots=True)
class Figures:
    """One line: messages by what became of them, arrival within 5 minutes and a day, latency, cost.

    `pending` have no receipt for less than 72 hours, `unknown` for longer; neither has failed.  `five` and `day` are
    None while every text is too young to tell, and of an account that is `silent`: it never sent a receipt.
    """

    sent: int = 0
    delivered: int = 0
    failed: int = 0
    rejected: int = 0
    pending: int = 0
    unknown: int = 0
    in_5m: int = 0
    in_24h: int = 0
    parts: int = 0
    cost_micros: int = 0
    came: list[int] = field(default_factory=lambda: [0] * cells.BUCKETS)
    five: Incidence | None = None
    day: Incidence | None = None
    reasons: dict[str, int] = field(default_factory=dict)
    silent: bool = False

    @property
    def missing(self) -> int:
        """How many more texts a figure needs; 0 when there are enough."""
        return max(0, NEED - self.sent)

    @property
    def weak(self) -> bool:
        """A figure that should not be compared with others yet."""
        return self.sent < 4 * NEED or (
            self.day is not None and self.day.high - self.day.low > self.day.share
        )

    @property
    def p50(self) -> float | None:
        """Seconds within which half of what arrived had, about: known to a step of `cells.EDGES_S`."""
        return percentile(self.came, 0.5)

    @property
    def p95(self) -> float | None:
        """Seconds within which 95 % of what arrived had, about."""
        return percentile(self.came, 0.95)

    @property
    def per_delivered(self) -> float | None:
        """Micro-units a delivered message cost, those that never arrived included."""
        return self.cost_micros / self.delivered if self.delivered else None


def percentile(came: Sequence[int], share: float) -> float | None:
    """The time by which this share of receipts had come, between the edges in proportion; None without any.

    Infinite beyond the last edge, where nothing is known but "later than a day".
    """
    total, before, start = sum(came), 0, 0.0
    if not total:
        return None
    for edge, n in zip((*map(float, cells.EDGES_S), float("inf")), came, strict=True):
        if n and before + n >= share * total:
            return start + (edge - start) * (share * total - before) / n
        before, start = before + n, edge
    return float("inf")


def table(keys: tuple[str, ...], wish: Filter) -> dict[tuple, Figures]:
    """{values of `keys` (columns of arrival_cell; none: everything together): figures}."""
    where, params = wish.where()
    keys = keys or ("0",)
    names = ", ".join(keys)
    old = clock.now_ms() // clock.HOUR_MS - counts.UNKNOWN_AFTER_H
    plain = ("sent", "delivered", "failed", "rejected", "in_5m", "in_24h", "parts", "cost_micros")
    sums = ", ".join(f"SUM({name})" for name in (*plain, *cells.CAME))
    places = ", ".join(str(place) for place in range(1, len(keys) + 1))
    found: dict[tuple, Figures] = {}
    for row in database.query(
        f"SELECT {names}, SUM(CASE WHEN hour < ? THEN sent - delivered - failed ELSE 0 END), {sums} "
        f"FROM arrival_cell WHERE hour >= ? AND {where} GROUP BY {places}",
        (old, wish.first, *params),
    ):
        values = [int(value or 0) for value in row[len(keys) :]]
        one = Figures(*values[1:5], unknown=values[0], came=values[9:])
        one.in_5m, one.in_24h, one.parts, one.cost_micros = values[5:9]
        one.pending = one.sent - one.delivered - one.failed - one.unknown
        found[tuple(row[: len(keys)])] = one
    heard = _heard() if "account_id" in keys else None
    for key, steps in rates.steps_by(keys, wish.first, where, params).items():
        one = found[key]
        one.silent = heard is not None and key[keys.index("account_id")] not in heard
        if not one.silent:
            one.five, one.day = (_known(survival.incidence(steps, at)) for at in (300.0, rates.DAY_S))
    _reasons(found, names, wish, where, params)
    return found


def _heard() -> set[int]:
    """Accounts that ever sent a receipt, of what is counted."""
    return {
        account_id
        for (account_id,) in database.query(
            "SELECT id FROM account a WHERE EXISTS (SELECT 1 FROM arrival_cell c WHERE c.account_id = a.id "
            "AND c.delivered + c.failed > 0)"
        )
    }


def _known(found: Incidence | None) -> Incidence | None:
    """An estimate that rests on something: not one of texts that are all younger than the time asked about."""
    return found if found and found.effective >= 1.0 else None


def _reasons(found: dict[tuple, Figures], names: str, wish: Filter, where: str, params: tuple) -> None:
    counted: dict[tuple, Counter[str]] = defaultdict(Counter)
    for *key, text in database.query(
        f"SELECT {names}, reasons FROM arrival_cell WHERE hour >= ? AND {where} AND reasons <> '{{}}'",
        (wish.first, *params),
    ):
        counted[tuple(key)].update(json.loads(text))
    for key, reasons in counted.items():
        found[key].reasons = dict(reasons.most_common())


@dataclass(frozen=True, slots=True)
class HourCell:
    """A carrier in one hour of the day: the shrunk rate and the texts it rests on."""

    rate: Estimate
    texts: int


def by_hour(rt: Runtime, wish: Filter) -> dict[tuple[int, str], list[HourCell]]:
    """{(account, carrier): 24 cells} of the shrunk rates; the more recent a text, the more it counts."""
    where, params = wish.where()
    found = rates.groups(zones.house(rt), clock.now_ms(), where, params, max(wish.days, 1))
    fit = estimate.fit([counts.hours for counts in found.values()])
    by: dict[tuple[int, str], rates.Counts] = {}
    for (account, _country, carrier), group in found.items():
        into = by.setdefault((account, carrier), rates.Counts())
        into.hours = [(k + x, n + y) for (k, n), (x, y) in zip(into.hours, group.hours, strict=True)]
        into.texts = [n + more for n, more in zip(into.texts, group.texts, strict=True)]
    made = {}
    for key, counts_ in by.items():
        whole = fit.group(*counts_.total)
        made[key] = [
            HourCell(fit.cell(whole, k, n), texts)
            for (k, n), texts in zip(counts_.hours, counts_.texts, strict=True)
        ]
    return made


def countries() -> list[str]:
    """Countries texts went to, of what is counted."""
    return [
        row[0]
        for row in database.query("SELECT DISTINCT country FROM arrival_rate WHERE country <> '' ORDER BY 1")
    ]


def as_json(one: Figures) -> dict:
    """A line as `cooee arrival --json` gives it."""
    return {
        "sent": one.sent, "delivered": one.delivered, "failed": one.failed, "rejected": one.rejected,
        "pending": one.pending, "unknown": one.unknown, "parts": one.parts, "cost": one.cost_micros / 1_000_000,
        "cost_per_delivered": None if one.per_delivered is None else one.per_delivered / 1_000_000,
        "within_5m": _share(one.five, one.in_5m, one), "within_24h": _share(one.day, one.in_24h, one),
        "p50_s": _finite(one.p50), "p95_s": _finite(one.p95), "reasons": one.reasons,
    }  # fmt: skip


def _share(found: Incidence | None, arrived: int, one: Figures) -> dict:
    told = found is not None and not one.missing
    return {
        "value": found.share if told else None,
        "interval": [found.low, found.high] if told else None,
        "numerator": arrived,
        "denominator": one.sent,
        "need_more": one.missing,
    }


def _finite(seconds: float | None) -> float | None:
    return None if seconds is None or seconds == float("inf") else round(seconds, 1)
