"""From a payload to events, by a mapping a person can edit.

    {"phone": path, "country": path, "order": path, "events": [rule, …]}

A rule has `type` and paths `key at amount currency item category number`; `each` names a list whose elements
are events of their own, and then a path that begins with `$.` starts at the payload again.  `topics` and
`when` + `words` say which payloads count; `times` multiplies the amount.  Paths are dotted, alternatives
behind `|` (core.contract.payloads).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from core import clock
from core.audience.sources import notes
from core.contract.errors import Refusal
from core.contract.payloads import find, steps, text_at, time_of
from core.i18n import _

PATHS = ("key", "at", "amount", "currency", "item", "category", "number")
WORDS = ("topics", "type", "each", "when", "words", "times")
MOST_RULES, MOST_ROWS, MAX_PATH = 20, 500, 200
_MICROS = 1_000_000


@dataclass(frozen=True, slots=True)
class Mapped:
    """An event as the payload tells it; `trouble` says why it cannot be one, as a line of `notes`."""

    type: str
    key: str
    at: int = 0
    amount_micros: int | None = None
    currency: str = ""
    item: str = ""
    category: str = ""
    number: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """What a payload says: who, in which country, of which order, and the events."""

    phone: str
    country: str
    order: str
    events: list[Mapped] = field(default_factory=list)


def checked(mapping: Any, types: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping, tidied.  Raises `Refusal` that names what is wrong."""
    if not isinstance(mapping, Mapping):
        raise Refusal(_("A mapping is an object with phone and events."), field="mapping")
    made: dict[str, Any] = {name: _path(mapping.get(name), name) for name in ("phone", "country", "order")}
    rules = mapping.get("events") or []
    if not isinstance(rules, Sequence) or isinstance(rules, str) or len(rules) > MOST_RULES:
        raise Refusal(_("A mapping has a list of at most %(n)s events.", n=MOST_RULES), field="events")
    made["events"] = [_rule(rule, types) for rule in rules]
    return made


def _rule(rule: Any, types: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(rule, Mapping):
        raise Refusal(_("Each event of a mapping is an object with type and key."), field="events")
    made = {name: _path(rule.get(name), name) for name in (*PATHS, *WORDS)}
    if made["type"] not in types:
        raise Refusal(_("There is no event type “%(name)s”.", name=made["type"]), field="type")
    if not made["key"]:
        raise Refusal(
            _(
                "Say which value is the key of a %(type)s: it makes a repeated call harmless.",
                type=made["type"],
            ),
            field="key",
        )
    return {name: text for name, text in made.items() if text}


def _path(value: Any, name: str) -> str:
    text = str(value or "").strip()
    if len(text) > MAX_PATH or any(ord(char) < 32 for char in text):
        raise Refusal(_("%(name)s is too long or holds a character no path has.", name=name), field=name)
    return text


def read(mapping: Mapping[str, Any], data: Any, topic: str) -> Read:
    """Apply a mapping to a payload; nothing here is refused, troubles stand in the events."""
    events: list[Mapped] = []
    for rule in mapping["events"]:
        topics = rule.get("topics", "").split()
        if topics and topic not in topics:
            continue
        events += _events(rule, data)
    phone, country, order = (
        text_at(data, steps(mapping.get(name, ""))) or "" for name in ("phone", "country", "order")
    )
    return Read(phone.strip(), country.strip().upper()[:2], order.strip(), events)


def _events(rule: Mapping[str, str], root: Any) -> Iterator[Mapped]:
    rows = [root]
    if rule.get("each"):
        found = find(root, steps(rule["each"]))
        rows = found[:MOST_ROWS] if isinstance(found, list) else []
    for row in rows:
        if _counts(rule, row, root):
            yield _mapped(rule, row, root)


def _counts(rule: Mapping[str, str], row: Any, root: Any) -> bool:
    if not rule.get("when"):
        return True
    word = (_value(rule["when"], row, root) or "").lower()
    words = rule.get("words", "").lower().split()
    return word in words if words else bool(word)


def _value(path: str, row: Any, root: Any) -> str | None:
    for one in path.split("|"):
        there = root if one.strip().startswith("$.") else row
        found = text_at(there, steps(one))
        if found:
            return found
    return None


def _mapped(rule: Mapping[str, str], row: Any, root: Any) -> Mapped:
    values = {name: (_value(rule[name], row, root) or "").strip() if name in rule else "" for name in PATHS}
    kind, key = rule["type"], values["key"]
    if not key:
        return Mapped(kind, "", trouble=notes.code("path", rule["key"]))
    at = time_of(values["at"]) if "at" in rule else clock.now()
    if at is None:
        return Mapped(kind, key, trouble=notes.code("time", values["at"][:40]))
    amount = None
    if "amount" in rule:
        amount = _micros(values["amount"], _value(rule["times"], row, root) if "times" in rule else "1")
        if amount is None:
            return Mapped(kind, key, trouble=notes.code("amount", values["amount"][:40]))
    return Mapped(
        kind, key, clock.to_ms(at), amount, values["currency"].upper()[:3], values["item"][:200],
        values["category"][:200], values["number"][:100],
    )  # fmt: skip


def _micros(text: str, times: str | None) -> int | None:
    """Shops write a refund as a negative number; here its type says so."""
    try:
        amount = abs(Decimal(text) * Decimal(times or "1"))
        return int(amount * _MICROS) if amount.is_finite() and amount < 10**12 else None
    except InvalidOperation:
        return None


def leaves(data: Any, most: int = 200) -> list[tuple[str, str]]:
    """(path, value) of what a payload holds, for the mapping page; of lists the first element."""
    found: list[tuple[str, str]] = []

    def walk(node: Any, path: str) -> None:
        if len(found) >= most:
            return
        if isinstance(node, Mapping):
            for name, inner in node.items():
                walk(inner, f"{path}.{name}" if path else str(name))
        elif isinstance(node, list):
            if node:
                walk(node[0], f"{path}.0")
        elif node not in (None, ""):
            found.append((path, str(node)[:80]))

    walk(data, "")
    return found
