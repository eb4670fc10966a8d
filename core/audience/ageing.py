"""Kinds of data that grow old: how many rows are too old, and removing them chunk by chunk (`retention`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from core import clock
from core.db import database, triggers
from core.db.sets import among, listed
from core.i18n import lazy
from core.security import audit

_CHUNK = 5_000
#: Contact ids of one step through tables that are in the order of contacts.
_PEOPLE = 20_000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of data.  `count` and `remove` get the instant (epoch ms) before which it is too old;
    `remove` takes one chunk in a transaction of its own and returns (removed, is there more)."""

    key: str
    title: Any
    about: Any
    days: int
    count: Callable[[int], int]
    remove: Callable[[int], tuple[int, bool]]
    least: int = 1


def _simple(
    table: str, where: str, shape: Callable[[int], int] = int, key: str = ""
) -> tuple[Callable, Callable]:
    """Count and remove rows of one table with one condition on the instant; `key` where SQLite has no rowid."""

    def count(before: int) -> int:
        return database.scalar(f"SELECT COUNT(*) FROM {table} WHERE {where}", (shape(before),))

    def remove(before: int) -> tuple[int, bool]:
        row = "ctid" if database.is_postgres() else key or "rowid"
        with database.write_tx():
            n = database.execute(
                f"DELETE FROM {table} WHERE ({row}) IN (SELECT {row} FROM {table} WHERE {where} LIMIT {_CHUNK})",
                (shape(before),),
            ).rowcount
        return n, n == _CHUNK

    return count, remove


def _emptied(
    table: str, sets: str, where: str, shape: Callable[[int], int] = int
) -> tuple[Callable, Callable]:
    """The same for rows that stay without their words."""

    def count(before: int) -> int:
        return database.scalar(f"SELECT COUNT(*) FROM {table} WHERE {where}", (shape(before),))

    def remove(before: int) -> tuple[int, bool]:
        row = "ctid" if database.is_postgres() else "rowid"
        with database.write_tx():
            n = database.execute(
                f"UPDATE {table} SET {sets} WHERE {row} IN (SELECT {row} FROM {table} WHERE {where} LIMIT {_CHUNK})",
                (shape(before),),
            ).rowcount
        return n, n == _CHUNK

    return count, remove


def _rejects(table: str, batches: str) -> tuple[Callable, Callable]:
    """Rejected rows, a whole file at a time."""
    old = f"FROM {table} WHERE batch_id IN (SELECT id FROM {batches} WHERE created_at < ?)"

    def count(before: int) -> int:
        return database.scalar(f"SELECT COUNT(*) {old}", (before,))

    def remove(before: int) -> tuple[int, bool]:
        with database.write_tx():
            batch_id = database.scalar(f"SELECT MIN(batch_id) {old}", (before,))
            if batch_id is None:
                return 0, False
            return database.execute(f"DELETE FROM {table} WHERE batch_id = ?", (batch_id,)).rowcount, True

    return count, remove


def _message_id(before: int) -> int:
    """Message ids begin with their time."""
    return before << 20


def _gone(before: int) -> list[int]:
    rows = database.query(
        "SELECT id FROM campaign WHERE state IN ('done', 'cancelled') AND finished_at < ? "
        "AND id NOT IN (SELECT campaign_id FROM campaign_gone) ORDER BY id",
        (before,),
    )
    return [row[0] for row in rows]


def _count_messages(before: int) -> int:
    return sum(
        database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ?", (campaign,))
        for campaign in _left(before)
    )


def _left(before: int) -> list[int]:
    """Finished campaigns that are old and still have rows."""
    begun = database.query("SELECT campaign_id FROM campaign_gone ORDER BY campaign_id")
    return [
        campaign
        for campaign in [*(row[0] for row in begun), *_gone(before)]
        if database.scalar("SELECT 1 FROM message WHERE campaign_id = ? LIMIT 1", (campaign,))
    ]


def _remove_messages(before: int) -> tuple[int, bool]:
    """Rows of whole campaigns; `campaign_gone` tells `cooee verify` that only counters are left."""
    campaigns = _left(before)
    if not campaigns:
        return 0, False
    with database.write_tx():
        database.execute(
            'INSERT INTO campaign_gone (campaign_id, n, "at") VALUES (?, 0, ?) ON CONFLICT DO NOTHING',
            (campaigns[0], clock.now_ms()),
        )
        rows = database.query(f"SELECT id FROM message WHERE campaign_id = ? LIMIT {_CHUNK}", (campaigns[0],))
        ids = listed([row[0] for row in rows])
        database.execute(f"DELETE FROM message_text WHERE message_id {among()}", (ids,))
        database.execute(f"DELETE FROM message_route WHERE message_id {among()}", (ids,))
        database.execute(f"DELETE FROM message_price WHERE message_id {among()}", (ids,))
        n = database.execute(f"DELETE FROM message WHERE id {among()}", (ids,)).rowcount
        database.execute("UPDATE campaign_gone SET n = n + ? WHERE campaign_id = ?", (n, campaigns[0]))
    return n, True


def _count_events(before: int) -> int:
    return database.scalar("SELECT COUNT(*) FROM event WHERE at < ?", (before,))


def _remove_events(before: int) -> tuple[int, bool]:
    """Single events; what is counted of them (`event_stat`, `event_day`) stays."""
    top, lo, n = database.scalar("SELECT MAX(contact_id) FROM event") or 0, -1, 0
    while lo < top:
        with database.write_tx():
            n += database.execute(
                "DELETE FROM event WHERE contact_id > ? AND contact_id <= ? AND at < ?",
                (lo, lo + _PEOPLE, before),
            ).rowcount
        lo += _PEOPLE
    return n, False


def _count_audit(before: int) -> int:
    return audit.too_old(before)[0]


def _remove_audit(before: int) -> tuple[int, bool]:
    """The audit log refuses deletes; its guard is off for this transaction only, and the chain says what went."""
    with database.write_tx():
        n, upto = audit.too_old(before, _CHUNK)
        if not n:
            return 0, False
        audit.forget(upto, n)
        if database.is_postgres():
            database.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
        else:
            database.execute("DROP TRIGGER audit_delete")
        database.execute("DELETE FROM audit WHERE id <= ?", (upto,))
        if database.is_postgres():
            database.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
        else:
            database.execute(next(sql for sql in triggers.sqlite() if "TRIGGER audit_delete " in sql))
    return n, n == _CHUNK


_NO_WORDS = "intent NOT IN ('stop', 'start') AND body <> '' AND received_at < ?"
KINDS: tuple[Kind, ...] = (
    Kind("texts", lazy("Words of texts"), lazy("What single messages and merged texts said; counts and states stay."),
         365, *_simple("message_text", "message_id < ?", _message_id)),
    Kind("messages", lazy("Messages of finished campaigns"),
         lazy("Who got which text. The campaign's counts stay; its list of people goes."),
         0, _count_messages, _remove_messages, 30),
    Kind("replies", lazy("Words of replies"), lazy("Empties them. STOP and START stay: they are proof."),
         730, *_emptied("inbound", "body = '', phone_enc = ''", _NO_WORDS)),
    Kind("events", lazy("Events"), lazy("Single purchases, views, visits. How many, how much and when last stay."),
         0, _count_events, _remove_events, 30),
    Kind("waiting", lazy("Events of unknown numbers"), lazy("They wait for the number to become a contact."),
         90, *_simple("event_waiting", "received_at < ?", key="phone_bidx, key_hash")),
    Kind("clicks", lazy("Browsers and networks of clicks"), lazy("Who clicked what, and when, stays."),
         365, *_emptied("click", "agent_id = 0, net = 0", "id < ? AND (agent_id <> 0 OR net <> 0)", _message_id)),
    Kind("inbox", lazy("Calls of providers"), lazy("As they came, encrypted; kept to look into a dispute."),
         14, *_simple("inbox", "state <> 0 AND received_at < ?")),
    Kind("rejects", lazy("Rejected rows of imports"), lazy("Their cells, to be mended and imported again."),
         90, *_rejects("import_reject", "import_batch")),
    Kind("event_rejects", lazy("Rejected rows of event files"), lazy("Their cells, to be mended and imported again."),
         90, *_rejects("event_reject", "event_batch")),
    Kind("audit", lazy("Audit log"), lazy("Who did what. Most laws want it for years."),
         0, _count_audit, _remove_audit, 365),
)  # fmt: skip
BY_KEY: Mapping[str, Kind] = {kind.key: kind for kind in KINDS}
