"""What is known of numbers: looked up once by a `NumberIntelligence`, and learnt from receipts ever after.

`number_info` has one row a contact.  The look-up runs in chunks, by itself a minute after people come;
`quality.recheck` runs by night and reads the whole history again, so that a night without it loses nothing.

A number is *unreachable* when its last `failures` texts and more, over `days` or longer, failed for a reason
that stays, and none arrived since.  It is *recycled* when it works again after failing for `QUIET_DAYS`, or
when a file gives another name to someone nobody heard of for so long: carriers hand a dead number to a new
person after some 45 to 90 days (47 CFR 52.15(f)(1)(ii)), who agreed to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.contract.errors import CooeeError, Refusal
from core.contract.types import NumberFacts, NumberIntelligence
from core.db import database, settings
from core.db.codes import LineType, NumberStatus
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

CHUNK = 5_000
QUIET_DAYS = 90
QUIET_MS = QUIET_DAYS * clock.DAY_MS
#: Reasons that say a number itself is dead, in the words and codes of providers: Twilio 30003, 30005, 30006,
#: 21211, 21614; SMPP and GSM words; what gateways in China answer for an empty or stopped number.
PERMANENT = (
    *("absent", "absent_subscriber", "unknown_subscriber", "unallocated", "deactivated"),
    *("invalid_number", "not_mobile", "landline", "undeliverable", "UNDELIV", "30003", "30005", "30006"),
    *("21211", "21614", "MK:0001", "MI:0001", "EMPTY_NUMBER", "空号", "停机", "undelivered"),
)
_SETTING, _CURSOR = "numbers", "numbers:cursor"


@dataclass(frozen=True, slots=True)
class Rules:
    """When a number counts as dead, whom we ask, and whether marketing leaves dead and recycled numbers out."""

    failures: int = 3
    days: int = 14
    leave_out: bool = True
    source: str = "metadata"
    reasons: tuple[str, ...] = PERMANENT


def rules() -> Rules:
    """The rules in force."""
    kept = settings.get(_SETTING, {})
    return Rules(**{**kept, **({"reasons": tuple(kept["reasons"])} if "reasons" in kept else {})})


def set_rules(made: Rules) -> None:
    """Keep other rules; the next check follows them.  Raises `Refusal` for a value out of bounds."""
    for field, low, high in (("failures", 1, 100), ("days", 0, 730)):
        if not low <= getattr(made, field) <= high:
            raise Refusal(_("Choose a number from %(low)s to %(high)s.", low=low, high=high), field=field)
    if not made.reasons:
        raise Refusal(_("Name at least one reason."), field="reasons")
    settings.put(_SETTING, asdict(made))


def source(rt: Runtime) -> NumberIntelligence | None:
    """Who is asked: the chosen source, the bundled one when that is gone, or nobody."""
    known = rt.plugins.numbers
    return known.get(rules().source) or known.get(Rules().source)


def of(contact_id: int) -> dict[str, Any] | None:
    """What is known of a contact's number; None before it was looked up."""
    keys = (
        *("region", "carrier", "zone", "line_type", "permanent_failures", "failing_since"),
        *("last_failure_at", "last_delivered_at", "status", "status_at", "checked_at"),
    )
    row = database.one(f"SELECT {', '.join(keys)} FROM number_info WHERE contact_id = ?", (contact_id,))
    if row is None:
        return None
    found = dict(zip(keys, row, strict=True))
    return found | {
        "zones": found["zone"].split(),
        "line_type": LineType(found["line_type"]).name,
        "status": NumberStatus(found["status"]).name,
    }


def due(rt: Runtime) -> None:
    """Job, each minute: ask for a look-up when people came since the last one."""
    after = settings.get(_CURSOR, 0)
    if database.scalar("SELECT 1 FROM contact WHERE id > ? LIMIT 1", (after,)):
        rt.enqueue("numbers")


def fill(rt: Runtime, *_ids: int, everyone: bool = False, step: Callable[[int], None] | None = None) -> int:
    """Job: look up contacts without a row, in chunks; returns how many.

    Goes on where the last run ended; `everyone` begins at the first contact and finds what that left out.
    A source that cannot be reached now ends the run; the next one goes on there.
    """
    asked, done = source(rt), 0
    last = 0 if everyone else settings.get(_CURSOR, 0)
    while asked is not None:
        rows = database.query(
            "SELECT c.id, c.phone_enc FROM contact c LEFT JOIN number_info n ON n.contact_id = c.id "
            "WHERE c.id > ? AND n.contact_id IS NULL ORDER BY c.id LIMIT ?",
            (last, min(CHUNK, asked.batch_size)),
        )
        if not rows:
            break
        numbers = rt.keys.open_numbers([row[1] for row in rows])
        try:
            found = asked.facts(numbers)
        except CooeeError:
            break
        last = rows[-1][0]
        done += database.retry_locked(_store, [row[0] for row in rows], found, last)
        if step:
            step(len(rows))
    return done


def _store(contact_ids: Sequence[int], found: Sequence[NumberFacts], cursor: int) -> int:
    now = clock.now_ms()
    lines = LineType.__members__
    with database.write_tx():
        database.executemany(
            "INSERT INTO number_info (contact_id, region, carrier, zone, line_type, permanent_failures, "
            "status, checked_at) SELECT id, ?, ?, ?, ?, 0, ?, ? FROM contact WHERE id = ? "
            "ON CONFLICT (contact_id) DO NOTHING",
            [
                (
                    *(facts.region, facts.carrier, " ".join(facts.zones)),
                    int(lines.get(facts.line_type, LineType.unknown)),
                    int(NumberStatus.unreachable if facts.alive is False else NumberStatus.ok),
                    *(now, contact_id),
                )
                for contact_id, facts in zip(contact_ids, found, strict=True)
            ],
        )
        if cursor > settings.get(_CURSOR, 0):
            settings.put(_CURSOR, cursor)
    return len(contact_ids)


def forget(contact_ids: Sequence[int]) -> None:
    """Drop what is known of these contacts' numbers, inside the caller's `write_tx`: they are erased."""
    for table in ("number_info", "quality_contact"):
        database.execute(
            f"DELETE FROM {table} WHERE contact_id IN ({database.in_list(len(contact_ids))})", contact_ids
        )
