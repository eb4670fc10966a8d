"""A rule while someone builds it: a tree of groups and lines that may be unfinished.

The builder page posts the whole tree with each click.  A node at place "0_2_1" has the fields `kind-0_2_1`,
`not-0_2_1`, `join-0_2_1` (groups), `p-0_2_1-…` (the params of a line) and `fresh-0_2_1` (a line nobody has left
yet); `act` carries what was clicked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import Form as WTForm
from wtforms import SelectField

from core.audience.segments import asking, rules
from core.audience.segments.context import Context
from core.audience.segments.explain import leaf_words
from core.audience.segments.leafform import LeafForm, ValueField
from core.audience.segments.ops import BARE, read_value
from core.audience.segments.words import shown
from core.contract.errors import Refusal
from core.i18n import _

_MAX_PLACE = 60


@dataclass
class Node:
    """A group (of `children`) or a line (of one segmenter).  `negated`: "but not"."""

    place: str = "0"
    negated: bool = False
    any: bool = False
    children: list[Node] = field(default_factory=list)
    segmenter: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    #: For lines: the form, the words or what is missing; `open` lines show their form.
    form: WTForm | None = None
    words: str = ""
    #: The words in pieces, (text, is it a value): values are set in bold.
    pieces: list[tuple[str, bool]] = field(default_factory=list)
    problem: str = ""
    #: Added just now: nobody has had a chance to fill it in, so what is missing is no mistake yet.
    fresh: bool = False
    open: bool = False
    #: What was just clicked keeps the keyboard: "line" for the node itself, "field" for its first value.
    focus: str = ""

    @property
    def is_line(self) -> bool:
        """A line, not a group."""
        return bool(self.segmenter)

    @property
    def depth(self) -> int:
        """0 for the whole rule."""
        return self.place.count("_")

    def walk(self) -> Iterator[Node]:
        """This node and all below, in reading order."""
        yield self
        for child in self.children:
            yield from child.walk()


def from_rule(raw: Any) -> Node:
    """The tree of a saved rule; its outermost node is always a plain group."""
    root = _from(rules.parse(raw))
    if root.is_line or root.negated:
        root = Node(children=[root])
    return placed(root)


def to_rule(node: Node, *, skip_unfinished: bool = False) -> dict[str, Any]:
    """The plain rule of a tree; with `skip_unfinished` lines with a problem are left out."""
    if node.is_line:
        made: dict[str, Any] = {"segmenter": node.segmenter, **node.params}
    else:
        kept = [child for child in node.children if not (skip_unfinished and is_unfinished(child))]
        made = {
            "any" if node.any else "all": [to_rule(child, skip_unfinished=skip_unfinished) for child in kept]
        }
    return {"not": made} if node.negated else made


def read(form: MultiDict[str, str], ctx: Context) -> Node:
    """The tree as it was posted.  Raises `Refusal` when it is larger than a rule may be."""
    root = Node(any=form.get("join-0") == "any")
    nodes = {"0": root}
    places = sorted(
        (key[5:] for key in form if key.startswith("kind-0_") and len(key) < _MAX_PLACE), key=_order
    )
    if len(places) >= rules.MAX_NODES:
        raise Refusal(_("The rule has more than %(n)s parts; split it into two segments.", n=rules.MAX_NODES))
    for place in places:
        parent = nodes.get(place.rpartition("_")[0])
        if parent is None or parent.is_line:
            continue
        node = Node(place, negated=form.get(f"not-{place}") == "1")
        kind = form[f"kind-{place}"]
        if kind == "group":
            node.any = form.get(f"join-{place}") == "any"
        else:
            node.segmenter, node.fresh = kind, form.get(f"fresh-{place}") == "1"
            node.params = _posted_params(node, form, ctx)
        parent.children.append(node)
        nodes[place] = node
    return placed(root)


def dress(root: Node, ctx: Context) -> list[Node]:
    """Give each line its form and its words, or what is missing; returns the finished lines."""
    finished = []
    for node in root.walk():
        if not node.is_line:
            continue
        try:
            node.form = _form(node, ctx)
            line = rules.parse({"segmenter": node.segmenter, **node.params})
            # Conditions are made to find what is wrong; nothing runs.
            asking.condition(node.segmenter, line.params, ctx)
            node.words = leaf_words(line, ctx)
            node.pieces = _pieces(node.words, _values(node.form))
            finished.append(node)
        except Refusal as refusal:
            node.problem = str(refusal)
            node.words = _unfinished_words(node)
            node.pieces = [(node.words, False)]
    return finished


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the menu "add a line": words, and the leaf it starts as (JSON)."""

    words: str
    leaf: str


def menu(ctx: Context) -> list[tuple[str, list[Entry]]]:
    """(heading, entries) of "add a line", a group for each segmenter; fields first."""
    first = (
        "attribute", "label", "event", "spend", "campaign", "link", "engagement", "consent", "contact", "place",
        "birthday", "segment", "sample",
    )  # fmt: skip
    names = sorted(ctx.rt.plugins.segmenters, key=lambda n: (first.index(n) if n in first else len(first), n))
    made = []
    for name in names:
        segmenter = ctx.segmenter(name)
        form = segmenter.Form
        entries = list(form.menu(ctx)) if issubclass(form, LeafForm) else [(_(segmenter.title), {})]
        if entries:
            made.append(
                (_(segmenter.title or name), [_entry(name, words, params) for words, params in entries])
            )
    return made


def _entry(name: str, words: str, params: Any) -> Entry:
    return Entry(words, json.dumps({"segmenter": name, **params}, ensure_ascii=False))


def _from(parsed: rules.Node) -> Node:
    if isinstance(parsed, rules.Not):
        inner = _from(parsed.rule)
        inner.negated = not inner.negated
        return inner
    if isinstance(parsed, rules.Leaf):
        return Node(segmenter=parsed.segmenter, params=dict(parsed.params))
    return Node(any=parsed.any, children=[_from(rule) for rule in parsed.rules])


def placed(root: Node, place: str = "0") -> Node:
    """The tree with the place of each node put right."""
    root.place = place
    for i, child in enumerate(root.children):
        placed(child, f"{place}_{i}")
    return root


def is_unfinished(node: Node) -> bool:
    """A line with a problem, or a group that holds nothing else."""
    if node.is_line:
        return bool(node.problem)
    return all(is_unfinished(child) for child in node.children)


def _form(node: Node, ctx: Context) -> WTForm:
    made = ctx.segmenter(node.segmenter).Form(prefix=f"p-{node.place}-", data=_form_data(node.params))
    if isinstance(made, LeafForm):
        made.bind(ctx)
    return made


def _form_data(params: dict[str, Any]) -> dict[str, Any]:
    # `class` is a word of Python; forms call that field `cls`.
    return {("cls" if key == "class" else key): value for key, value in params.items()}


def _posted_params(node: Node, posted: MultiDict[str, str], ctx: Context) -> dict[str, Any]:
    try:
        segmenter = ctx.segmenter(node.segmenter)
    except Refusal:
        return {}
    prefix = f"p-{node.place}-"
    made = segmenter.Form(formdata=posted, prefix=prefix)
    if isinstance(made, LeafForm):
        if posted.get(f"{prefix}was") not in (None, getattr(getattr(made, "field", None), "data", None)):
            # Another field was chosen: its values are not those of the field before.
            made.forget()
        made.bind(ctx)
        return made.params()
    return {name: value for name, value in made.data.items() if value not in (None, "", [])}


def _unfinished_words(node: Node) -> str:
    """A line without its value still says what it is about."""
    subject = getattr(node.form, "field", None)
    if subject is not None and subject.choices:
        return next(
            (str(choice.label) for choice in subject.choices if choice.value == subject.data), node.segmenter
        )
    return _("New line")


def _values(form: WTForm) -> set[str]:
    """What a person chose or typed, in the words it is shown in."""
    found = set()
    for item in form:
        if item.short_name in getattr(form, "structural", ()):
            continue
        if isinstance(item, ValueField):
            found |= {shown(read, item.say) for read in _read(item)}
        elif isinstance(item, SelectField):
            found |= {str(choice.label) for choice in item.iter_choices() if choice.selected and choice.value}
        elif item.data:
            found.add(str(item.data))
    return found - {""}


def _read(item: ValueField) -> list[Any]:
    if item.op in BARE or item.param() is None:
        return []
    read = read_value(item.kind, item.op, item.param(), "")
    return read if isinstance(read, list) else [read]


def _pieces(words: str, values: set[str]) -> list[tuple[str, bool]]:
    """Cut a sentence where one of the values stands; the longest first, each part of the text once."""
    if not values:
        return [(words, False)]
    pattern = "|".join(re.escape(value) for value in sorted(values, key=len, reverse=True))
    return [(part, i % 2 == 1) for i, part in enumerate(re.split(f"({pattern})", words)) if part]


def _order(place: str) -> list[int]:
    return [int(part) if part.isdecimal() else 0 for part in place.split("_")]


def unfinished(nodes: Iterable[Node]) -> list[Node]:
    """The lines that cannot be counted yet."""
    return [node for node in nodes if node.problem]
