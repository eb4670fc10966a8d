"""The check of all data: by night, and when somebody asks.

Figures and lists are worked out by statements over whole tables, which take seconds at a million contacts,
and stored, so that the page only reads them.  Nothing is corrected here but number statuses (`recheck`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core import clock
from core.audience import fields, numbers
from core.audience.quality import duplicates, merged, outliers, recheck, scores
from core.db import bulk, database, settings
from core.db.codes import NumberStatus
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.quality")

#: Lists of contacts the page has, in its order.
LISTS = ("unreachable", "recycled", *outliers.KINDS)
KINDS = (*duplicates.KINDS, *LISTS)
_STATE = "quality:check"
_CHUNK = 5_000
#: A check that said nothing for so long died.
_DEAD_MS = 30 * clock.MINUTE_MS


def due(rt: Runtime) -> None:
    """Job, each hour: a check in the small hours of the house, or when a day and more went by without."""
    merged.join_waiting(rt)
    last = state().get("ended") or 0
    age_h = (clock.now_ms() - last) / clock.HOUR_MS
    zone = ZoneInfo(settings.get("zone") or rt.settings.zone or "UTC")
    hour = clock.from_ms(clock.now_ms()).astimezone(zone).hour
    if age_h >= 26 or (age_h >= 20 and 1 <= hour <= 5):
        rt.enqueue("quality")


def state() -> dict[str, Any]:
    """When the last check began and ended (epoch ms), what it took, and its error, if any."""
    return settings.get(_STATE, {})


def running() -> bool:
    """Is a check on its way?"""
    now = state()
    return bool(now.get("started")) and not now.get("ended") and clock.now_ms() - now["started"] < _DEAD_MS


def check(rt: Runtime, *_ids: int) -> dict[str, Any]:
    """Job: look numbers up, re-check them, find duplicates and outliers, count what is missing, score sources.

    Returns {"people", "seconds", kind: n …}; {} when another check is on its way.
    """
    began = clock.monotonic()
    with database.write_tx():
        if running():
            return {}
        settings.put(_STATE, {"started": clock.now_ms()})
    error = ""
    try:
        found = _check(rt)
    except Exception as problem:
        error = f"{type(problem).__name__}: {problem}"[:300]
        raise
    finally:
        seconds = round(clock.monotonic() - began, 1)
        settings.put(_STATE, state() | {"ended": clock.now_ms(), "seconds": seconds, "error": error})
    return {**found, "seconds": seconds}


def _check(rt: Runtime) -> dict[str, Any]:
    _tidy()
    numbers.fill(rt, everyone=True)
    recheck.run(rt)
    found = duplicates.find() + outliers.find() + _by_status()
    for kind in KINDS:
        _replace(kind, [row for row in found if row[0] == kind])
    people, filled = filled_in()
    sources = scores.find(filled, people)
    counts = {kind: len({row[1] for row in found if row[0] == kind}) for kind in KINDS}
    counts["sure"] = len({row[1] for row in found if row[3] == "sure"})
    figures = [("people", "", people), *((kind, "", n) for kind, n in counts.items())]
    figures += [("missing", key, people - n) for key, n in filled.items()]
    figures += [("rejected", key, n) for key, n in rejected()]
    _store(figures, sources)
    return {"people": people, **counts}


def _tidy() -> None:
    """Rows of contacts that are no more, for instance after an import was undone."""
    for table in ("number_info", "quality_contact"):
        ids = [
            row[0]
            for row in database.query(
                f"SELECT DISTINCT x.contact_id FROM {table} x WHERE NOT EXISTS "
                "(SELECT 1 FROM contact c WHERE c.id = x.contact_id)"
            )
        ]
        for at in range(0, len(ids), _CHUNK):
            where, params = bulk.among_values("contact_id", ids[at : at + _CHUNK])
            with database.write_tx():
                database.execute(f"DELETE FROM {table} WHERE {where}", params)


def _by_status() -> list[duplicates.Row]:
    return [
        (NumberStatus(status).name, id_, id_, str(failures))
        for id_, status, failures in database.query(
            "SELECT contact_id, status, permanent_failures FROM number_info WHERE status <> 0 ORDER BY contact_id"
        )
    ]


def _replace(kind: str, rows: Sequence[tuple]) -> None:
    """The list of a kind, in one transaction: some 0.2 s for 50,000 rows."""
    with database.write_tx():
        database.execute("DELETE FROM quality_contact WHERE kind = ?", (kind,))
        database.copy_rows("quality_contact", ("kind", "group_id", "contact_id", "detail"), rows)


def filled_in() -> tuple[int, dict[str, int]]:
    """How many people there are, and how many have each field; one pass over each table."""
    known = fields.all_fields()
    columns = "".join(f", COUNT({field.column})" for field in known)
    people, language, *counts = database.one(
        f"SELECT COUNT(*), COUNT(NULLIF(language, '')){columns} FROM profile"
    )
    name, email = database.one("SELECT COUNT(NULLIF(name, '')), COUNT(NULLIF(email, '')) FROM contact")
    return people, {
        "name": name, "email": email, "language": language,
        **{field.key: n for field, n in zip(known, counts, strict=True)},
    }  # fmt: skip


def rejected() -> list[tuple[str, int]]:
    """Rejected rows of all finished imports by reason, most first; "not_kept" for those whose reason is gone.

    The counts of imports are kept for ever, their rejected rows only for as long as retention lets them."""
    code = (
        "split_part(reason, ':', 1)"
        if database.is_postgres()
        else "substr(reason, 1, instr(reason || ':', ':') - 1)"
    )
    total = database.scalar("SELECT SUM(rejected) FROM import_batch WHERE state = 'done'") or 0
    known = database.query(
        f"SELECT {code}, COUNT(*) FROM import_reject WHERE NOT taken "
        "AND batch_id IN (SELECT id FROM import_batch WHERE state = 'done') GROUP BY 1 ORDER BY 2 DESC, 1"
    )
    forgotten = int(total) - sum(n for _code, n in known)
    return [*known, ("not_kept", forgotten)] if forgotten > 0 else known


def _store(figures: Iterable[tuple[str, str, int]], sources: Iterable[scores.Source]) -> None:
    now = clock.now_ms()
    with database.write_tx():
        database.execute("DELETE FROM quality_finding")
        database.copy_rows("quality_finding", ("kind", "key", "n", "at"), [(*row, now) for row in figures])
        database.execute("DELETE FROM quality_source")
        names = (
            *("source", "title", "contacts", "rows", "rejected", "duplicates", "missing", "unreachable"),
            *("optouts", "score", "at"),
        )
        database.copy_rows(
            "quality_source",
            names,
            [(*(getattr(made, name) for name in names[:-1]), now) for made in sources],
        )


# --- reading --------------------------------------------------------------------------------------------


def figures() -> dict[str, dict[str, int]]:
    """kind → key → n of the last check; empty before the first."""
    found: dict[str, dict[str, int]] = {}
    for kind, key, n in database.query("SELECT kind, key, n FROM quality_finding ORDER BY kind, n DESC, key"):
        found.setdefault(kind, {})[key] = n
    return found


def sources(limit: int = 50) -> list[dict[str, Any]]:
    """Sources of the last check with shares and score, largest first."""
    rows = database.query(
        "SELECT source, title, contacts, rows, rejected, duplicates, missing, unreachable, optouts "
        "FROM quality_source ORDER BY contacts DESC, source LIMIT ?",
        (limit,),
    )
    made = [scores.Source(*row) for row in rows]
    return [
        {
            "source": one.source,
            "title": one.title,
            "contacts": one.contacts,
            "score": one.score,
            **one.shares(),
        }
        for one in made
    ]


def listed(rt: Runtime, kind: str, *, after: int = 0, size: int = 50) -> list[dict[str, Any]]:
    """Contacts of a list above `after`, by id, numbers masked."""
    rows = database.query(
        "SELECT q.contact_id, q.detail, c.phone_enc, c.name, n.carrier, n.failing_since, n.last_failure_at, "
        "n.last_delivered_at, n.status_at FROM quality_contact q JOIN contact c ON c.id = q.contact_id "
        "LEFT JOIN number_info n ON n.contact_id = q.contact_id "
        "WHERE q.kind = ? AND q.group_id > ? ORDER BY q.group_id LIMIT ?",
        (kind, after, size),
    )
    phones = rt.keys.open_numbers([row[2] for row in rows])
    keys = ("carrier", "failing_since", "last_failure_at", "last_delivered_at", "status_at")
    return [
        {"id": row[0], "detail": row[1], "phone": crypto.mask(phone), "name": row[3] or ""}
        | dict(zip(keys, row[4:], strict=True))
        for row, phone in zip(rows, phones, strict=True)
    ]


def of_contact(contact_id: int) -> list[tuple[str, int]]:
    """What the last check found about a contact: (kind, another contact of its group or 0)."""
    return [
        (kind, other or 0)
        for kind, other in database.query(
            "SELECT q.kind, (SELECT MIN(o.contact_id) FROM quality_contact o JOIN contact c ON c.id = o.contact_id "
            "WHERE o.kind = q.kind AND o.group_id = q.group_id AND o.contact_id <> q.contact_id) "
            "FROM quality_contact q WHERE q.contact_id = ? ORDER BY q.kind",
            (contact_id,),
        )
    ]
