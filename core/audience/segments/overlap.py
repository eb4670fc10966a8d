"""Overlap of up to four segments: how many people are in which of them, in one scan of `profile`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core import clock
from core.audience.segments import store
from core.audience.segments.compile import compile, render
from core.audience.segments.context import Context
from core.audience.segments.figures import limited
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

MOST = 4
#: SQLite works a sub-query out once a row only when it may not be merged into the outer one.
_ALL_ROWS = 2**62


@dataclass(frozen=True, slots=True)
class Region:
    """People who are in exactly the segments of `mask` (bit i: the i-th) and in none of the others."""

    mask: int
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    n: int

    @property
    def rule(self) -> dict[str, Any]:
        """The rule that means exactly these people."""
        within = [{"segmenter": "segment", "name": name} for name in self.inside]
        without = [{"not": {"segmenter": "segment", "name": name}} for name in self.outside]
        return {"all": [*within, *without]}


@dataclass(frozen=True, slots=True)
class Overlap:
    """All 2ⁿ−1 regions, by mask; `sizes` are the segments' own counts, `union` everyone in any of them."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]
    union: int
    regions: list[Region]
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "segments": [{"name": n, "count": size} for n, size in zip(self.names, self.sizes, strict=True)],
            "union": self.union,
            "regions": [
                {"in": list(region.inside), "not_in": list(region.outside), "count": region.n}
                for region in self.regions
            ],
            "seconds": round(self.seconds, 4),
        }


def overlap(rt: Runtime, names: Sequence[str]) -> Overlap:
    """Count every region of two to four saved segments.

    Raises `Refusal` for fewer or more, for one named twice, for an unknown one, and when it takes too long.
    """
    names = tuple(names)
    if not 2 <= len(names) <= MOST:
        raise Refusal(
            _("%(n)s segments were named; an overlap takes two to four.", n=len(names)), field="segments"
        )
    if len(set(names)) < len(names):
        raise Refusal(_("A segment is named twice; choose different ones."), field="segments")
    ctx, started = Context(rt), clock.monotonic()
    parts, params = [], []
    for i, name in enumerate(names):
        sql, values = render(compile(rt, store.rule_of(store.get(name)), ctx=ctx.within(name)))
        parts.append(f"CASE WHEN {sql} THEN {1 << i} ELSE 0 END")
        params += values
    masks = range(1, 1 << len(names))
    counted = ", ".join(f"COUNT(*) FILTER (WHERE mask = {mask})" for mask in masks)
    with limited():
        found = database.one(
            f"SELECT {counted} FROM (SELECT {' + '.join(parts)} AS mask FROM profile LIMIT {_ALL_ROWS}) AS t",
            params,
        )
    regions = [
        Region(
            mask,
            tuple(name for i, name in enumerate(names) if mask >> i & 1),
            tuple(name for i, name in enumerate(names) if not mask >> i & 1),
            n,
        )
        for mask, n in zip(masks, found, strict=True)
    ]
    sizes = tuple(sum(r.n for r in regions if r.mask >> i & 1) for i in range(len(names)))
    return Overlap(names, sizes, sum(r.n for r in regions), regions, clock.monotonic() - started)
