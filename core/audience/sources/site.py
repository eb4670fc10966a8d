"""What the pages of a site tell: views, carts, sign-ups of visitors we can name.

Anyone can read a page's script and send what it sends, so a site's events are believed only so far: types an
admin allowed, no money unless allowed, from pages of the site's origins, limited in number, and only about
people named by a short link's token or by a hash that only the site's server can make.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience import events
from core.audience.sources import store
from core.contract.errors import Refusal
from core.db import bulk, database
from core.db.models import EventSource
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Events of one call, and how far back a page may date them.
MOST_EVENTS, BACK_MS = 20, clock.DAY_MS
_MICROS = 1_000_000
_PEOPLE_CHUNK = 5_000


def allowed_origin(source: EventSource, origin: str) -> bool:
    """May pages of this origin (scheme://host) send to the source?"""
    return origin.rstrip("/").lower() in store.plan_of(source)["origins"]


def receive(rt: Runtime, source: EventSource, contact_id: int, data: Any) -> list[events.Outcome]:
    """Record what a page sent about a contact: {"events": [{"type", "item", "category", …}, …]}.

    Raises `Refusal` when the whole call makes no sense; single events are answered for in order.
    """
    rows = data.get("events") if isinstance(data, Mapping) else None
    if not isinstance(rows, list) or not rows or len(rows) > MOST_EVENTS:
        raise Refusal(
            _("A page sends a list “events” of 1 to %(n)s events.", n=MOST_EVENTS), field="events", status=400
        )
    types, now = store.plan_of(source)["types"], clock.now_ms()
    made = [_event(source, contact_id, row, types, now) for row in rows]
    outcomes = iter(events.record(rt, [event for event in made if isinstance(event, events.NewEvent)]))
    answers = [next(outcomes) if isinstance(event, events.NewEvent) else event for event in made]
    stored = sum(answer.status == "stored" for answer in answers)
    if stored:
        with database.write_tx():
            EventSource.update(taken=EventSource.taken + stored, last_at=now).where(
                EventSource.id == source.id
            ).execute()
    return answers


def _event(
    source: EventSource, contact_id: int, row: Any, types: list[str], now: int
) -> events.NewEvent | events.Outcome:
    if not isinstance(row, Mapping) or row.get("type") not in types:
        name = str(row.get("type") if isinstance(row, Mapping) else row)[:40]
        return events.Outcome("rejected", _("Pages of this site may not send “%(name)s”.", name=name), "type")
    at = row.get("at")
    # A visitor's clock is not ours: what it says counts only within the day that has passed.
    at = at if type(at) is int and now - BACK_MS <= at <= now else now
    amount = row.get("amount")
    micros = round(amount * _MICROS) if type(amount) in (int, float) and 0 <= amount < 1e9 else None
    texts = {name: str(row.get(name) or "")[:200] for name in ("item", "category", "currency", "key")}
    props = {name: row[name] for name in ("place", "order") if isinstance(row.get(name), str)}
    key = f"site:{source.id}:{texts['key']}" if texts["key"] else ""
    return events.NewEvent(
        row["type"], at, contact_id=contact_id, key=key[:200], amount_micros=micros,
        currency=texts["currency"] if micros is not None else "", item=texts["item"],
        category=texts["category"], props=props,
    )  # fmt: skip


# --- people by hash -----------------------------------------------------------------------------------


def person_hash(secret: str, e164: str) -> bytes:
    """How a site's server names a person: the first 16 bytes of HMAC-SHA256(secret, E.164 number)."""
    return hmac.digest(secret.encode(), e164.encode(), "sha256")[:16]


def contact_of(source: EventSource, person: str) -> int:
    """The contact a hash (32 or 64 hexadecimal digits) names; 0 for nobody."""
    try:
        hashed = bytes.fromhex(person[:32])
    except ValueError:
        return 0
    if len(hashed) != 16:
        return 0
    return (
        database.scalar(
            "SELECT contact_id FROM site_person WHERE source_id = ? AND person = ?", (source.id, hashed)
        )
        or 0
    )


def know_people(rt: Runtime) -> int:
    """Hash the numbers of contacts that came since the last time, for every site; returns how many.

    Periodic.  Each chunk commits its cursor, so that a killed run goes on where it was.
    """
    made = 0
    for source in EventSource.select().where(EventSource.kind == store.SITE, EventSource.enabled):
        while n := bulk.retry_conflict(_chunk, rt, source.id, store.secret_of(rt, source)):
            made += n
    return made


def _chunk(rt: Runtime, source_id: int, secret: str) -> int:
    rows = database.query(
        "SELECT c.id, c.phone_enc FROM contact c JOIN event_source s ON s.id = ? "
        "WHERE c.id > s.person_cursor ORDER BY c.id LIMIT ?",
        (source_id, _PEOPLE_CHUNK),
    )
    if not rows:
        return 0
    numbers = rt.keys.open_numbers([row[1] for row in rows])
    people = [
        (source_id, person_hash(secret, number), row[0]) for number, row in zip(numbers, rows, strict=True)
    ]
    with database.write_tx():
        cursor = database.execute(
            "UPDATE event_source SET person_cursor = ? WHERE id = ? AND person_cursor < ?",
            (rows[-1][0], source_id, rows[-1][0]),
        )
        if cursor.rowcount:
            database.executemany(
                "INSERT INTO site_person (source_id, person, contact_id) VALUES (?, ?, ?) "
                "ON CONFLICT (source_id, person) DO UPDATE SET contact_id = excluded.contact_id",
                sorted(people),
            )
    return len(rows)
