"""The shrunk rates that routing and pages read, and what the alarm holds an account to; every ten minutes.

Arrived means: delivered within 24 hours, of all the provider accepted.  An hour younger than that counts as so
many texts as would have told by now: n × F(age)/F(24 h), F being how soon this account's receipts come.  So a
fresh hour neither drags the rate down nor is thrown away.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from core import clock
from core.db import database, settings
from core.measure.arrival import beta, cells, estimate, survival
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

#: The past that is looked at: four half-lives.
DAYS = 56
EVERY_MS = 10 * clock.MINUTE_MS
DAY_S = 86_400.0
#: Receipts have had time when so much of what ever arrives within a day has arrived.
_SETTLED = 0.99
#: Hours too young to have told half of what they will are left out.
_TOLD = 0.5
_AT = "arrival:rates_at"

#: (account, country, carrier)
Group = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Delays:
    """How soon an account's receipts come: F at the edges of `cells.EDGES_S`."""

    shares: tuple[float, ...]

    def told(self, age_s: float) -> float:
        """The share of what arrives within a day that has arrived by this age."""
        last = self.shares[-1]
        if age_s >= DAY_S or last <= 0:
            return 1.0
        before, at_before = 0.0, 0.0
        for edge, share in zip(cells.EDGES_S, self.shares, strict=True):
            if age_s <= edge:
                return (at_before + (share - at_before) * (age_s - before) / (edge - before)) / last
            before, at_before = edge, share
        return 1.0

    @property
    def wait_s(self) -> int:
        """How long this account's receipts are waited for before a message counts as not arrived."""
        long = [edge for edge in cells.EDGES_S if edge >= 300]
        return next((edge for edge in long if self.told(edge) >= _SETTLED), long[-1])


def refresh(rt: Runtime, *_ids: int, force: bool = False) -> bool:
    """Work the rates out anew, when the last time is ten minutes ago; False when it is not."""
    now = clock.now_ms()
    if not force and now - settings.get(_AT, 0) < EVERY_MS:
        return False
    made = list(_rows(groups(zones.house(rt), now), now))
    database.retry_locked(_store, made, now)
    return True


def _store(rows: list[tuple], now: int) -> None:
    with database.write_tx():
        database.execute("DELETE FROM arrival_rate")
        database.copy_rows(
            "arrival_rate",
            ("account_id", "country", "carrier", "rate", "low", "high", "n", "updated_at"),
            [(*row, now) for row in rows],
        )
        settings.put(_AT, now)


@dataclass(slots=True)
class Counts:
    """One group: by hour of the day what weighs (arrived, texts), and the texts themselves."""

    hours: list[tuple[float, float]] = field(default_factory=lambda: [(0.0, 0.0)] * 24)
    texts: list[int] = field(default_factory=lambda: [0] * 24)

    @property
    def n(self) -> int:
        """Texts of the whole day."""
        return sum(self.texts)

    @property
    def total(self) -> tuple[float, float]:
        """(arrived, texts), weighted by age."""
        return sum(k for k, _n in self.hours), sum(n for _k, n in self.hours)


def groups(
    zone: ZoneInfo, now: int, where: str = "1 = 1", params: tuple = (), days: int = DAYS
) -> dict[Group, Counts]:
    """What each account, country and carrier did by the hour of the day in `zone`; younger texts weigh more.

    `where` narrows the cells looked at.
    """
    first, delay = now // clock.HOUR_MS - 24 * days, delays(now)
    read_at = dict(database.query("SELECT hour, read_at FROM arrival_hour WHERE hour >= ?", (first,)))
    found: dict[Group, Counts] = {}
    of_day: dict[int, int] = {}
    for account, country, carrier, hour, sent, arrived, into in database.query(
        "SELECT account_id, country, carrier, hour, SUM(sent), SUM(in_24h), SUM(into_s) FROM arrival_cell "
        f"WHERE hour >= ? AND {where} GROUP BY 1, 2, 3, 4",
        (first, *params),
    ):
        if not sent:
            continue
        told = (
            delay[account].told(age_s(hour, into / sent, read_at.get(hour, now))) if account in delay else 1.0
        )
        if told < _TOLD:
            continue
        if hour not in of_day:
            of_day[hour] = clock.from_ms(hour * clock.HOUR_MS).astimezone(zone).hour
        weight = estimate.weight((now - hour * clock.HOUR_MS) / clock.DAY_MS)
        group = found.setdefault((account, country, carrier), Counts())
        k, n = group.hours[of_day[hour]]
        texts = max(float(sent) * told, float(arrived))
        group.hours[of_day[hour]] = (k + weight * float(arrived), n + weight * texts)
        group.texts[of_day[hour]] += int(sent)
    return found


def _rows(found: Mapping[Group, Counts], now: int) -> Iterable[tuple]:
    """(account, country, carrier, rate, low, high, n) of all groups, of their countries and accounts."""
    fit = estimate.fit([counts.hours for counts in found.values()])
    sums: dict[Group, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0, 0.0])
    for (account, country, carrier), counts in found.items():
        k, n = counts.total
        made = fit.group(k, n)
        yield (account, country, carrier, made.mean, *made.interval(), counts.n)
        for wider in {(account, country, ""), (account, "", "")}:
            into = sums[wider]
            # Of several carriers: their estimates, each by its share of the texts.
            into[0] += n * made.mean
            into[1] += n * n * made.variance
            into[2] += n
            into[3] += counts.n
    for key, (mean, variance, n, texts) in sums.items():
        if n > 0 and key not in found:
            yield (*key, mean / n, *beta.interval(mean / n, variance / n**2), int(texts))


def age_s(hour: int, into_s: float, seen_at: int) -> float:
    """How old the texts of an hour, sent so many seconds into it, were when they were looked at."""
    return max(0.0, (seen_at - hour * clock.HOUR_MS) / 1000 - float(into_s))


def delays(now: int, days: int = 7) -> dict[int, Delays]:
    """How soon the receipts of each account come, by its last days."""
    made = {}
    for (account,), steps in steps_by(("account_id",), now // clock.HOUR_MS - 24 * days).items():
        found = (survival.incidence(steps, edge) for edge in cells.EDGES_S)
        made[account] = Delays(tuple(f.share if f else 0.0 for f in found))
    return made


def steps_by(
    keys: tuple[str, ...], first: int, where: str = "1 = 1", params: tuple = ()
) -> dict[tuple, list[survival.Step]]:
    """Receipts by age, for `survival.incidence`, since the hour `first`: {values of `keys`: steps}.

    What has no receipt was last seen without one when its hour was last looked at.
    """
    names, sums = ", ".join(keys), ", ".join(f"SUM({name})" for name in (*cells.CAME, *cells.FELL))
    places = ", ".join(str(place) for place in range(1, len(keys) + 1))
    found: dict[tuple, list[survival.Step]] = {}
    ages = [*map(float, cells.EDGES_S), DAY_S * 3]
    for row in database.query(
        f"SELECT {names}, {sums} FROM arrival_cell WHERE hour >= ? AND {where} GROUP BY {places}",
        (first, *params),
    ):
        counts = row[len(keys) :]
        found[tuple(row[: len(keys)])] = [
            (age, int(came), int(fell), 0)
            for age, came, fell in zip(ages, counts[: cells.BUCKETS], counts[cells.BUCKETS :], strict=True)
        ]
    for row in database.query(
        f"SELECT {names}, h.hour, MAX(h.read_at), SUM(sent - delivered - failed), SUM(open_s) FROM arrival_cell "
        f"JOIN arrival_hour h ON h.hour = arrival_cell.hour WHERE arrival_cell.hour >= ? AND {where} "
        f"GROUP BY {places}, h.hour HAVING SUM(sent - delivered - failed) > 0",
        (first, *params),
    ):
        *key, hour, read_at, open_, into = row
        found[tuple(key)].append((age_s(int(hour), into / open_, int(read_at)), 0, 0, int(open_)))
    return found
