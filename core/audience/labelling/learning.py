"""What a rule must know of everyone before it can judge one: the bounds of fifths."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from core import clock
from core.audience.labelling.rules import Rule
from core.audience.labelling.spending import Quintile, spending
from core.audience.labelling.sql import Scope, Step
from core.db import database
from core.runtime import Runtime

_RANGE = 20_000


def learn(rt: Runtime, rule: Rule, scopes: Iterable[Scope] | None = None) -> dict[str, Any] | None:
    """What the rule learns of everyone, or of the people of some scopes; None for rules that learn nothing.

    A million sums are 8 MB.
    """
    if not isinstance(rule.kind, Quintile):
        return None
    sums, now = array("q"), clock.now_ms()
    for scope in everyone() if scopes is None else scopes:
        inner, values = spending(Step(rt, now, scope), rule.params["within_days"])
        sums.extend(row[0] for row in database.query(f"SELECT CAST(s AS bigint) FROM ({inner}) q", values))
    return {"bounds": rule.kind.bounds(sums)}


def everyone(size: int = _RANGE) -> list[Scope]:
    """All contacts, by ranges of ids."""
    top = database.scalar("SELECT MAX(contact_id) FROM profile") or 0
    return [Scope(low, low + size) for low in range(0, top, size)]


def with_state(rule: Rule, state: Mapping[str, Any]) -> Rule:
    """The rule with what it learnt."""
    return replace(rule, state=state)
