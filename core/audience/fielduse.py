"""Where a field is used: asked before it is removed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from core.audience.importing.plan import Plan
from core.db import database

_OPEN = "state NOT IN ('done', 'cancelled')"
#: Rules that are still followed, and what vendors' templates are filled with: (name, JSON).
_RULES = (
    "SELECT name, rule FROM segment ORDER BY name",
    f"SELECT name, rule FROM campaign WHERE rule <> '' AND {_OPEN} ORDER BY id",
    "SELECT label, params FROM label_rule ORDER BY label",
    "SELECT t.name, m.params FROM template t JOIN vendor_mapping m ON m.template_id = t.id ORDER BY t.name",
    "SELECT c.name, v.params FROM campaign c JOIN variant_vendor v ON v.campaign_id = c.id "
    f"WHERE c.{_OPEN} ORDER BY c.id",
)
#: Texts that are still to be sent: (name, words).
_TEXTS = (
    "SELECT t.name, x.body FROM template t JOIN template_text x ON x.template_id = t.id WHERE x.version = "
    "(SELECT MAX(y.version) FROM template_text y WHERE y.template_id = x.template_id AND y.lang = x.lang) "
    "ORDER BY t.name",
    "SELECT c.name, v.body FROM campaign c JOIN variant_text v ON v.campaign_id = c.id "
    f"WHERE c.{_OPEN} ORDER BY c.id",
)


def of(key: str, *, besides: int = 0) -> list[str]:
    """Names of the segments, campaigns, labels, templates and files on their way that say the field's key;
    `besides`: an import that does not count."""
    return list(dict.fromkeys(_users(key, besides)))


def awaited(key: str, *, besides: int = 0) -> list[str]:
    """Names of the files on their way that fill the field; `besides`: an import that does not count."""
    rows = database.query(
        "SELECT file_name, options FROM import_batch WHERE state IN ('new', 'running', 'undoing') AND id <> ?",
        (besides,),
    )
    return [name for name, options in rows if _fills(json.loads(options), key)]


def _fills(options: dict[str, Any], key: str) -> bool:
    made = Plan.from_dict(options.get("plan") or options["draft"])
    return any(column.to == "field" and column.key == key for column in made.columns)


def said(texts: Iterable[str]) -> set[str]:
    """Those of these texts that a rule, or what a vendor's template is filled with, has as a value."""
    known = {text.casefold(): text for text in texts}
    words = (
        word for sql in _RULES for _name, rule in database.query(sql) for word in _strings(json.loads(rule))
    )
    return {known[word.casefold()] for word in words if word.casefold() in known}


def remembered(column: str, *, since_ms: int, besides: int) -> bool:
    """Could the undo of a merge, or of an import but `besides`, give back a value this column had since then?"""
    merged = "SELECT 1 FROM contact_merge WHERE at >= ? AND undone_at IS NULL LIMIT 1"
    changed = (
        "SELECT 1 FROM import_change WHERE batch_id IN (SELECT id FROM import_batch WHERE beat_at >= ? AND id <> ?) "
        "AND before LIKE ? LIMIT 1"
    )
    return bool(
        database.one(merged, (since_ms,)) or database.one(changed, (since_ms, besides, f'%"{column}":%'))
    )


def _users(key: str, besides: int) -> Iterator[str]:
    tag = re.compile(r"[{｛]{2}\s*" + re.escape(key) + r"\s*[|｜}｝]")
    for sql in _RULES:
        for name, rule in database.query(sql):
            if any(text == key or tag.search(text) for text in _strings(json.loads(rule))):
                yield name
    for sql in _TEXTS:
        for name, words in database.query(sql):
            if tag.search(words):
                yield name
    yield from awaited(key, besides=besides)


def _strings(node: Any) -> Iterator[str]:
    """Every text that stands as a value in a rule."""
    if isinstance(node, str):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _strings(inner)
