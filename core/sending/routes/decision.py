"""What was decided for a message, as it is stored and read: `message_route.why`.

    {"how": "cheapest", "value": 45000, "not": [[2, "dearer", 60000], [3, "halted", null]]}

`how` is a strategy, or first, hook (no rule fitted).  Reasons of the others: class, papers, off, halted, rests,
canary, later, dearer, lower, share, no_sender, refused (with the code of the provider).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from core.db import database
from core.db.sets import among, listed

REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """One row, read.  `rule_id` 0: no rule fitted; `sender_id` 0: the account's own sender."""

    rule_id: int
    account_id: int
    sender_id: int
    how: str
    value: Any
    out: tuple[tuple[int, str, Any], ...]
    at: int


def pack(how: str, value: Any, out: Iterable[Sequence[Any]]) -> str:
    """As stored."""
    said: dict[str, Any] = {"how": how}
    if value is not None:
        said["value"] = value
    rest = list(out)
    if rest:
        said["not"] = rest
    return orjson.dumps(said).decode()


def with_refusal(why: str, account_id: int, code: str) -> str:
    """The same decision after its account refused the message."""
    said = orjson.loads(why)
    said["not"] = [[account_id, REFUSED, code], *said.get("not", ())]
    return orjson.dumps(said).decode()


def store(
    message_ids: Sequence[int], rule_id: int, account_id: int, sender_id: int, why: str, now: int
) -> None:
    """Keep one decision for many messages, inside `write_tx()`; a later one replaces it."""
    values = "CAST(? AS integer), CAST(? AS integer), CAST(? AS integer), CAST(? AS text), CAST(? AS bigint)"
    rows = "unnest(CAST(? AS bigint[]))" if database.is_postgres() else "json_each(?)"
    column = "w" if database.is_postgres() else "w.value"
    database.execute(
        f"INSERT INTO message_route (message_id, rule_id, account_id, sender_id, why, at) "
        f"SELECT {column}, {values} FROM {rows} AS w WHERE true ON CONFLICT (message_id) DO UPDATE SET "
        "rule_id = excluded.rule_id, account_id = excluded.account_id, sender_id = excluded.sender_id, "
        "why = excluded.why, at = excluded.at",
        (rule_id, account_id, sender_id, why, now, listed(message_ids)),
    )


def refused(message_ids: Sequence[int], why: str) -> None:
    """Note that the account they were sent through refused them, inside `write_tx()`."""
    database.execute(
        f"UPDATE message_route SET why = ? WHERE message_id {among()}", (why, listed(message_ids))
    )


def refusals(message_ids: Sequence[int]) -> dict[int, tuple[tuple[int, str, Any], ...]]:
    """{message: the accounts that refused it, with their codes}; the others are left out."""
    found = {}
    for id_, why in database.query(
        f"SELECT message_id, why FROM message_route WHERE message_id {among()} AND why LIKE ?",
        (listed(message_ids), f'%"{REFUSED}"%'),
    ):
        found[id_] = tuple(tuple(entry) for entry in orjson.loads(why)["not"] if entry[1] == REFUSED)
    return found


def of(message_id: int) -> Decision | None:
    """What was decided for a message; None when no rule had a say in it."""
    row = database.one(
        "SELECT rule_id, account_id, sender_id, why, at FROM message_route WHERE message_id = ?",
        (message_id,),
    )
    if row is None:
        return None
    said = orjson.loads(row[3])
    out = tuple(tuple(entry) for entry in said.get("not", ()))
    return Decision(row[0], row[1], row[2], said["how"], said.get("value"), out, row[4])
