"""How long each kind of data is kept, and the nightly run that removes what is older.

Periods are days in the setting `retention`; 0 keeps for ever.  What proves that people agreed (the consent
ledger), the suppression list and receipts of erasures have no period: they are kept.  A run removes in
chunks, so that no sender waits long, and leaves a row in `retention_run`; a dry run only counts.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from core import clock
from core.audience.ageing import BY_KEY, KINDS
from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.retention")

SETTING = "retention"
MAX_DAYS = 36_500
#: The hour, in the instance's zone, from which the nightly run may begin.
HOUR = 3


def periods() -> dict[str, int]:
    """Days each kind is kept, 0 for ever."""
    stored = settings.get(SETTING, {})
    return {kind.key: stored.get(kind.key, kind.days) for kind in KINDS}


def set_periods(days: Mapping[str, int], *, who: str) -> None:
    """Change periods.  Raises `Refusal` for an unknown kind and for what is too short or no number."""
    for key, value in days.items():
        kind = BY_KEY.get(key)
        if kind is None:
            raise Refusal(
                _("“%(key)s” is no kind of data; there are: %(known)s.", key=key, known=", ".join(BY_KEY)),
                field="kind",
            )
        if value != 0 and not kind.least <= value <= MAX_DAYS:
            raise Refusal(
                _("%(title)s: write 0 to keep them, or at least %(n)s days.", title=kind.title, n=kind.least),
                field=key,
            )
    with database.write_tx():
        settings.put(SETTING, periods() | dict(days))
        audit.record(who, "settings.retention", "retention", json.dumps(dict(days)))


def preview(now: int | None = None) -> dict[str, int]:
    """What a run would remove now, counted; nothing is changed."""
    now = now or clock.now_ms()
    kept = periods()
    return {
        kind.key: kind.count(now - kept[kind.key] * clock.DAY_MS) if kept[kind.key] else 0 for kind in KINDS
    }


def run(rt: Runtime, *, who: str = "system") -> dict[str, Any]:
    """Remove what is too old, and keep a report; returns it as `runs` does.

    A kind that fails does not keep the others from being done; the report says which.
    """
    now, kept = clock.now_ms(), periods()
    with database.write_tx():
        run_id = database.scalar(
            "INSERT INTO retention_run (started_at, who, counts, error) VALUES (?, ?, '{}', '') RETURNING id",
            (now, who),
        )
    counts, errors = {}, []
    for kind in KINDS:
        counts[kind.key] = 0
        if not kept[kind.key]:
            continue
        try:
            more = True
            while more:
                n, more = database.retry_locked(kind.remove, now - kept[kind.key] * clock.DAY_MS)
                counts[kind.key] += n
        except Exception as error:
            log.exception("retention of %s failed", kind.key)
            errors.append(f"{kind.key}: {type(error).__name__}")
    with database.write_tx():
        database.execute(
            "UPDATE retention_run SET ended_at = ?, counts = ?, error = ? WHERE id = ?",
            (clock.now_ms(), json.dumps(counts), "; ".join(errors), run_id),
        )
    return runs(1)[0]


def nightly(rt: Runtime) -> None:
    """Job, every half hour: run once a night, from `HOUR` on in the instance's zone."""
    zone = ZoneInfo(settings.get("zone", "") or rt.settings.zone)
    now = datetime.fromtimestamp(clock.now_ms() / 1000, UTC).astimezone(zone)
    if now.hour < HOUR:
        return
    began = int(now.replace(hour=HOUR, minute=0, second=0, microsecond=0).timestamp() * 1000)
    if (
        database.scalar("SELECT 1 FROM retention_run WHERE who = 'system' AND started_at >= ?", (began,))
        is None
    ):
        run(rt)


def runs(limit: int = 14) -> list[dict[str, Any]]:
    """The last reports, newest first: {"id", "started_at", "ended_at", "who", "counts", "removed", "error"}."""
    rows = database.query(
        "SELECT id, started_at, ended_at, who, counts, error FROM retention_run ORDER BY id DESC LIMIT ?",
        (limit,),
    )
    return [
        {
            "id": row[0], "started_at": row[1], "ended_at": row[2], "who": row[3],
            "counts": (counts := json.loads(row[4])), "removed": sum(counts.values()), "error": row[5],
        }
        for row in rows
    ]  # fmt: skip
