"""A rule in plain words, and leaf by leaf why one contact is in or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peewee import SQL, Column, Expression

from core import clock
from core.audience.segments import asking, rules
from core.audience.segments.compile import at_path, expression, render
from core.audience.segments.context import Choices, Context
from core.audience.segments.ops import from_day_number
from core.contract.errors import Refusal
from core.contract.types import FieldInfo
from core.db import database
from core.db.models import Contact, Profile
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Explained:
    """One node of a rule for one contact.

    kind: leaf · all · any · not.  `why` is what the contact has, for leaves.  `decisive`: turning this node
    alone could have changed the answer, or it is one of those that made it.
    """

    path: str
    kind: str
    text: str
    matches: bool
    why: str = ""
    decisive: bool = False
    children: tuple[Explained, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        made: dict[str, Any] = {"kind": self.kind, "text": self.text, "matches": self.matches}
        if self.kind == "leaf":
            made["why"] = self.why
        else:
            made["of"] = [child.as_dict() for child in self.children]
        return made


def describe(rt: Runtime, rule: Any, *, ctx: Context | None = None) -> str:
    """The whole rule as one sentence in the language in use.  Raises `Refusal` for bad leaves."""
    return _words(rules.parse(rule), ctx or Context(rt), top=True)


def explain(rt: Runtime, rule: Any, contact_id: int) -> Explained:
    """Why this contact is in or not.  Raises `Refusal` (404) when there is no such contact."""
    node, ctx = rules.parse(rule), Context(rt, few=True)
    found = list(rules.leaves(node))
    contact = contact_facts(ctx, contact_id)
    # One statement asks all leaves, so that they are seen at one instant.
    asked = [Expression(expression(leaf, ctx), "IS", SQL("TRUE")) for leaf in found]
    answers: tuple = ()
    if asked:
        parts = [render(item) for item in asked]
        columns = ", ".join(f"CASE WHEN {sql} THEN 1 ELSE 0 END" for sql, _params in parts)
        params = [value for _sql, values in parts for value in values]
        answers = database.one(f"SELECT {columns} FROM profile WHERE contact_id = ?", [*params, contact_id])
    matched = {leaf.path: bool(answer) for leaf, answer in zip(found, answers, strict=True)}
    made = _explained(node, matched, contact, ctx)
    return _marked(made, made.matches)


def because(made: Explained) -> list[Explained]:
    """The leaves that decide: those to blame for "not in", or those that put the contact in."""
    if made.kind == "leaf":
        return [made] if made.decisive else []
    return [leaf for child in made.children for leaf in because(child)]


def contact_facts(ctx: Context, contact_id: int) -> dict[str, Any]:
    """What segmenters see of a contact in `Segmenter.explain`.

    The columns of `profile` by name, `id`, `name`, and `fields`: key → value as people know it (a choice as
    its text, a date as `date`, yes/no as bool; None when empty).
    """
    infos = list(ctx.fields.values())
    table = Profile._meta.table
    row = (
        Profile.select(
            Profile, Contact.name, *(Column(table, info.column).alias(f"x_{info.column}") for info in infos)
        )
        .join(Contact, on=(Contact.id == Profile.contact_id))
        .where(Profile.contact_id == contact_id)
        .dicts()
        .first()
    )
    if row is None:
        raise Refusal(_("There is no contact %(id)s.", id=contact_id), field="contact", status=404)
    values = {info.key: _known(info, row.pop(f"x_{info.column}", None)) for info in infos}
    return {**row, "id": contact_id, "fields": values}


def _known(info: FieldInfo, stored: Any) -> Any:
    if stored is None:
        return None
    if info.kind == "choice" and isinstance(info.choices, Choices):
        return info.choices.texts.get(stored)
    if info.kind == "date":
        return from_day_number(stored)
    if info.kind == "instant":
        return clock.from_ms(stored)
    return bool(stored) if info.kind == "bool" else stored


def _explained(
    node: rules.Node, matched: dict[str, bool], contact: dict[str, Any], ctx: Context
) -> Explained:
    if isinstance(node, rules.Leaf):
        return Explained(
            node.path,
            "leaf",
            leaf_words(node, ctx),
            matched[node.path],
            asking.reason(node.segmenter, contact, node.params, ctx),
        )
    if isinstance(node, rules.Not):
        inner = _explained(node.rule, matched, contact, ctx)
        return Explained(node.path, "not", _("not"), not inner.matches, children=(inner,))
    children = tuple(_explained(rule, matched, contact, ctx) for rule in node.rules)
    decide = any if node.any else all
    kind, text = ("any", _("any of these")) if node.any else ("all", _("all of these"))
    return Explained(node.path, kind, text, decide(child.matches for child in children), children=children)


def _marked(made: Explained, wanted: bool) -> Explained:
    """Mark what made the node answer `wanted`: only children that answered so themselves count."""
    flip = made.kind == "not"
    children = tuple(
        _marked(child, child.matches) if (child.matches != flip) == wanted else child
        for child in made.children
    )
    return Explained(made.path, made.kind, made.text, made.matches, made.why, True, children)


def leaf_words(leaf: rules.Leaf, ctx: Context) -> str:
    """One leaf in plain words; a refusal carries its place."""
    try:
        return asking.words(leaf.segmenter, leaf.params, ctx)
    except Refusal as refusal:
        raise at_path(refusal, leaf.path) from None


def _words(node: rules.Node, ctx: Context, *, top: bool = False) -> str:
    """`top`: the outermost group, whose parts are told apart by commas and need no brackets."""
    if isinstance(node, rules.Leaf):
        return leaf_words(node, ctx)
    if isinstance(node, rules.Not):
        return _("not: %(rule)s", rule=_words(node.rule, ctx))
    if not node.rules:
        return _("nobody") if node.any else _("everyone")
    said = ""
    for i, rule in enumerate(node.rules):
        negated = i > 0 and isinstance(rule, rules.Not)
        words = _words(rule.rule if negated else rule, ctx)
        said += (_joint(node.any, negated, top) if i else "") + words
    return said if top or len(node.rules) == 1 else _("(%(rules)s)", rules=said)


def _joint(is_any: bool, negated: bool, top: bool) -> str:
    if is_any:
        word = _(" or not ") if negated else _(" or ")
    else:
        word = _(" but not ") if negated else _(" and ")
    return _(",") + word if top else word
