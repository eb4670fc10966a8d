"""What uses a plugin: asked before it is switched off or removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from typing import Any, NamedTuple

from core.contract.manager import Plugins
from core.db import database
from core.db.sets import among, listed
from core.i18n import _, _l

_OPEN = "state NOT IN ('done', 'cancelled')"


class User(NamedTuple):
    """Something that needs the plugin; `kind` is account, segment, label or campaign."""

    kind: str
    name: str


def of(plugins: Plugins, name: str) -> list[User]:
    """Accounts of its providers, what follows rules with its segmenters, and campaigns that still need either."""
    plugins.report()  # collects what each gives
    gives = plugins.all[name].gave
    found = [*_of_providers(gives.get("providers", [])), *_of_segmenters(set(gives.get("segmenters", [])))]
    return list(dict.fromkeys(found))


def told(users: list[User], most: int = 20) -> str:
    """In words: account “hp”, segment “Gold”."""
    words = {
        "account": _l("account “%(name)s”"), "segment": _l("segment “%(name)s”"),
        "label": _l("label “%(name)s”"), "campaign": _l("campaign “%(name)s”"),
    }  # fmt: skip
    named = [str(words[user.kind]) % {"name": user.name} for user in users[:most]]
    more = len(users) - most
    return _(", ").join(named + ([_("and %(n)s more", n=more)] if more > 0 else []))


def _of_providers(names: list[str]) -> Iterator[User]:
    if not names:
        return
    found = database.query(
        f"SELECT id, name FROM account WHERE provider IN ({database.in_list(len(names))}) ORDER BY name",
        names,
    )
    for _id, name in found:
        yield User("account", name)
    ids = [id_ for id_, _name in found]
    for (name,) in database.query(
        f"SELECT name FROM campaign WHERE account_id {among()} AND {_OPEN} ORDER BY id", (listed(ids),)
    ):
        yield User("campaign", name)


def _of_segmenters(names: Set[str]) -> Iterator[User]:
    if not names:
        return
    segments = {
        name: (id_, json.loads(rule))
        for id_, name, rule in database.query("SELECT id, name, rule FROM segment ORDER BY name")
    }
    using: set[str] = set()
    while more := {name for name, (_id, rule) in segments.items() if _says(rule, names, using)} - using:
        using |= more  # and those that stand on these
    for name in sorted(using):
        yield User("segment", name)
    for label, params in database.query("SELECT label, params FROM label_rule ORDER BY label"):
        if _says(json.loads(params), names, using):
            yield User("label", label)
    ids = {segments[name][0] for name in using}
    for name, segment_id, rule in database.query(
        f"SELECT name, segment_id, rule FROM campaign WHERE {_OPEN} ORDER BY id"
    ):
        if segment_id in ids or (rule and _says(json.loads(rule), names, using)):
            yield User("campaign", name)


def _says(rule: Any, names: Set[str], segments: Set[str]) -> bool:
    """Does a rule, or one inside it, name one of these segmenters or saved segments?"""
    if isinstance(rule, dict):
        if rule.get("segmenter") in names or (
            rule.get("segmenter") == "segment" and rule.get("name") in segments
        ):
            return True
        return any(_says(part, names, segments) for part in rule.values())
    return isinstance(rule, list) and any(_says(part, names, segments) for part in rule)
