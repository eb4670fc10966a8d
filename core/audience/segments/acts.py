"""What a click in the builder does to the tree, and the way back.

The page carries the trees before the last clicks as JSON, so that undo needs nothing kept on the server.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence

from core.audience.segments import rules
from core.audience.segments.draft import Node, from_rule, placed, to_rule
from core.contract.errors import Refusal
from core.i18n import _

#: Groups stand in groups up to here; a rule may be `rules.MAX_DEPTH` deep with its "but not".
MAX_GROUPS = 2
_KEPT = 10


def act(root: Node, action: str) -> None:
    """Do what was clicked: "remove:0_1", "up:0_1", "down:0_1", "not:0_1", "copy:0_1", "wrap:0_1",
    "unwrap:0_1", "group:0", "add:0:{…}".

    An unknown action or place changes nothing: the page may be older than the tree.
    """
    what, _colon, rest = action.partition(":")
    place, _colon, detail = rest.partition(":")
    found = {node.place: node for node in root.walk()}
    node, parent = found.get(place), found.get(place.rpartition("_")[0])
    if node is None:
        return
    if what in ("add", "group") and not node.is_line:
        _add(node, Node(any=not node.any) if what == "group" else _new_line(detail))
    elif parent is not None and what in _ACTS:
        _ACTS[what](node, parent)
    placed(root)


def undone(root: Node, past: Sequence[str]) -> tuple[Node, list[str]]:
    """(the tree before the last click, what is left of the past); without a past everything stays."""
    if not past:
        return root, []
    return from_rule(rules.loads(past[-1])), list(past[:-1])


def remembered(root: Node, past: Sequence[str]) -> list[str]:
    """The past with this tree as its newest; a tree too large to be a rule is not kept."""
    now = json.dumps(to_rule(root), ensure_ascii=False)
    try:
        rules.loads(now)
    except Refusal:
        return list(past)
    return list(past) if past and past[-1] == now else [*past, now][-_KEPT:]


def may_wrap(node: Node) -> bool:
    """Is there room for one more group around the node?"""
    deepest = max((each.depth for each in node.walk() if not each.is_line), default=node.depth - 1)
    return max(node.depth, deepest + 1) <= MAX_GROUPS


def may_unwrap(node: Node) -> bool:
    """Can the group be dissolved without meaning other people but for "all" and "any"?"""
    return not node.is_line and (not node.negated or len(node.children) == 1)


def _add(group: Node, node: Node) -> None:
    node.focus, node.fresh = "field" if node.is_line else "line", node.is_line
    group.children.append(node)


def _remove(node: Node, parent: Node) -> None:
    at = parent.children.index(node)
    parent.children.pop(at)
    # The keyboard goes to the neighbour, or to the group when none is left.
    neighbour = parent.children[min(at, len(parent.children) - 1)] if parent.children else parent
    neighbour.focus = "line"


def _negate(node: Node, parent: Node) -> None:
    node.negated, node.open, node.focus = not node.negated, node.is_line, "line"


def _copy(node: Node, parent: Node) -> None:
    twin = copy.deepcopy(node)
    twin.focus = "line"
    parent.children.insert(parent.children.index(node) + 1, twin)


def _wrap(node: Node, parent: Node) -> None:
    if may_wrap(node):
        # "all" inside "any" and the other way round: the same kind again would change nothing.
        parent.children[parent.children.index(node)] = Node(any=not parent.any, children=[node])
        node.focus = "line"


def _unwrap(node: Node, parent: Node) -> None:
    if not may_unwrap(node):
        return
    for child in node.children:
        child.negated = child.negated != node.negated
    at = parent.children.index(node)
    parent.children[at : at + 1] = node.children
    (node.children[0] if node.children else parent).focus = "line"


def _moved(step: int) -> Callable[[Node, Node], None]:
    def move(node: Node, parent: Node) -> None:
        at = parent.children.index(node)
        other = min(max(at + step, 0), len(parent.children) - 1)
        parent.children[at], parent.children[other] = parent.children[other], node
        node.open, node.focus = True, "line"

    return move


_ACTS: dict[str, Callable[[Node, Node], None]] = {
    "remove": _remove,
    "not": _negate,
    "copy": _copy,
    "wrap": _wrap,
    "unwrap": _unwrap,
    "up": _moved(-1),
    "down": _moved(1),
}


def _new_line(text: str) -> Node:
    leaf = rules.parse(rules.loads(text))
    if not isinstance(leaf, rules.Leaf):
        raise Refusal(_("This is no line of a rule."))
    return Node(segmenter=leaf.segmenter, params=dict(leaf.params), open=True)
