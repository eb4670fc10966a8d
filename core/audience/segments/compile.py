"""From a rule to one SQL condition over `profile`.

The condition is true for the people of the segment and false *or unknown* for everyone else; `complement`
makes "not" exact over that.  Nothing runs here but look-ups of fields and labels.
"""

from __future__ import annotations

from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any

from core.audience.segments import asking, bounds
from core.audience.segments.context import Context
from core.audience.segments.logic import EVERYONE, NOBODY, complement
from core.audience.segments.rules import Group, Leaf, Node, Not, dumps, parse
from core.contract.errors import Refusal
from core.db.models import Profile
from core.db.models.base import database

if TYPE_CHECKING:
    from core.runtime import Runtime


def compile(rt: Runtime, rule: Any, *, ctx: Context | None = None):
    """A peewee expression over `Profile` for a plain or parsed rule.

    Give `ctx` to hold the instant of relative times still over several calls.  Raises `Refusal` that names
    the path of the bad node.
    """
    return expression(parse(rule), ctx or Context(rt))


def where_sql(
    rt: Runtime, rule: Any, *, at_ms: int | None = None, alias: str = "profile"
) -> tuple[str, list[Any]]:
    """(SQL, params) for statements of our own: `SELECT … FROM profile WHERE <SQL> AND …`.

    `alias` is the name `profile` has in that statement.  Marks are `?` as `core.db.database.execute` takes
    them, on both databases.  `at_ms` is the instant of launch, so that chunks compiled later agree on what
    "within 30 days" means.
    """
    return render(compile(rt, rule, ctx=Context(rt, at_ms=at_ms)), alias)


def frozen(rt: Runtime, rule: Any) -> dict[str, Any]:
    """The rule with every reference to a saved segment replaced by that segment's rule.

    For a campaign at launch: its audience must not change when someone edits a segment afterwards.
    """
    node, ctx = parse(rule), Context(rt)
    bounds.check(node, ctx)
    return _inlined(node, ctx)


def render(condition, alias: str = "profile") -> tuple[str, list[Any]]:
    """SQL text with `?` marks and params of an expression over `Profile`, whose columns get `alias`."""
    options = database.obj.get_context_options() | {"param": "?"}
    sql = database.obj.context_class(**options)
    sql.alias_manager[Profile._meta.table] = alias
    # As a sub-query: SELECTs inside get their parentheses.
    with sql.scope_normal(subquery=True):
        return sql.sql(condition).query()


def expression(node: Node, ctx: Context):
    """The peewee expression of a parsed tree.  Raises `Refusal`."""
    bounds.check(node, ctx)
    return _expression(node, ctx)


def _expression(node: Node, ctx: Context):
    if isinstance(node, Leaf):
        return _leaf(node, ctx)
    if isinstance(node, Not):
        return complement(_expression(node.rule, ctx))
    if not node.rules:
        return NOBODY if node.any else EVERYONE
    return reduce(or_ if node.any else and_, (_expression(rule, ctx) for rule in node.rules))


def _leaf(leaf: Leaf, ctx: Context):
    try:
        return asking.condition(leaf.segmenter, leaf.params, ctx)
    except Refusal as refusal:
        raise at_path(refusal, leaf.path) from None


def at_path(refusal: Refusal, path: str) -> Refusal:
    """The same refusal with the place in the tree; one that has a place already keeps it."""
    if refusal.field and refusal.field.startswith("rule"):
        return refusal
    sentence = str(refusal) if path == "rule" else f"At {path}: {refusal}"
    return Refusal(sentence, field=path, status=refusal.status)


def _inlined(node: Node, ctx: Context) -> dict[str, Any]:
    if isinstance(node, Group):
        return {"any" if node.any else "all": [_inlined(rule, ctx) for rule in node.rules]}
    if isinstance(node, Not):
        return {"not": _inlined(node.rule, ctx)}
    if node.segmenter == "segment":
        name = node.params.get("name")
        return _inlined(parse(ctx.saved_rule(name)), ctx.within(name))
    return dumps(node)
