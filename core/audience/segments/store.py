"""Saved segments: a name, a rule, and who uses it."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

from peewee import IntegrityError

from core import clock
from core.audience.segments import growth, rules
from core.audience.segments.compile import expression
from core.audience.segments.context import Context, unknown
from core.audience.segments.figures import count
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.db.models import Campaign, LabelRule, Segment
from core.i18n import _
from core.runtime import Runtime
from core.security import audit

MAX_NAME = 80


def get(name: str) -> Segment:
    """The segment of this name.  Raises `Refusal` (404) that names the closest one."""
    row = Segment.get_or_none(Segment.name == name)
    if row is None:
        refusal = unknown("segment", name, [n for (n,) in Segment.select(Segment.name).tuples()])
        refusal.status = 404
        raise refusal
    return row


def rule_of(segment: Segment) -> dict[str, Any]:
    """The plain rule tree of a saved segment."""
    return json.loads(segment.rule)


def save(rt: Runtime, name: str, rule: Any, who: str, *, segment_id: int | None = None) -> Segment:
    """Save a rule under a new name, or change the segment `segment_id` (its name, too).

    The rule must compile.  Raises `Refusal` for a bad rule, a bad name, or a name that is taken.
    """
    name = check_name(name)
    node = rules.parse(rule)
    with database.write_tx():
        before = Segment.get_or_none(Segment.id == segment_id) if segment_id else None
        if segment_id and before is None:
            raise Refusal(_("This segment was deleted meanwhile."), field="name", status=404)
        # A rule that comes back to the segment it is saved in would never end.
        inside = (before.name,) if before else (name,)
        expression(node, Context(rt, inside=inside))
        values = {"rule": json.dumps(rules.dumps(node), ensure_ascii=False), "updated_at": clock.now_ms()}
        if before is None:
            return _insert(name, values, who)
        changed = (
            Segment.update(**values, last_count=None, counted_at=None)
            .where(Segment.id == before.id)
            .execute()
        )
        if changed and before.name != name:
            _rename(before, name)
        if before.rule != values["rule"]:
            growth.forget(before.id, rule_only=True)
        audit.record(who, "segment.change", name)
    return Segment.get_by_id(segment_id)


def rename(segment: Segment, name: str, who: str) -> Segment:
    """Give a segment another name; rules that refer to it follow.  Raises `Refusal`."""
    name = check_name(name)
    with database.write_tx():
        _rename(segment, name)
        audit.record(who, "segment.rename", name, segment.name)
    return Segment.get_by_id(segment.id)


def duplicate(segment: Segment, who: str) -> Segment:
    """A copy with a free name: "Gold, Shanghai (2)"."""
    with database.write_tx():
        taken = {name for (name,) in Segment.select(Segment.name).tuples()}
        stem = segment.name[: MAX_NAME - 6]
        name = next(free for n in range(2, len(taken) + 3) if (free := f"{stem} ({n})") not in taken)
        return _insert(name, {"rule": segment.rule, "updated_at": clock.now_ms()}, who)


def delete(segment: Segment, who: str) -> None:
    """Delete a segment nobody uses.  Raises `Refusal` (409) with the names of what uses it."""
    with database.write_tx():
        users = used_by(segment)
        if users:
            raise Refusal(
                _(
                    "The segment “%(name)s” is used by %(users)s; change those first.",
                    name=segment.name,
                    users=_(", ").join(f"“{user}”" for _kind, _id, user in users),
                ),
                field="name",
                status=409,
            )
        Segment.delete().where(Segment.id == segment.id).execute()
        growth.forget(segment.id)
        onlyonce.gone("segment", segment.id)
        audit.record(who, "segment.delete", segment.name, segment.rule)


def used_by(segment: Segment) -> list[tuple[str, int, str]]:
    """(kind, id, name) of what refers to it; kind is campaign, segment or label (a rule that sets one)."""
    campaigns = Campaign.select(Campaign.id, Campaign.name).where(Campaign.segment_id == segment.id)
    found = [("campaign", row.id, row.name) for row in campaigns.order_by(Campaign.id.desc())]
    found += [("segment", row.id, row.name) for row in _referring(segment.name)]
    rules_of_labels = LabelRule.select().where(LabelRule.kind == "segment").order_by(LabelRule.label)
    return found + [
        ("label", row.id, row.label)
        for row in rules_of_labels
        if json.loads(row.params).get("segment") == segment.id
    ]


def used_counts() -> dict[int, int]:
    """segment id → in how many campaigns it is used, for lists."""
    rows = database.query(
        "SELECT segment_id, COUNT(*) FROM campaign WHERE segment_id IS NOT NULL GROUP BY segment_id"
    )
    return dict(rows)


def recount(rt: Runtime, segment: Segment) -> tuple[int, float]:
    """Count now and remember the figure for lists.  Returns (people, seconds)."""
    people, seconds = count(rt, rule_of(segment))
    remember(rt, segment, people)
    return people, seconds


def remember(rt: Runtime, segment: Segment, people: int) -> None:
    """Keep a fresh count, unless the rule changed while it was counted."""
    total = database.scalar("SELECT COUNT(*) FROM profile")
    with database.write_tx():
        same = (Segment.id == segment.id) & (Segment.rule == segment.rule)
        fresh = {"last_count": people, "last_total": total, "counted_at": clock.now_ms()}
        if Segment.update(fresh).where(same).execute():
            growth.note(rt, segment.id, people)


def check_name(name: str) -> str:
    """A tidy name: one line, 1 to 80 characters.  Raises `Refusal`."""
    tidy = " ".join(unicodedata.normalize("NFC", name or "").split())
    if not tidy:
        raise Refusal(_("Give the segment a name."), field="name")
    if len(tidy) > MAX_NAME:
        raise Refusal(
            _("The name has %(n)s characters; at most %(most)s.", n=len(tidy), most=MAX_NAME), field="name"
        )
    if any(unicodedata.category(ch) in ("Cc", "Cs") for ch in tidy):
        raise Refusal(_("The name holds a character that cannot be shown."), field="name")
    return tidy


def _insert(name: str, values: dict[str, Any], who: str) -> Segment:
    now = clock.now_ms()
    try:
        with database.write_tx():
            values = values | onlyonce.new_id("segment")
            row = Segment.create(name=name, created_by=who, created_at=now, **values)
            audit.record(who, "segment.add", name)
    except IntegrityError:
        raise _taken(name) from None
    return row


def _rename(segment: Segment, name: str) -> None:
    try:
        with database.write_tx():
            Segment.update(name=name, updated_at=clock.now_ms()).where(Segment.id == segment.id).execute()
    except IntegrityError:
        raise _taken(name) from None
    for other in _referring(segment.name):
        rule = rules.renamed(rule_of(other), "segment", "name", segment.name, name)
        text = json.dumps(rule, ensure_ascii=False)
        Segment.update(rule=text).where(Segment.id == other.id).execute()


def _taken(name: str) -> Refusal:
    return Refusal(
        _("There is a segment “%(name)s” already; choose another name.", name=name), field="name", status=409
    )


def _referring(name: str) -> list[Segment]:
    """Segments whose rule has a line "in segment `name`"."""
    rows = Segment.select().order_by(Segment.name)
    return [row for row in rows if name in rules.names(rule_of(row), "segment", "name")]
