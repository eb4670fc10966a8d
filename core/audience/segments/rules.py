"""The rule tree: reading it and refusing what is no rule.

    {"all": [rule, …]}   {"any": [rule, …]}   {"not": rule}   {"segmenter": NAME, …params}

A tree is at most `MAX_DEPTH` groups deep and has at most `MAX_NODES` nodes, so that the statement it becomes
stays small whoever wrote it; with saved segments written out, `WHOLE` holds.  Only the shape is checked here;
what params mean is up to the segmenter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from core.contract.errors import Refusal

MAX_DEPTH = 5
MAX_NODES = 50
MAX_VALUES = 500
MAX_TEXT = 500
MAX_JSON_BYTES = 100_000
#: Integers beyond this lose digits in JSON readers and overflow 64 bits in SQL.
MAX_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class Group:
    """All of the rules, or any of them.  `{"all": []}` is everyone, `{"any": []}` nobody."""

    path: str
    any: bool
    rules: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Exactly the people the inner rule does not match."""

    path: str
    rule: Node


@dataclass(frozen=True, slots=True)
class Leaf:
    """One question to a segmenter."""

    path: str
    segmenter: str
    params: Mapping[str, Any]


Node = Group | Not | Leaf


class Size(NamedTuple):
    """Groups inside one another, and nodes."""

    depth: int
    nodes: int


#: As somebody writes it, and with the saved segments it names written out.
OWN, WHOLE = Size(MAX_DEPTH, MAX_NODES), Size(20, 500)


def loads(text: str | bytes) -> dict[str, Any]:
    """Read a rule from JSON text and check its shape.  Returns the plain tree.  Raises `Refusal`."""
    if len(text) > MAX_JSON_BYTES:
        raise Refusal(
            f"The rule has {len(text):,} bytes; at most {MAX_JSON_BYTES:,} are taken.", field="rule"
        )
    try:
        raw = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise Refusal(f"The rule is nested more than {MAX_DEPTH} levels deep.", field="rule") from None
    except ValueError as error:
        raise Refusal(f"The rule is not valid JSON: {error}.", field="rule") from None
    parse(raw)
    return raw


def dumps(node: Node) -> dict[str, Any]:
    """The plain tree of a parsed rule."""
    if isinstance(node, Group):
        return {"any" if node.any else "all": [dumps(rule) for rule in node.rules]}
    if isinstance(node, Not):
        return {"not": dumps(node.rule)}
    return {"segmenter": node.segmenter, **node.params}


def parse(raw: Any, most: Size = OWN) -> Node:
    """Check a plain tree and give it types.  A parsed tree is returned as it is.

    `most` is `WHOLE` for the frozen rule of a campaign.  Raises `Refusal` with one sentence that names the path
    of the bad node; `field` is that path.
    """
    if isinstance(raw, Group | Not | Leaf):
        return raw
    return _node(raw, "rule", 0, [0], most)


def leaves(node: Node) -> Iterator[Leaf]:
    """The leaves of a tree, from left to right."""
    if isinstance(node, Group):
        for rule in node.rules:
            yield from leaves(rule)
    elif isinstance(node, Not):
        yield from leaves(node.rule)
    else:
        yield node


def mapped(raw: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """A plain tree with each leaf as `change` makes it."""
    if isinstance(raw, list):
        return [mapped(item, change) for item in raw]
    if not isinstance(raw, dict):
        return raw
    if "segmenter" in raw:
        return change(raw)
    return {key: mapped(value, change) for key, value in raw.items()}


def renamed(raw: Any, segmenter: str, param: str, old: str, new: str) -> Any:
    """A plain tree in which the leaves of `segmenter` say `new` where their `param` was `old`."""
    return mapped(
        raw,
        lambda leaf: (
            {**leaf, param: new} if leaf["segmenter"] == segmenter and leaf.get(param) == old else leaf
        ),
    )


def names(raw: Any, segmenter: str, param: str) -> set[str]:
    """What the leaves of `segmenter` say as `param`."""
    found = []
    mapped(raw, lambda leaf: found.append(leaf) or leaf)
    return {leaf[param] for leaf in found if leaf["segmenter"] == segmenter and leaf.get(param)}


def _node(raw: Any, path: str, depth: int, seen: list[int], most: Size) -> Node:
    seen[0] += 1
    if seen[0] > most.nodes:
        raise Refusal(f"The rule has more than {most.nodes} parts; split it into two segments.", field=path)
    if not isinstance(raw, Mapping):
        raise Refusal(
            f"At {path} stands {_short(raw)}; a rule is an object with all, any, not or segmenter.",
            field=path,
        )
    kinds = [kind for kind in ("all", "any", "not", "segmenter") if kind in raw]
    if len(kinds) != 1:
        has = f"both {' and '.join(kinds)}" if kinds else "none of all, any, not and segmenter"
        raise Refusal(f"The rule at {path} has {has}; it needs exactly one of them.", field=path)
    kind = kinds[0]
    if kind == "segmenter":
        return _leaf(raw, path)
    if depth >= most.depth:
        raise Refusal(f"At {path} the rule is nested more than {most.depth} levels deep.", field=path)
    if len(raw) > 1:
        other = next(key for key in raw if key != kind)
        raise Refusal(f"The rule at {path} has {_short(other)} beside {kind}; remove it.", field=path)
    inner = raw[kind]
    if kind == "not":
        return Not(path, _node(inner, f"{path}.not", depth + 1, seen, most))
    if not isinstance(inner, list | tuple):
        raise Refusal(f"{kind} at {path} holds {_short(inner)}; it takes a list of rules.", field=path)
    rules = tuple(_node(rule, f"{path}.{kind}[{i}]", depth + 1, seen, most) for i, rule in enumerate(inner))
    return Group(path, kind == "any", rules)


def _leaf(raw: Mapping[str, Any], path: str) -> Leaf:
    name = raw["segmenter"]
    if not isinstance(name, str) or not name:
        raise Refusal(f"segmenter at {path} is {_short(name)}; it takes a name.", field=path)
    params = {key: _value(value, key, path) for key, value in raw.items() if key != "segmenter"}
    return Leaf(path, name, params)


def _value(value: Any, key: Any, path: str) -> Any:
    """Params are texts, numbers, yes/no, or lists of them: what every database takes as a parameter."""
    if not isinstance(key, str) or len(key) > 60:
        raise Refusal(
            f"The rule at {path} has the parameter {_short(key)}; a name is short text.", field=path
        )
    if isinstance(value, list | tuple):
        if len(value) > MAX_VALUES:
            raise Refusal(
                f"{key} at {path} lists {len(value):,} values; at most {MAX_VALUES} are taken. "
                "Put a label on these people instead.",
                field=path,
            )
        return [_scalar(item, key, path) for item in value]
    return _scalar(value, key, path)


def _scalar(value: Any, key: str, path: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        # `not (… <= …)` also refuses NaN.
        if not abs(value) <= MAX_NUMBER:
            raise Refusal(f"{key} at {path} is {_short(value)}, which is too large a number.", field=path)
        return value
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise Refusal(f"{key} at {path} has {len(value)} characters; at most {MAX_TEXT}.", field=path)
        if any(ch == "\0" or "\ud800" <= ch <= "\udfff" for ch in value):
            raise Refusal(f"{key} at {path} holds a character that cannot be stored.", field=path)
        return value
    raise Refusal(f"{key} at {path} is {_short(value)}; it takes a text, a number or a list.", field=path)


def _short(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = repr(type(value).__name__)
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= 60 else text[:57] + "…"


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [key for key, _value in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"{_short(twice)} stands twice in one object")
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a number")
