"""The menu in the order of the work, and what every page knows of its reader."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, g, request, url_for
from flask_security import current_user
from werkzeug.routing import BuildError

from core.db import database
from core.i18n import LANGUAGES, _l, best_language, language, set_language
from core.web import guides
from core.web.access import may, owes_second_step, passes, permission_of, second_step_demanded
from core.web.assets import icon, static_url, vendor_url
from core.web.render import htmx, rt


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the menu.  `count` is an endpoint that gives how many things need someone, or nothing."""

    title: Any
    endpoint: str
    icon: str
    key: str = ""
    count: str = ""
    gap: bool = False


MENU = (
    Entry(_l("Overview"), "overview.index", "house", "o", count="account.needs"),
    Entry(_l("Contacts"), "contacts.index", "people", "c"),
    Entry(_l("Segments"), "segments.index", "pie-chart", "s"),
    Entry(_l("Templates"), "templates.index", "chat-left-text", "t"),
    Entry(_l("Campaigns"), "campaigns.index", "megaphone", "a"),
    Entry(_l("Messages"), "messages.index", "envelope", "m"),
    Entry(_l("Replies"), "replies.index", "reply", "r", count="replies.waiting"),
    Entry(_l("Providers"), "providers.index", "broadcast", "p", gap=True),
    Entry(_l("Settings"), "settings.index", "gear", "x"),
)

#: Areas that have no line of their own, and the line they belong to.
HOME = (
    {
        "imports": "contacts",
        "proof": "contacts",
        "arrival": "providers",
        "trials": "providers",
        "routes": "providers",
        "senders": "providers",
        "queue": "messages",
    }
    | dict.fromkeys(("errorkinds", "calls", "invoices", "dossiers"), "providers")
    | dict.fromkeys(
        (
            "classes",
            "otp",
            "topics",
            "keywords",
            "retention",
            "auditlog",
            "tokens",
            "people",
            "plugins",
            "account",
            "security",
        ),
        "settings",
    )
)

#: htmx 2.0.3 would keep pages in localStorage and run scripts of fragments; see docs: security.
HTMX = {
    "historyCacheSize": 0,
    "refreshOnHistoryMiss": True,
    "allowEval": False,
    "allowScriptTags": False,
    "selfRequestsOnly": True,
    "includeIndicatorStyles": False,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "422", "swap": True},
        {"code": "[45]..", "swap": False, "error": True},
    ],
}
THEMES = ("auto", "light", "dark")


def menu() -> list[dict[str, Any]]:
    """The entries the reader may open; an area that is not there is left out."""
    if not current_user.is_authenticated or owes_second_step():
        return []
    entries, views = (*MENU[:-2], *_of_plugins(), *MENU[-2:]), current_app.view_functions
    here = (request.blueprint or "").split(".")[0]
    here = g.get("area") or HOME.get(here, here)
    return [
        {
            "title": entry.title,
            "url": url_for(entry.endpoint),
            "icon": entry.icon,
            "key": entry.key,
            "gap": entry.gap,
            "on": entry.endpoint.split(".")[0] == here,
            "count_url": url_for(entry.count) if entry.count in views else None,
        }
        for entry in entries
        if entry.endpoint in views and passes(permission_of(current_app, entry.endpoint))
    ]


def _of_plugins() -> list[Entry]:
    """The entries of plugins; one that no page could show is left out, and its plugin says so."""
    entries = []
    for plugin, items in rt().plugins.call_each("menu_items"):
        for item in filter(lambda item: may(item.permission), items):
            try:
                url_for(item.endpoint)
                icon(item.icon)
            except (BuildError, KeyError) as error:
                plugin.note(f"menu_items gave {item.endpoint!r}, which cannot be shown: {error}")
            else:
                entries.append(Entry(item.title, item.endpoint, item.icon))
    return entries


def uid(word: str) -> str:
    """An id that is used once on the page."""
    g.uids = g.get("uids", 0) + 1
    # A fragment swapped into a page must not repeat the page's own ids.
    return f"{word}-{g.uids}{'-' + secrets.token_hex(3) if htmx else ''}"


def choose_language() -> None:
    """Before each request: the person's language, else the cookie's, else the browser's; and the zone."""
    # A monitor is answered without the database, too.
    if request.endpoint in ("static", "vendor.file") or request.blueprint == "health":
        return
    default = rt().settings.language
    wish = getattr(current_user, "language", "") or request.cookies.get("cooee_language", "")
    if wish not in LANGUAGES:
        wish = best_language((value for value, _q in request.accept_languages), default)
    set_language(wish)
    house = _house()
    g.zone = getattr(current_user, "zone", "") or house.get("zone") or rt().settings.zone
    g.sending_off = house.get("sending_off", "")
    g.stopped_by_person = "sending_stop" in house


def _house() -> dict[str, Any]:
    """The settings every page needs, in one query: the zone, and why nothing is sent (after a restore)."""
    rows = database.query(
        "SELECT key, value FROM setting WHERE key IN ('zone', 'sending_off', 'sending_stop')"
    )
    return {key: json.loads(value) for key, value in rows}


def theme() -> str:
    """auto, light or dark: the person's choice, else the cookie's."""
    wish = getattr(current_user, "theme", "") or request.cookies.get("cooee_theme", "")
    return wish if wish in THEMES else "auto"


def _context() -> dict[str, Any]:
    code = language()
    return {
        "menu": menu,
        "here": request.full_path.rstrip("?") if request.method == "GET" else "/",
        "language": code,
        "languages": LANGUAGES,
        "html_lang": "zh-Hans" if code == "zh_Hans" else code,
        "theme": theme(),
        "sending_off": g.get("sending_off", ""),
        "stopped_by_person": g.get("stopped_by_person", False),
        "user_name": (current_user.name or current_user.email) if current_user.is_authenticated else "",
    }


class _Components:
    """`ui` of the templates: the macros of macros/ui.html, compiled once."""

    def __init__(self, app: Flask):
        self._environment = app.jinja_env

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment.get_template("macros/ui.html").module, name)


def init(app: Flask) -> None:
    """Make these known to all templates, and choose the language of each request."""
    app.before_request(choose_language)
    app.context_processor(_context)
    app.jinja_env.globals.update(
        ui=_Components(app),
        icon=icon,
        may=may,
        owes_second_step=owes_second_step,
        second_step_demanded=second_step_demanded,
        has_endpoint=lambda endpoint: endpoint in app.view_functions,
        uid=uid,
        static_url=static_url,
        vendor_url=vendor_url,
        guide_here=guides.here,
        htmx_config=json.dumps(HTMX),
    )
