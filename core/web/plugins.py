"""The plugins page: what is loaded, what it does, what it costs, and the switch."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.contract.errors import Refusal
from core.db import database, pluginstate
from core.db import settings as stored
from core.i18n import _
from core.security import audit
from core.sending import pluginuse
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("plugins", __name__, url_prefix="/settings/plugins")


@bp.get("")
@allow("view")
def index():
    return page("plugins/index.html", plugins=rt().plugins.report())


@bp.get("/<name>")
@allow("view")
def show(name: str):
    return page("plugins/show.html", plugin=_find(name), forms=_forms(name), users=_users(name))


def _users(name: str) -> str:
    """What uses the plugin, in words; "" for nothing."""
    return pluginuse.told(pluginuse.of(rt().plugins, name))


@bp.post("/<name>/disable")
@allow("settings.edit")
def disable(name: str):
    """Switch a plugin off, here and at the next start of every process."""
    _find(name)
    rt().plugins.disable(name, _("switched off by %(who)s", who=current_user.email))
    _remember(name, False)
    flash(_("%(name)s is off here; workers follow when they start again.", name=name), "info")
    return redirect_hx(url_for("plugins.show", name=name))


@bp.post("/<name>/enable")
@allow("settings.edit")
def enable(name: str):
    _find(name)
    rt().plugins.enable(name)
    _remember(name, True)
    flash(_("%(name)s is on here; workers follow when they start again.", name=name), "info")
    return redirect_hx(url_for("plugins.show", name=name))


@bp.post("/<name>/settings/<form_name>")
@allow("settings.edit")
def save(name: str, form_name: str):
    """Keep the settings a plugin asked for, under the key `plugin:<plugin>.<form>`."""
    key = f"{name}.{form_name}"
    if key not in rt().plugins.settings:
        raise Refusal(_("Plugin %(name)s has no such settings.", name=name), status=404)
    form = rt().plugins.settings[key](request.form)
    if not form.validate():
        forms = {**_forms(name), form_name: form}
        return page("plugins/show.html", status=422, plugin=_find(name), forms=forms, users=_users(name))
    with database.write_tx():
        stored.put(f"plugin:{key}", form.data)
        audit.record(current_user.email, "plugin.settings", name, form_name)
    flash(_("Saved."))
    return redirect_hx(url_for("plugins.show", name=name))


def _find(name: str) -> dict:
    for plugin in rt().plugins.report():
        if plugin["name"] == name:
            return plugin
    raise Refusal(_("There is no plugin %(name)s.", name=name), status=404)


def _forms(name: str) -> dict:
    """The plugin's settings forms by name, filled with what is kept."""
    return {
        key.removeprefix(f"{name}."): form(data=stored.get(f"plugin:{key}", {}))
        for key, form in rt().plugins.settings.items()
        if key.startswith(f"{name}.")
    }


def _remember(name: str, enabled: bool) -> None:
    with database.write_tx():
        pluginstate.remember(name, enabled, current_user.email)
        audit.record(current_user.email, "plugin.enable" if enabled else "plugin.disable", name)
