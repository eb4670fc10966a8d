"""A saved segment and the builder somebody opened it in: it may be another one by now, or gone."""

from __future__ import annotations

import json
from typing import Any

from core.audience.segments import draft as drafts
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db.models import Segment
from core.i18n import _
from core.web import meanwhile

#: The hidden field of the segment a builder was opened from.
ID = "segment_id"


def gone() -> Refusal:
    """Of a builder whose segment was deleted; it goes on as a new one."""
    return Refusal(
        _("This segment was deleted meanwhile. Your lines are still here; Save makes a new segment of them."),
        field=ID,
        status=404,
    )


def settled(row: Segment, name: str, rule: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name and the rule to save, each as it is kept where the person left it alone.  Raises `Refusal`."""
    mine = meanwhile.settle(_shown(name, rule), _kept(row), action="segment.change", about=row.name)
    return mine.get("name", row.name), rule if "rule" in mine else store.rule_of(row)


def carried(row: Segment | None, refusal: Refusal | None = None) -> str:
    """The hidden field that tells what the builder showed; "" for a new segment."""
    return meanwhile.carried(_kept(row), refusal) if row else ""


def status(refusal: Refusal) -> int:
    """Of the builder with this sentence in it."""
    return refusal.status if refusal.field in (meanwhile.FIELD, ID) else 422


def _kept(row: Segment) -> dict[str, str]:
    return _shown(row.name, drafts.to_rule(drafts.from_rule(store.rule_of(row))))


def _shown(name: str, rule: dict[str, Any]) -> dict[str, str]:
    return {"name": name, "rule": json.dumps(rule, sort_keys=True)}
