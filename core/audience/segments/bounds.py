"""How large a rule is with the saved segments it names written out.

Each segment alone is small, but a chain of them is not: its statement would be too deep for the database.
"""

from __future__ import annotations

from typing import NamedTuple

from core.audience.segments import rules
from core.audience.segments.context import Context
from core.contract.errors import Refusal
from core.i18n import _

#: Segments inside one another.
LINKS = 10


class Whole(NamedTuple):
    """Segments inside one another, groups inside one another, and nodes."""

    links: int
    depth: int
    nodes: int


def check(node: rules.Node, ctx: Context) -> None:
    """Called before a rule is compiled or frozen.  Raises `Refusal` with the name of the segment that is too
    large; what a segment that does not exist or a circle is told is said where it is compiled."""
    _fitting(_whole(node, ctx, ctx.inside), ctx.inside[-1] if ctx.inside else "")


def _whole(node: rules.Node, ctx: Context, inside: tuple[str, ...]) -> Whole:
    if isinstance(node, rules.Not):
        links, depth, nodes = _whole(node.rule, ctx, inside)
        return Whole(links, depth + 1, nodes + 1)
    if isinstance(node, rules.Group):
        parts = [_whole(rule, ctx, inside) for rule in node.rules]
        links, depth = (max((part[i] for part in parts), default=0) for i in (0, 1))
        return Whole(links, depth + 1, 1 + sum(part.nodes for part in parts))
    if node.segmenter == "segment":
        return _saved(node.params.get("name"), ctx, inside)
    return Whole(0, 0, 1)


def _saved(name: object, ctx: Context, inside: tuple[str, ...]) -> Whole:
    if not isinstance(name, str) or name in inside or name not in ctx.segment_names:
        return Whole(0, 0, 1)
    if name not in ctx.sizes:
        if len(inside) > LINKS:
            _fitting(Whole(LINKS + 1, 0, 0), inside[0])
        links, depth, nodes = _whole(rules.parse(ctx.saved_rule(name)), ctx, (*inside, name))
        ctx.sizes[name] = _fitting(Whole(links + 1, depth, nodes), name)
    return ctx.sizes[name]


def _fitting(whole: Whole, name: str) -> Whole:
    if whole.links <= LINKS and whole.depth <= rules.WHOLE.depth and whole.nodes <= rules.WHOLE.nodes:
        return whole
    large = _(
        "with the segments it names written out, it is more than %(links)s segments or %(depth)s groups deep "
        "or has more than %(nodes)s lines; put a label on part of these people instead",
        links=LINKS, depth=rules.WHOLE.depth, nodes=rules.WHOLE.nodes,
    )  # fmt: skip
    if name:
        raise Refusal(_("The segment “%(name)s” is too large: %(why)s.", name=name, why=large), field="rule")
    raise Refusal(_("The rule is too large: %(why)s.", why=large), field="rule")
