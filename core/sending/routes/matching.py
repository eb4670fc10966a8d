"""Which messages of a batch a rule fits: one pass a condition over the whole batch, never a query a message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from core.audience.segments.compile import where_sql
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Segment
from core.db.sets import among, listed
from core.sending.item import Item
from core.sending.routes.dice import throw
from core.sending.routes.rules import FULL_BP, Rule

if TYPE_CHECKING:
    from core.runtime import Runtime


class Facts:
    """What rules ask of the people of a batch; each question is put once, and only when a rule puts it."""

    def __init__(self, rt: Runtime, items: Sequence[Item]):
        self._rt = rt
        self._items = items
        self._segments: dict[int, frozenset[int]] = {}
        #: Pools that keep a person's sender.
        self.sticky: frozenset[int] = frozenset()

    @cached_property
    def _people(self) -> object:
        return listed([item.contact_id for item in self._items])

    @cached_property
    def carriers(self) -> dict[int, str]:
        """{contact: name of the carrier}; who is missing has a number nobody knows the carrier of."""
        return dict(
            database.query(
                f"SELECT contact_id, carrier FROM number_info WHERE contact_id {among()} AND carrier <> ''",
                (self._people,),
            )
        )

    def inside(self, segment_id: int) -> frozenset[int]:
        """The contacts that are in a saved segment now; nobody is in one that is gone or broken."""
        found = self._segments.get(segment_id)
        if found is None:
            found = self._segments[segment_id] = self._ask(segment_id)
        return found

    def _ask(self, segment_id: int) -> frozenset[int]:
        segment = Segment.get_or_none(Segment.id == segment_id)
        if segment is None:
            return frozenset()
        try:
            where, params = where_sql(self._rt, json.loads(segment.rule), alias="p")
        except Refusal:
            return frozenset()
        rows = database.query(
            f"SELECT p.contact_id FROM profile p WHERE p.contact_id {among()} AND {where}",
            (self._people, *params),
        )
        return frozenset(row[0] for row in rows)

    def share_number(self, rule: Rule, item: Item) -> int:
        """What the dice are thrown with: the person where a pool keeps senders, else the message."""
        return item.contact_id if rule.pool_id in self.sticky else item.id


def fitting(rule: Rule, items: Sequence[Item], facts: Facts) -> list[Item]:
    """The messages a rule fits, in their order.  The class was asked before (`rules.in_force`)."""
    some = list(items)
    if rule.countries:
        some = [item for item in some if item.country in rule.countries]
    if rule.prefixes:
        some = [item for item in some if item.to.startswith(rule.prefixes)]
    if rule.carriers and some:
        carriers = facts.carriers
        wanted = {name for name in set(carriers.values()) if name.casefold() in rule.carriers}
        some = [item for item in some if carriers.get(item.contact_id) in wanted]
    if rule.segment_id is not None and some:
        inside = facts.inside(rule.segment_id)
        some = [item for item in some if item.contact_id in inside]
    if rule.share_bp < FULL_BP:
        share, salt, number = rule.share_bp, rule.id, facts.share_number
        some = [item for item in some if throw(number(rule, item), salt) < share]
    return some
