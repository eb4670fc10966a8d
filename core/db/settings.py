"""Settings people change in the browser: JSON values by key."""

from __future__ import annotations

import json
from typing import Any

from core.db import database
from core.db.models import Setting


def get(key: str, default: Any = None) -> Any:
    """The value of a setting, or the default."""
    row = Setting.get_or_none(Setting.key == key)
    return default if row is None else json.loads(row.value)


def put(key: str, value: Any) -> None:
    """Store a setting; the last write wins."""
    text = json.dumps(value, ensure_ascii=False)
    with database.write_tx():
        Setting.insert(key=key, value=text).on_conflict(
            conflict_target=[Setting.key], update={Setting.value: text}
        ).execute()


def house_zone(configured: str) -> str:
    """The IANA zone by which the days of the house begin: the one set in the browser, else the configured one."""
    return get("zone") or configured


def remove(key: str) -> None:
    """Forget a setting; its default holds again."""
    with database.write_tx():
        Setting.delete().where(Setting.key == key).execute()
