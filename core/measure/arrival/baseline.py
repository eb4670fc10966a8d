"""What an account is held to: the arrival it usually gives in the time its receipts are given."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from core import clock
from core.db import database
from core.measure.arrival import alarm, cells, estimate, rates

#: Texts needed before an account is watched, and one of its carriers by itself.
NEED, NEED_CARRIER = 200, 2_000
#: Today's hours are left out where older ones are enough: a drop must not become the usual within the hour.
_FRESH_H = 24


@dataclass(frozen=True, slots=True)
class Usual:
    """`share` of `n` texts arrive within `wait_ms`; None while there are too few, or too few ever arrive."""

    share: float | None
    n: int
    wait_ms: int


def read(now: int) -> dict[tuple[int, str], Usual]:
    """{(account, carrier or '' for all): what is usual}, of accounts with counted hours."""
    delays = rates.delays(now)
    waits = {account: delay.wait_s for account, delay in delays.items()}
    hour_now = now // clock.HOUR_MS
    found: dict[tuple[int, str], dict[bool, list[float]]] = defaultdict(
        lambda: {True: [0.0, 0.0, 0.0], False: [0.0, 0.0, 0.0]}
    )
    sums = ", ".join(f"SUM({name})" for name in cells.CAME[:-1])
    for account, carrier, hour, sent, *came in database.query(
        f"SELECT account_id, carrier, hour, SUM(sent), {sums} FROM arrival_cell WHERE hour >= ? GROUP BY 1, 2, 3",
        (hour_now - 24 * rates.DAYS,),
    ):
        wait_s = waits.get(account, cells.EDGES_S[-1])
        if not sent or (now - (hour + 1) * clock.HOUR_MS) / 1000 < wait_s:
            continue
        arrived = sum(int(n) for edge, n in zip(cells.EDGES_S, came, strict=True) if edge <= wait_s)
        weight = estimate.weight((now - hour * clock.HOUR_MS) / clock.DAY_MS)
        for key in ((account, ""), (account, carrier)):
            into = found[key][hour > hour_now - _FRESH_H]
            into[0] += weight * arrived
            into[1] += weight * int(sent)
            into[2] += int(sent)
    chosen = {
        key: old[False]
        if old[False][2] >= _need(key)
        else [x + y for x, y in zip(*old.values(), strict=True)]
        for key, old in found.items()
    }
    fits = {whole: _fit(chosen, whole) for whole in (True, False)}
    return {
        (account, carrier): _usual(fits[not carrier], *chosen[account, carrier], (account, carrier), waits)
        for account, carrier in chosen
    }


def _need(key: tuple[int, str]) -> int:
    return NEED_CARRIER if key[1] else NEED


def _fit(chosen: dict[tuple[int, str], list[float]], whole: bool) -> estimate.Fit:
    return estimate.fit(
        [[(k, n)] for (_a, carrier), (k, n, _texts) in chosen.items() if whole is not bool(carrier)]
    )


def _usual(
    fit: estimate.Fit, arrived: float, weighted: float, n: float, key: tuple[int, str], waits: dict[int, int]
) -> Usual:
    share = fit.group(arrived, weighted).mean
    told = n >= _need(key) and share >= alarm.LEAST
    return Usual(share if told else None, int(n), waits.get(key[0], cells.EDGES_S[-1]) * 1000)
