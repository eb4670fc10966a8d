"""Dead and recycled numbers, from receipts and imports.

Reads the whole history of numbers that ever failed for good, so it can be run at any time and as often as
one likes; what it decides is in `number_info`.  With the rule `leave_out` such numbers are suppressed for
marketing (reason `invalid`): a code or notice still goes out, and its delivery lifts the suppression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core import clock
from core.audience import consent, numbers, suppression
from core.audience.numbers import QUIET_MS, Rules
from core.audience.quality import renamed
from core.contract.errors import Refusal
from core.db import database
from core.db.bulk import query_among
from core.db.codes import MARKETING, NumberStatus, State
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Who puts dead numbers on the suppression list, and alone takes them off by itself.
WHO = "numbers"
_CHUNK = 2_000
_ok, _unreachable, _recycled = NumberStatus

# Failures for good after the last delivery, with the last delivery.  The reason stands in the index
# `message_reason`; deliveries are read only for the contacts that failed.
_HISTORY = """
WITH bad AS (
    SELECT contact_id, final_at FROM message
    WHERE reason IS NOT NULL AND state IN (?, ?) AND reason IN ({marks}) AND final_at IS NOT NULL),
good AS (
    SELECT b.contact_id, MAX(m.final_at) AS at FROM (SELECT DISTINCT contact_id FROM bad) b
    JOIN message m ON m.contact_id = b.contact_id WHERE m.state = ? GROUP BY b.contact_id)
SELECT b.contact_id, SUM(CASE WHEN b.final_at > COALESCE(g.at, 0) THEN 1 ELSE 0 END),
    MIN(CASE WHEN b.final_at > COALESCE(g.at, 0) THEN b.final_at END), MAX(b.final_at), MAX(g.at)
FROM bad b JOIN contact c ON c.id = b.contact_id LEFT JOIN good g ON g.contact_id = b.contact_id
GROUP BY b.contact_id
"""
_NOW = "permanent_failures, failing_since, last_failure_at, last_delivered_at, status, status_at"


@dataclass(frozen=True, slots=True)
class Known:
    """What the receipts of one number say: failures in a row since …, and the last of either kind."""

    failures: int = 0
    since: int | None = None
    last_failure_at: int | None = None
    last_delivered_at: int | None = None
    status: NumberStatus = _ok
    status_at: int | None = None


def judge(before: Known, now: Known, rules: Rules, at: int) -> Known:
    """What a number is by its receipts, given what the last check knew.  Pure.

    Recycled stays until a person has looked: a delivery is what made it so.
    """
    status = before.status
    dead = (
        now.failures >= rules.failures
        and (now.last_failure_at or 0) - (now.since or 0) >= rules.days * clock.DAY_MS
    )
    if dead:
        status = _unreachable
    elif now.failures == 0 and before.since and (now.last_delivered_at or 0) - before.since >= QUIET_MS:
        status = _recycled
    elif status == _unreachable and (
        (now.last_delivered_at or 0) > (before.status_at or 0) or (before.failures and not now.failures)
    ):
        status = _ok
    changed = status != before.status
    return Known(
        now.failures, now.since, now.last_failure_at, now.last_delivered_at,
        status, at if changed else before.status_at,
    )  # fmt: skip


def run(rt: Runtime) -> dict[str, int]:
    """Check every number that ever failed, and renamed people; {"unreachable", "recycled"} as they now stand.

    Job, by night, and by `cooee contact check-numbers`.
    """
    rules, at = numbers.rules(), clock.now_ms()
    found = {row[0]: Known(*row[1:5]) for row in _history(rules)}
    ids = sorted(set(found) | _failing())
    for start in range(0, len(ids), _CHUNK):
        some = ids[start : start + _CHUNK]
        before, arrived = _known(some), _delivered([id_ for id_ in some if id_ not in found])
        made = {
            id_: judge(
                before.get(id_, Known()), found.get(id_) or _healed(before[id_], arrived.get(id_)), rules, at
            )
            for id_ in some
        }
        changed = {id_: new for id_, new in made.items() if new != before.get(id_, Known())}
        database.retry_locked(_store, changed, at)
    renamed.mark(at)
    _keep_suppressed(rt, rules)
    return counts()


def counts() -> dict[str, int]:
    """How many numbers are unreachable and recycled now."""
    rows = dict(
        database.query(
            "SELECT status, COUNT(*) FROM number_info WHERE status <> 0 GROUP BY status ORDER BY 1"
        )
    )
    return {status.name: rows.get(int(status), 0) for status in (_unreachable, _recycled)}


def same_person(rt: Runtime, contact_ids: Sequence[int], *, who: str) -> int:
    """A person looked: these recycled numbers belong to whom we know.  How many changed."""
    return _reviewed(rt, contact_ids, who, "number.same", [])


def new_owner(rt: Runtime, contact_ids: Sequence[int], *, who: str) -> int:
    """A person looked: somebody else has these numbers now.  Consent to marketing is taken back, so that it
    must be asked for again; how many changed."""
    events = [
        consent.Event(row[0], bytes(row[1]), cls, "erase", "number has a new owner", who=who)
        for row in query_among("SELECT id, phone_bidx FROM contact WHERE", "id", list(contact_ids))
        for cls in sorted(MARKETING)
    ]
    return _reviewed(rt, contact_ids, who, "number.new_owner", events)


def _reviewed(
    rt: Runtime, contact_ids: Sequence[int], who: str, action: str, events: list[consent.Event]
) -> int:
    if not contact_ids:
        raise Refusal(_("Nobody was chosen. Tick rows first."))
    marks = database.in_list(len(contact_ids))
    with database.write_tx():
        done = database.execute(
            "UPDATE number_info SET status = 0, status_at = ?, permanent_failures = 0, failing_since = NULL "
            f"WHERE status <> 0 AND contact_id IN ({marks})",
            (clock.now_ms(), *contact_ids),
        ).rowcount
        database.execute(
            f"DELETE FROM quality_contact WHERE kind IN ('unreachable', 'recycled') AND contact_id IN ({marks})",
            contact_ids,
        )
        consent.record(rt, events)
        _lift(rt, [bytes(row[0]) for row in query_among(_BIDX, "id", list(contact_ids))])
        audit.record(who, action, "contacts", ", ".join(map(str, sorted(contact_ids)[:50])))
    consent.announce(rt, events)
    return done


_BIDX = "SELECT phone_bidx FROM contact WHERE"


def _history(rules: Rules) -> list[tuple]:
    sql = _HISTORY.format(marks=database.in_list(len(rules.reasons)))
    return database.query(
        sql, (int(State.undelivered), int(State.rejected), *rules.reasons, int(State.delivered))
    )


def _failing() -> set[int]:
    """Contacts whose failures may have ended, whose reasons no longer count, or whom a look-up called dead."""
    rows = database.query("SELECT contact_id FROM number_info WHERE permanent_failures > 0 OR status = 1")
    return {row[0] for row in rows}


def _delivered(contact_ids: list[int]) -> dict[int, int]:
    """When a text last arrived at each."""
    rows = query_among(
        f"SELECT contact_id, final_at FROM message WHERE state = {int(State.delivered)} AND",
        "contact_id",
        contact_ids,
    )
    last: dict[int, int] = {}
    for contact_id, at in rows:
        last[contact_id] = max(last.get(contact_id, 0), at or 0)
    return last


def _healed(before: Known, arrived: int | None) -> Known:
    return Known(0, None, before.last_failure_at, arrived or before.last_delivered_at)


def _known(contact_ids: list[int]) -> dict[int, Known]:
    rows = query_among(f"SELECT contact_id, {_NOW} FROM number_info WHERE", "contact_id", contact_ids)
    return {row[0]: Known(*row[1:5], NumberStatus(row[5]), row[6]) for row in rows}


def _store(changed: dict[int, Known], at: int) -> None:
    with database.write_tx():
        database.executemany(
            "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, "
            "failing_since, last_failure_at, last_delivered_at, status, status_at, checked_at) "
            "SELECT p.contact_id, '', '', '', p.line_type, ?, ?, ?, ?, ?, ?, ? FROM profile p "
            "WHERE p.contact_id = ? ON CONFLICT (contact_id) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in [*_NOW.split(", "), "checked_at"]),
            [
                (
                    k.failures,
                    k.since,
                    k.last_failure_at,
                    k.last_delivered_at,
                    int(k.status),
                    k.status_at,
                    at,
                    id_,
                )
                for id_, k in changed.items()
            ],
        )


# --- suppression ----------------------------------------------------------------------------------------


def _keep_suppressed(rt: Runtime, rules: Rules) -> None:
    """Make the list say what the numbers say: dead and recycled ones on it for marketing, others off.

    Only rows this check made are touched; a number a person put there as invalid stays as it is.
    """
    wanted = "n.status <> 0" if rules.leave_out else "1 = 0"
    off = database.query(
        "SELECT s.phone_bidx FROM suppression s LEFT JOIN contact c ON c.phone_bidx = s.phone_bidx "
        "LEFT JOIN number_info n ON n.contact_id = c.id "
        f"WHERE s.reason = 'invalid' AND s.who = ? AND NOT COALESCE({wanted}, FALSE)",
        (WHO,),
    )
    for start in range(0, len(off), _CHUNK):
        with database.write_tx():
            _lift(rt, [bytes(row[0]) for row in off[start : start + _CHUNK]])
    on = database.query(
        "SELECT c.phone_bidx, c.phone_enc, n.status FROM number_info n JOIN contact c ON c.id = n.contact_id "
        f"WHERE {wanted} AND NOT EXISTS (SELECT 1 FROM suppression s WHERE s.phone_bidx = c.phone_bidx "
        "AND s.reason = 'invalid')"
    )
    classes, notes = suppression.mask_of(MARKETING), {1: "unreachable", 2: "recycled"}
    for start in range(0, len(on), _CHUNK):
        entries = [
            suppression.Entry(bytes(bidx), bytes(phone), classes, notes[status])
            for bidx, phone, status in on[start : start + _CHUNK]
        ]
        with database.write_tx():
            suppression.add(rt, entries, reason="invalid", who=WHO)


def _lift(rt: Runtime, bidxs: Sequence[bytes]) -> None:
    held = query_among(
        f"SELECT phone_bidx FROM suppression WHERE reason = 'invalid' AND who = '{WHO}' AND",
        "phone_bidx",
        list(bidxs),
    )
    for (bidx,) in held:
        suppression.remove(rt, bytes(bidx), reasons=["invalid"])
