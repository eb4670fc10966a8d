"""The page on which people choose a provider: groups, what each can do, and a search."""

from __future__ import annotations

from typing import Any

from core.i18n import _
from core.runtime import Runtime
from core.web import accountview

#: The order of the groups; `Provider.group` is one of them.
GROUPS = ("world", "china", "own", "other")


def groups(rt: Runtime, words: str = "") -> list[dict[str, Any]]:
    """[{key, title, providers}] of those that have all the words; groups with nobody are left out."""
    wanted = words.casefold().split()
    found: dict[str, list[dict[str, Any]]] = {key: [] for key in GROUPS}
    for name, cls in rt.plugins.providers.items():
        row = {
            "name": name,
            "title": str(cls.title),
            "about": str(cls.about),
            "abilities": [*([_("calls")] if "voice" in cls.channels else []), *accountview.abilities(cls)],
        }
        text = f"{name} {row['title']} {row['about']} {' '.join(row['abilities'])}".casefold()
        if all(word in text for word in wanted):
            found[cls.group if cls.group in found else "other"].append(row)
    titles = {
        "world": _("Vendors worldwide"),
        "china": _("Vendors in China"),
        "own": _("Your own gateway or phone"),
        "other": _("For trying out, and other ways"),
    }
    return [
        {"key": key, "title": titles[key], "providers": sorted(rows, key=lambda row: row["title"].casefold())}
        for key, rows in found.items()
        if rows
    ]
