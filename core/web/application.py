"""The web application of one Runtime; reads like a table of contents."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from flask import Flask
from flask_babel import Babel
from htmx_flask import Htmx
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map, Rule

from core import i18n
from core.config import ROOT
from core.contract.discovery import Plugin
from core.runtime import Runtime
from core.web import (
    access,
    assets,
    blueprints,
    errors,
    format,
    forms,
    headers,
    menu,
    render,
    signin,
    sourcewords,
)

HERE = ROOT / "core"
log = logging.getLogger("cooee.web")


class _Rule(Rule):
    """A route whose builder of addresses is compiled when somebody first links to it, not at the start.

    Werkzeug compiles two a route, which is most of what making the application takes.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        def first(rule: _Rule, /, **values: Any) -> tuple[str, str]:
            build = super(_Rule, rule)._compile_builder(append_unknown)
            setattr(rule, "_build_unknown" if append_unknown else "_build", build.__get__(rule))
            return build(rule, **values)

        return first


class _RowId(IntegerConverter):
    """The number of a row in an address; one that no database could hold is nobody's: 404."""

    regex = r"\d{1,19}"

    def __init__(self, map: Map, max: int = 2**63 - 1, **more: Any):
        super().__init__(map, max=max, **more)


def make_app(rt: Runtime) -> Flask:
    """Build the application.  Raises `RuntimeError` when a route declares no permission."""
    app = Flask("core", static_folder=str(HERE / "static"), template_folder=None)
    app.url_rule_class = _Rule
    app.url_map.converters["int"] = _RowId
    app.extensions["cooee"] = rt
    app.config.update(
        MAX_CONTENT_LENGTH=1024 * 1024,
        MAX_FORM_MEMORY_SIZE=1024 * 1024,
        MAX_FORM_PARTS=1000,
        SEND_FILE_MAX_AGE_DEFAULT=assets.YEAR_S,
        TRUSTED_HOSTS=None,
    )
    app.jinja_options = {"trim_blocks": True, "lstrip_blocks": True}
    app.jinja_env.add_extension("jinja2.ext.do")
    app.jinja_env.globals.update(_=i18n.gettext, ngettext=i18n.ngettext)
    app.jinja_loader = ChoiceLoader([FileSystemLoader(str(folder)) for folder in _template_folders(rt)])
    # Our own catalogue serves the templates; Babel is for the messages of Flask-Security and WTForms.
    Babel(app, locale_selector=lambda: i18n.LOCALES[i18n.language()], configure_jinja=False)
    Htmx(app)
    format.add_filters(app)
    app.jinja_env.filters["source_word"] = sourcewords.source_word

    app.before_request(access.widen_body)
    signin.init(app, rt)
    menu.init(app)
    app.before_request(access.guard)
    app.before_request(forms.refuse_nul)
    headers.init(app)
    errors.init(app)
    app.after_request(render.vary)

    app.register_blueprint(assets.bp)
    for blueprint in blueprints():
        app.register_blueprint(blueprint)
        if blueprint.name in access.MACHINE_BLUEPRINTS:
            app.extensions["csrf"].exempt(blueprint)
    _add_plugins(app, rt)
    access.check_declared(app)
    if rt.settings.proxy_hops:
        hops = rt.settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)
    return app


def _template_folders(rt: Runtime) -> list:
    """Ours first, so that a plugin cannot replace a page of the core."""
    from pathlib import Path

    theirs = [Path(p.path).parent / "templates" for p in rt.plugins.all.values() if p.is_package]
    # In a checkout a link to the folder of that name, in a wheel the folder itself.
    return [HERE / "templates", *theirs]


def _add_plugins(app: Flask, rt: Runtime) -> None:
    """Mount the pages of plugins below /p/<plugin>/; what cannot be mounted is left out, and its plugin says so."""
    mounted: dict[str, Plugin] = {}
    for blueprint, plugin in rt.plugins.blueprints:
        # The names of machines' blueprints open doors: no token against forgery is asked there.
        if blueprint.name in (*app.blueprints, *access.MACHINE_BLUEPRINTS):
            plugin.note(f"register_blueprints: there is a blueprint {blueprint.name!r} already")
            continue
        try:
            app.register_blueprint(blueprint, url_prefix=f"/p/{plugin.name}{blueprint.url_prefix or ''}")
        except Exception as error:
            log.exception("plugin %s: its pages cannot be mounted", plugin.name)
            plugin.note(f"register_blueprints: {blueprint.name!r} cannot be mounted: {error}")
        # Also of one that was mounted in part: nothing of it may stand there undeclared.
        mounted[blueprint.name] = plugin
    app.extensions["cooee_plugin_blueprints"] = mounted
