"""Why something that a plugin gives may be missing here, as a sentence with the remedy."""

from __future__ import annotations

from core.contract.manager import Plugins
from core.i18n import _


def why(plugins: Plugins) -> str:
    """To be put behind "there is no …": what this process has not loaded, or has switched off; "" when neither."""
    if new := plugins.added():
        return _(
            "Restart Cooee, workers included, to use what was installed since it started: %(names)s.",
            names=", ".join(new),
        )
    if idle := [plugin.name for plugin in plugins.all.values() if plugin.state != "on"]:
        return _("These plugins are off or could not be loaded: %(names)s.", names=", ".join(idle))
    return ""
