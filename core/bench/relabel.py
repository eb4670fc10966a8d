"""`cooee bench relabel`: labels by rule, for whoever has news and for everyone.

`n` contacts with ten events each on average, six rules of different kinds.  First the full run of the night, then a
tenth of `n` new events of as many people and the incremental run over them.  `baseline` reads every event once
with SQL written by hand (sums of its columns); `ratio` is the full run over it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from core import clock
from core.audience import labels
from core.audience.labelling import rules, running
from core.bench import apart, audience, clocked, figures, throwaway
from core.db import database

#: (kind, label, params): one that ranks, one that looks at the first, a sum in a window, a count, an age, a score.
RULES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("top_category", "Interest:", {"within_days": 90, "half_life": 30, "least": 2}),
    ("first_bought", "First:", {}),
    ("spender", "Spender", {"at_least": 300, "within_days": 365}),
    ("counted", "Clicks", {"type": "click", "amount": 2, "within_days": 90}),
    ("since", "Sleeping", {"type": "purchase", "days": 90}),
    ("score", "Keen", {"threshold": 6}),
)
_EACH = 10
#: Per cent of events by type: view, cart, purchase, refund, click, visit.
_TYPES = ((60, 1), (70, 2), (80, 3), (81, 4), (96, 7), (100, 8))


def run(n: int) -> dict:
    """Build, run, measure; see the module."""
    with throwaway() as rt:
        now = clock.now_ms()
        events = apart(rt, audience.build, n, n * _EACH)
        for kind, label, params in RULES:
            rules.create(rt, rules.checked(rt, label, kind, params), "bench")
        with clocked() as bare:
            database.query("SELECT COUNT(*), SUM(amount_micros), SUM(category_id) FROM event")
        with _watched() as locks, clocked() as full:
            first = running.full(rt)
        with clocked() as second:
            running.full(rt)
        news = n // _EACH
        _more(now, n, news)
        with clocked() as incremental:
            done = running.incremental(rt)
        wrong = labels.check()
        if wrong:
            raise AssertionError(wrong)
        return figures(
            "relabel", news, incremental, {"scan_s": round(bare.seconds, 3)}, full.seconds / bare.seconds,
            contacts=n, events=events, rules=len(RULES),
            full_s=round(full.seconds, 1), full_cpu_s=round(full.cpu_s, 1), full_set=first["set"],
            full_again_s=round(second.seconds, 1), incremental_s=round(incremental.seconds, 2),
            incremental_cpu_s=round(incremental.cpu_s, 2), incremental_people=done["people"],
            incremental_set=done["set"], incremental_removed=done["removed"],
            longest_wait_ms=round(locks["longest"] * 1000), rule_ms={r.label: r.last_ms for r in rules.all_rules()},
        )  # fmt: skip


@contextlib.contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """The longest another writer waited for the lock meanwhile."""
    seen, stop = {"longest": 0.0}, threading.Event()

    def write() -> None:
        while not stop.wait(0.05):
            started = clock.monotonic()
            with database.write_tx():
                database.execute("UPDATE setting SET value = value WHERE key = 'labels.run'")
            seen["longest"] = max(seen["longest"], clock.monotonic() - started)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    yield seen
    stop.set()
    thread.join()


_STAT = """INSERT INTO event_stat ("type", contact_id, n, sum_micros, first_at, at1)
SELECT "type", contact_id, COUNT(*), COALESCE(SUM(amount_micros), 0), MIN("at"), MAX("at") FROM event """


def _more(now: int, n: int, news: int) -> None:
    """New events of today, spread over everyone, as if a shop had just sent them.  Their keys are below zero."""
    drawn = "((i * 2654435761) % 4294967296)"
    part = f"(({drawn} / 64) % 100)"
    kind = "CASE " + " ".join(f"WHEN {part} < {edge} THEN {number}" for edge, number in _TYPES) + " END"
    with database.write_tx():
        database.execute(
            f'{_series(news)} INSERT INTO event (contact_id, key_hash, "type", "at", amount_micros, item_id, '
            f"category_id) SELECT {drawn} % {n} + 1, -i, {kind}, {now} - {drawn} % 86400 * 1000, "
            f"CASE WHEN {kind} IN (3, 4) THEN ({drawn} / 16 % 30000 + 100) * 10000 END, "
            f"{drawn} / 4096 % {audience.ITEMS} + 1, {drawn} / 4096 % {audience.CATEGORIES} + 1 FROM series"
        )
        database.execute(
            _STAT + 'WHERE key_hash < 0 GROUP BY 1, 2 ON CONFLICT ("type", contact_id) DO UPDATE SET '
            "n = event_stat.n + excluded.n, sum_micros = event_stat.sum_micros + excluded.sum_micros, "
            "at1 = CASE WHEN excluded.at1 > event_stat.at1 THEN excluded.at1 ELSE event_stat.at1 END"
        )
        database.execute("INSERT INTO touched SELECT DISTINCT contact_id FROM event WHERE key_hash < 0")


def _series(n: int) -> str:
    if database.is_postgres():
        return f"WITH series(i) AS (SELECT i::bigint FROM generate_series(1, {n}) AS g(i))"
    return f"WITH RECURSIVE series(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM series WHERE i < {n})"
