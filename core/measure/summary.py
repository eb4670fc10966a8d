"""A campaign for programs: what `campaign show --json` and the API say of it."""

from __future__ import annotations

import json
from typing import Any

from core import clock
from core.contract.types import Scope
from core.db import database, tally
from core.db.codes import Cls, State
from core.measure import report
from core.runtime import Runtime
from core.sending import drafts, findings


def campaign(rt: Runtime, campaign_id: int) -> dict[str, Any]:
    """State, counts, variants and figures; times in ISO 8601.  Raises `Refusal` (404)."""
    row = drafts.get(campaign_id)
    counts = _named(tally.by_state([campaign_id])[campaign_id])
    figures = report.metrics(rt, Scope(campaign_id=campaign_id))
    return {
        "id": campaign_id,
        "name": row.name,
        "class": Cls(row.cls).name,
        "state": row.state,
        "reason": row.reason,
        "audience": sum(counts.values()) if row.launched_at else row.audience,
        "counts": counts,
        "variants": _variants(campaign_id),
        "metrics": {name: report.as_json(value) for name, value in figures.items()},
        "options": json.loads(row.options),
        "holdout": row.holdout_bp / 100,
        "created_at": iso(row.created_at),
        "send_at": iso(row.send_at),
        "started_at": iso(row.started_at),
        "finished_at": iso(row.finished_at),
    }


def _named(counts: dict[int, int]) -> dict[str, int]:
    return {state.name: counts.get(state, 0) for state in State}


def _variants(campaign_id: int) -> list[dict[str, Any]]:
    arms = database.query(
        "SELECT v.idx, t.name, v.weight FROM variant v LEFT JOIN template t ON t.id = v.template_id "
        "WHERE v.campaign_id = ? ORDER BY v.idx",
        (campaign_id,),
    )
    counts: dict[int, dict[int, int]] = {}
    for variant, state, n in database.query(
        "SELECT variant, state, SUM(n) FROM tally WHERE campaign_id = ? GROUP BY variant, state",
        (campaign_id,),
    ):
        counts.setdefault(variant, {})[state] = int(n)
    return [
        {"variant": idx, "name": findings.variant_name(idx), "template": template, "weight": weight,
         "counts": _named(counts.get(idx, {}))}
        for idx, template, weight in arms
    ]  # fmt: skip


def iso(ms: int | None) -> str | None:
    """Epoch ms as ISO 8601 UTC, to the second; None stays None."""
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None
