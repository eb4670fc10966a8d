"""Which keys the data was stored with: with others no number is found again, and the suppression list holds nobody.

The database knows names of the keys that give nothing away (`Keys.ids`), from the first process that had both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from core.db import database, settings
from core.security.crypto import PUT_BACK, Keys, KeysUnusable, load_keys

if TYPE_CHECKING:
    from core.runtime import Runtime

KEY = "keys"
#: Tables whose rows are of no use without the keys they were written with.
_HOLD = ("contact", "suppression", "consent_event", "account")


def in_use() -> bool:
    """Was this database used with keys?  One that is empty, or has no tables yet, was not."""
    if not database.proxy.table_exists("setting"):
        return False
    return settings.get(KEY) is not None or any(
        database.scalar(f"SELECT 1 FROM {table} LIMIT 1")
        for table in _HOLD
        if database.proxy.table_exists(table)
    )


def require(keys: Keys, folder: Path) -> None:
    """Raise `KeysUnusable` when the data was stored with other keys than these, which lie in `folder`.

    A database that does not know its keys learns them here, unless its first contact says that they are others.
    """
    if said := trouble(keys, folder):
        raise KeysUnusable(said)
    if settings.get(KEY) is None:
        with database.write_tx():
            database.execute(
                'INSERT INTO setting ("key", value) VALUES (?, ?) ON CONFLICT DO NOTHING',
                (KEY, json.dumps(keys.ids)),
            )
        require(keys, folder)  # another host may have been first


def folder(rt: Runtime) -> Path:
    """Where another process may load the keys of this one.  Raises `KeysUnusable` when others lie there by now."""
    place = rt.settings.path("keys")
    if load_keys(place).ids != rt.keys.ids:
        raise KeysUnusable(f"The keys in {place} were changed while Cooee runs; {PUT_BACK}.")
    return place


def trouble(keys: Keys, folder: Path) -> str:
    """Why these keys may not be used with this database, with the remedy; empty when they may."""
    known = settings.get(KEY)
    others = (
        _unlike_the_first_contact(keys) if known is None else [n for n in known if known[n] != keys.ids[n]]
    )
    if not others:
        return ""
    return f"The data of this database was stored with another {' and '.join(others)} than that in {folder}; {PUT_BACK}."


def _unlike_the_first_contact(keys: Keys) -> list[str]:
    row = database.one(
        "SELECT phone_enc, phone_bidx FROM contact WHERE phone_enc IS NOT NULL AND phone_bidx IS NOT NULL "
        "ORDER BY id LIMIT 1"
    )
    if row is None:
        return []
    try:
        number = keys.open_number(row[0])
    except KeysUnusable:
        return ["data.key"]
    return [] if keys.blind_index(number) == bytes(row[1]) else ["index.key"]
