"""Types of events: the built-in ones, and custom ones with typed properties."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from core import clock
from core.audience import kinds
from core.audience.events import store, typeuse
from core.audience.events.facts import COMMON as COMMON
from core.audience.events.facts import MONEY as MONEY
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _, _n, lazy
from core.security import audit

#: Kinds of properties a custom type may have; see `core.audience.kinds`.
PROPERTY_KINDS = ("text", "number", "date", "bool")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}\Z")
_PROPERTY = re.compile(r"[^\W\d]\w{0,39}\Z")
#: `event.type` is a small integer.
_MOST_TYPES, _MOST_PROPERTIES = 1_000, 30

#: Titles of the built-in types in the reader's language.
_TITLES = {
    "view": lazy("View"),
    "cart": lazy("Added to cart"),
    "purchase": lazy("Purchase"),
    "refund": lazy("Refund"),
    "share": lazy("Shared it"),
    "reply": lazy("Reply"),
    "click": lazy("Click"),
    "visit": lazy("Visit"),
    "signup": lazy("Sign-up"),
    "order_item": lazy("Item of an order"),
}


@dataclass(frozen=True, slots=True)
class Type:
    """One type.  `properties` (custom types only) is name → kind."""

    id: int
    key: str
    title: str
    builtin: bool
    properties: Mapping[str, str] = field(default_factory=dict)


def all_types() -> list[Type]:
    """Every type, built-in ones first, titles in the reader's language."""
    rows = database.query("SELECT id, key, title, builtin, properties FROM event_type ORDER BY id")
    return [
        Type(id_, key, str(_TITLES.get(key) or title or key), bool(builtin), json.loads(properties))
        for id_, key, title, builtin, properties in rows
    ]


def types() -> dict[str, tuple[int, str]]:
    """Key → (id, title), built-in ones first."""
    return {made.key: (made.id, made.title) for made in all_types()}


def add(key: str, *, title: str = "", properties: Mapping[str, str] | None = None, who: str = "") -> Type:
    """Define a custom type; `properties` is name → text, number, date or bool.

    Raises `Refusal` for a key that is taken or no key, and for a property that cannot be.
    """
    key, title, properties = key.strip().lower(), kinds.clean(title)[:100], dict(properties or {})
    if not _KEY.match(key):
        raise Refusal(
            _("“%(key)s” is no key of a type: use small letters, digits and _, at most 40.", key=key[:60]),
            field="key",
        )
    text = _checked(properties)
    with database.write_tx():
        if database.one("SELECT 1 FROM event_type WHERE key = ?", (key,)):
            raise Refusal(_("There is a type “%(key)s” already.", key=key), field="key", status=409)
        if database.scalar("SELECT COUNT(*) FROM event_type") >= _MOST_TYPES:
            raise Refusal(_("There are %(max)s types, which is the most there can be.", max=_MOST_TYPES))
        [type_id] = bulk.new_ids("event_type", 1)
        database.execute(
            "INSERT INTO event_type (id, key, title, builtin, properties, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (type_id, key, title, False, text, clock.now_ms()),
        )
        audit.record(who, "event_type.add", f"event_type:{type_id}", key)
    return Type(type_id, key, title or key, False, properties)


def get(key: str) -> Type:
    """A type by its key.  Raises `Refusal` (404)."""
    found = next((made for made in all_types() if made.key == key), None)
    if found is None:
        raise Refusal(_("There is no event type “%(name)s”.", name=key[:60]), field="key", status=404)
    return found


def edit(
    key: str, *, title: str | None = None, properties: Mapping[str, str] | None = None, who: str = ""
) -> Type:
    """Change what people see of a custom type, or its properties; None leaves them as they are.

    Properties may be added at any time.  One that a rule asks for stays, and while there are events of the
    type each keeps its kind, for theirs are stored as they are.  Raises `Refusal`.
    """
    with database.write_tx():
        found = _own(key)
        new = dict(found.properties if properties is None else properties)
        text = _checked(new)
        for name, kind in found.properties.items():
            if new.get(name) == kind:
                continue
            if name not in new:
                _unused(typeuse.of_property(key, name), name)
            elif typeuse.of(key, found.id)[1]:
                raise Refusal(
                    _("There are events with “%(name)s” as %(kind)s; add a property with another name.",
                      name=name, kind=kind),
                    field="properties", status=409,
                )  # fmt: skip
        database.execute("UPDATE event_type SET properties = ? WHERE id = ?", (text, found.id))
        if title is not None:
            database.execute(
                "UPDATE event_type SET title = ? WHERE id = ?", (kinds.clean(title)[:100], found.id)
            )
        audit.record(who, "event_type.edit", f"event_type:{found.id}", f"{key} {text}"[:1000])
    return get(key)


def remove(key: str, *, who: str = "") -> None:
    """Remove a custom type nothing uses.  Raises `Refusal`, which says where it is used."""
    with database.write_tx():
        store.hold()
        found = _own(key)
        uses, n = typeuse.of(key, found.id)
        _unused(uses, key)
        if n:
            raise Refusal(
                _n("There is %(n)s event of “%(key)s”; the type stays while there is any.",
                   "There are %(n)s events of “%(key)s”; the type stays while there are any.", n, key=key),
                field="key", status=409,
            )  # fmt: skip
        database.execute("DELETE FROM event_type WHERE id = ?", (found.id,))
        audit.record(who, "event_type.remove", f"event_type:{found.id}", key)


def _own(key: str) -> Type:
    """A custom type, held against others who change it."""
    if database.is_postgres():
        database.execute("SELECT 1 FROM event_type WHERE key = ? FOR UPDATE", (key,))
    found = get(key)
    if found.builtin:
        raise Refusal(
            _("“%(key)s” is built in: it cannot be changed or removed.", key=key), field="key", status=409
        )
    return found


def _unused(uses: Sequence[typeuse.Use], name: str) -> None:
    if uses:
        raise Refusal(
            _("“%(name)s” is used by %(users)s; change those first.",
              name=name, users=_(", ").join(f"“{use.name}”" for use in uses[:20])),
            field="properties", status=409,
        )  # fmt: skip


def _checked(properties: Mapping[str, str]) -> str:
    """Properties as they are stored.  Raises `Refusal`."""
    for name, kind in properties.items():
        _check_property(name, kind)
    if len(properties) > _MOST_PROPERTIES:
        raise Refusal(_("A type has at most %(max)s properties.", max=_MOST_PROPERTIES), field="properties")
    return json.dumps(dict(properties), ensure_ascii=False, sort_keys=True)


def _check_property(name: str, kind: str) -> None:
    if not _PROPERTY.match(name) or name in COMMON:
        raise Refusal(
            _(
                "“%(name)s” cannot be the name of a property: use letters, digits and _, and none of %(taken)s.",
                name=name[:60],
                taken=", ".join(COMMON),
            ),
            field="properties",
        )
    if kind not in PROPERTY_KINDS:
        raise Refusal(
            _(
                "“%(kind)s” is no kind of property; it is one of %(all)s.",
                kind=kind[:40],
                all=", ".join(PROPERTY_KINDS),
            ),
            field="properties",
        )
