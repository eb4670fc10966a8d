"""Cards of plugins on core pages: each is filled on its own, so that one that fails leaves the page as it is."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from flask import render_template
from markupsafe import Markup

from core.web.render import rt


class Card(NamedTuple):
    """A card as it is shown.  `html` None: it failed, and `plugin` is whose it is."""

    title: str
    html: Markup | None
    plugin: str


def cards(page: str, obj: Any = None) -> list[Card]:
    """The cards plugins show on a core page about `obj`, in the order of the plugins.

    Their templates get `panel`, its `data`, and `obj` under the name of the page, too.
    """
    plugins, made = rt().plugins, []
    for plugin, given in plugins.call_each("panels", page=page, obj=obj):
        for panel in given:
            known = {"panel": panel, "data": panel.data, "obj": obj, page: obj}
            html = plugins.guarded(plugin, "panel", partial(render_template, panel.template, **known))
            made.append(Card(panel.title, None if html is None else Markup(html), plugin.name))  # noqa: S704
    return made
