"""Trials as plain data, for the command line and for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from core import clock
from core.db import database
from core.db.models import Trial
from core.measure.trials import costs, phones, plan, run

if TYPE_CHECKING:
    from core.runtime import Runtime


def line(trial: Trial) -> dict[str, Any]:
    """The line of a list."""
    names = list(plan.accounts(trial.id).values())
    return {"id": trial.id, "name": trial.name, "state": trial.state, "accounts": names}


def whole(rt: Runtime, trial: Trial) -> dict[str, Any]:
    """The plan, the phones (masked) and how many texts are in which state."""
    states = database.query(
        "SELECT state, COUNT(*) FROM trial_text WHERE trial_id = ? GROUP BY state ORDER BY state", (trial.id,)
    )
    return line(trial) | {
        "plan": asdict(plan.of(trial)),
        "phones": [
            {"phone": one.number, "carrier": one.carrier, "owner": one.owner, "seed": one.seed or None, "night": one.night}
            for one in phones.of(rt, trial.id)
        ],
        "texts": dict(states),
    }  # fmt: skip


def planned(rt: Runtime, trial: Trial) -> dict[str, Any]:
    """What a draft would send, what that costs and tells, and what it lacks before it can start."""
    wanted, drawn = plan.of(trial), run.drawn(rt, trial)
    each, names = costs.of(wanted, drawn), plan.accounts(trial.id)
    least = min((one.texts for one in each), default=0)
    return {
        "id": trial.id, "name": trial.name, "texts": len(drawn), "texts_each": least, "needed": plan.size(wanted),
        "cost": [
            {"account": names[one.account_id], "texts": one.texts, "parts": one.parts, "currency": one.currency,
             "cost": None if one.micros is None else one.micros / 1_000_000}
            for one in each
        ],
        "begins": _iso(drawn[0].due_at) if drawn else None,
        "ends": _iso(max(text.until_at for text in drawn)) if drawn else None,
        "says": plan.says(least) if least else "", "lacks": run.ready(rt, trial),
    }  # fmt: skip


def _iso(ms: int) -> str:
    return clock.from_ms(ms).isoformat(timespec="seconds")
