"""Running rules: for people with news every ten seconds, for everyone by night, for one rule on demand.

The ticker only wakes: work is done in jobs, in steps of one short transaction each (some 0.2 s of the write
lock), so that nobody who sends waits.  A killed run left whole steps; the next one goes on.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta

from core import clock
from core.audience import labels
from core.audience.labelling import applying, changes, learning, rules, sql
from core.audience.labelling.rules import Rule
from core.audience.labelling.sql import Scope, Step
from core.audience.segments import Context
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.runtime import Runtime

log = logging.getLogger("cooee.labels")

#: A step should hold the write lock about this long; sizes of steps follow what the last one took.
STEP_S = 0.2
#: Rest between two steps: who waits for SQLite's lock looks every 100 ms at worst, and would find it held
#: for ever (measured: another writer gave up after ten seconds beside a full run without pauses).
PAUSE_SHARE, PAUSE_S = 0.25, 0.05
_SMALLEST, _LARGEST, _FIRST = 250, 50_000, 10_000
#: Hour of the night, in the instance's zone, and how long a silent run counts as dead.
NIGHT_HOUR, SILENT_MS = 3, 120_000
KEEP_CHANGES_MS = 400 * clock.DAY_MS
#: One run at a time changes labels by rule, so that no step writes what it read before another's.
_LOCK = 0x4C4142454C  # "LABEL"
_RUN = "labels.run"


class Tally:
    """What runs did, by label id."""

    def __init__(self) -> None:
        self.added: Counter[int] = Counter()
        self.removed: Counter[int] = Counter()

    def add(self, done: tuple[Counter[int], Counter[int]]) -> None:
        """Count one step."""
        self.added.update(done[0])
        self.removed.update(done[1])

    def totals(self) -> dict[str, int]:
        """{"set": …, "removed": …}"""
        return {"set": self.added.total(), "removed": self.removed.total()}


class _Size:
    """The size of the next step, from what the last took."""

    def __init__(self, size: int):
        self.size = size

    def learn(self, seconds: float) -> None:
        factor = min(2.0, max(0.25, STEP_S / max(seconds, 0.001)))
        self.size = int(min(_LARGEST, max(_SMALLEST, self.size * factor)))


def wake(rt: Runtime) -> None:
    """Periodic: someone has news that rules have not looked at."""
    if database.scalar("SELECT 1 FROM touched LIMIT 1"):
        rt.enqueue("relabel")


def wake_nightly(rt: Runtime) -> None:
    """Periodic: the full run of the night is due and no live process is at it."""
    if _due(rt, settings.get(_RUN, {})):
        rt.enqueue("relabel_all")


def nightly(rt: Runtime) -> None:
    """Job: the full run, unless another process did it or is at it."""
    if _due(rt, settings.get(_RUN, {})):
        full(rt)


def _due(rt: Runtime, run: dict[str, int]) -> bool:
    now = clock.now_ms()
    return run.get("done_at", 0) < _last_night(rt, now) and now - run.get("beat_at", 0) > SILENT_MS


def incremental(rt: Runtime) -> dict[str, int]:
    """Job: look at everyone with news, with all enabled rules; returns counts of people and labels.

    1. Some of `touched` are taken out.
    2. Each rule is evaluated for these people, and the difference written, in the same transaction: what is
       rolled back is touched still.
    """
    active, done, people, size = rules.all_rules(enabled=True), Tally(), 0, _Size(2_000)
    sql.prepare_connection()
    while True:
        started = clock.monotonic()
        taken = database.retry_locked(_touched_step, rt, active, size.size, done)
        people += taken
        if not taken:
            break
        size.learn(clock.monotonic() - started)
        _rest(clock.monotonic() - started)
    _note_day(rt, done)
    return {"people": people, **done.totals()}


def _touched_step(rt: Runtime, active: Sequence[Rule], size: int, done: Tally) -> int:
    made: list[tuple[Counter[int], Counter[int]]] = []
    with database.write_tx():
        _alone()
        ids = [
            row[0]
            for row in database.query(
                "DELETE FROM touched WHERE contact_id IN (SELECT contact_id FROM touched ORDER BY contact_id LIMIT ?) "
                "RETURNING contact_id",
                (size,),
            )
        ]
        if not ids:
            return 0
        sql.clear("relabel_scope")
        database.executemany("INSERT INTO relabel_scope (contact_id) VALUES (?)", [(i,) for i in sorted(ids)])
        if database.is_postgres():
            database.execute("ANALYZE relabel_scope")
        now = clock.now_ms()
        for rule in active:
            try:
                made.append(applying.run(rule, Step(rt, now, Scope(), dict(rule.state or {}))))
            except Refusal as refusal:
                log.warning("label rule %s did not run: %s", rule.id, refusal)
    for counts in made:
        done.add(counts)
    return len(ids)


def full(rt: Runtime, *, step: Callable[[int, int], None] = lambda done, top: None) -> dict[str, int]:
    """Look at everyone with all enabled rules; returns counts.

    A run that died is taken up where it stood.  `step` is told (contact id reached, highest).
    Raises `Refusal` (409) while another process is at it.
    """
    run = _begin()
    kept = {"started_at": run["started_at"], "done_at": run.get("done_at", 0)}

    def passed(cursor: int, top: int) -> None:
        settings.put(_RUN, {**kept, "cursor": cursor, "beat_at": clock.now_ms()})
        step(cursor, top)

    result = _pass(rt, rules.all_rules(enabled=True), run["cursor"], passed)
    changes.prune(clock.now_ms() - KEEP_CHANGES_MS)
    settings.put(_RUN, {"started_at": run["started_at"], "done_at": clock.now_ms()})
    return result


def _begin() -> dict[str, int]:
    """Take the full run, in a transaction of its own: a new one, or the one that died."""
    with database.write_tx():
        _alone()
        run, now = settings.get(_RUN, {}), clock.now_ms()
        if now - run.get("beat_at", 0) < SILENT_MS:
            raise Refusal(_("Another process is running all label rules just now."), status=409)
        if not run.get("cursor") or now - run["started_at"] > clock.DAY_MS:
            run = {"started_at": now, "cursor": 0, "done_at": run.get("done_at", 0)}
        settings.put(_RUN, {**run, "beat_at": now})
    return run


def one(
    rt: Runtime, rule_id: int, *, step: Callable[[int, int], None] = lambda done, top: None
) -> dict[str, int]:
    """Job: look at everyone with one rule, now, whether it is switched on or not; returns counts."""
    try:
        rule = rules.get(rule_id)
    except Refusal:
        return {"people": 0, "set": 0, "removed": 0}  # deleted since it was queued
    return _pass(rt, [rule], 0, step)


def _pass(rt: Runtime, chosen: list[Rule], start: int, passed: Callable[[int, int], None]) -> dict[str, int]:
    """All contacts above `start` by ranges of ids, each rule in a transaction of its own."""
    sql.prepare_connection()
    done, people = Tally(), 0
    spent: Counter[int] = Counter()
    errors = {rule.id: "" for rule in chosen}
    learnt = [_learnt(rt, rule, errors, spent) for rule in chosen]
    sizes = {rule.id: _Size(_FIRST) for rule in chosen}
    top = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    low = start
    while low < top:
        size = min((sizes[rule.id].size for rule in learnt), default=_LARGEST)
        scope = Scope(low, low + size)
        for rule in learnt:
            if errors[rule.id]:
                continue
            started = clock.monotonic()
            try:
                done.add(database.retry_locked(_range_step, rt, rule, scope))
            except Refusal as refusal:
                errors[rule.id] = str(refusal)
            took = clock.monotonic() - started
            sizes[rule.id].learn(took)
            spent[rule.id] += round(took * 1000)
            if low + size < top:
                _rest(took)
        low += size
        passed(min(low, top), top)
    people = database.scalar("SELECT COUNT(*) FROM profile WHERE contact_id > ?", (start,))
    _finish(learnt, errors, spent)
    _note_day(rt, done)
    _note_people(rt)
    return {"people": people, **done.totals()}


def _learnt(rt: Runtime, rule: Rule, errors: dict[int, str], spent: Counter[int]) -> Rule:
    """The rule with what it learns of everyone before it looks at each (bounds of quintiles), kept."""
    started = clock.monotonic()
    try:
        state = learning.learn(rt, rule)
    except Refusal as refusal:
        errors[rule.id], state = str(refusal), None
    spent[rule.id] += round((clock.monotonic() - started) * 1000)
    if state is None:
        return rule
    with database.write_tx():
        database.execute("UPDATE label_rule SET state = ? WHERE id = ?", (json.dumps(state), rule.id))
    return learning.with_state(rule, state)


def _range_step(rt: Runtime, rule: Rule, scope: Scope) -> tuple[Counter[int], Counter[int]]:
    with database.write_tx():
        _alone()
        # Deleted while the run was on its way: nothing to do for it any more.
        if not database.scalar("SELECT 1 FROM label_rule WHERE id = ?", (rule.id,)):
            return Counter(), Counter()
        return applying.run(rule, Step(rt, clock.now_ms(), scope, dict(rule.state or {})))


def _rest(after_s: float) -> None:
    clock.sleep(min(PAUSE_S, max(0.002, after_s * PAUSE_SHARE)))


def _alone() -> None:
    """Wait until no other transaction changes labels by rule; SQLite has one writer anyway."""
    if database.is_postgres():
        database.execute("SELECT pg_advisory_xact_lock(?)", (_LOCK,))


def _finish(chosen: Sequence[Rule], errors: dict[int, str], spent: Counter[int]) -> None:
    now = clock.now_ms()
    with database.write_tx():
        for rule in chosen:
            if errors[rule.id]:
                log.warning("label rule %s did not run: %s", rule.id, errors[rule.id])
                database.execute(
                    "UPDATE label_rule SET error = ? WHERE id = ?", (errors[rule.id][:500], rule.id)
                )
                continue
            database.execute(
                "UPDATE label_rule SET error = '', last_run_at = ?, last_ms = ? WHERE id = ?",
                (now, spent[rule.id], rule.id),
            )


def _today(rt: Runtime) -> int:
    return Context(rt).today.toordinal() - datetime(1970, 1, 1).toordinal()


def _note_day(rt: Runtime, done: Tally) -> None:
    day = _today(rt)
    rows = [(i, day, done.added[i], done.removed[i]) for i in sorted({*done.added, *done.removed})]
    with database.write_tx():
        database.executemany(
            "INSERT INTO label_day (label_id, day, added, removed) VALUES (?, ?, ?, ?) ON CONFLICT (label_id, day) "
            "DO UPDATE SET added = label_day.added + excluded.added, removed = label_day.removed + excluded.removed",
            rows,
        )


def _note_people(rt: Runtime) -> None:
    """How many carry each label today: a point of its growth line."""
    day, counts = _today(rt), labels.counts()
    with database.write_tx():
        database.executemany(
            "INSERT INTO label_day (label_id, day, people, added, removed) VALUES (?, ?, ?, 0, 0) "
            "ON CONFLICT (label_id, day) DO UPDATE SET people = excluded.people",
            [(label.id, day, counts.get(label.id, 0)) for label in labels.all_labels()],
        )


def _last_night(rt: Runtime, now: int) -> int:
    """The latest `NIGHT_HOUR` that has passed, in the instance's zone."""
    zone = Context(rt).zone
    local = clock.from_ms(now).astimezone(zone)
    night = datetime.combine(local.date(), time(NIGHT_HOUR), zone)
    return clock.to_ms(night if night <= local else night - timedelta(days=1))
