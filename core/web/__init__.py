"""Pages: one module per area of the menu, each with a blueprint `bp`."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint

#: Modules with a blueprint `bp`, in the order of the menu.
BLUEPRINTS = (
    "overview",
    "contacts",
    "imports",
    "segments",
    "templates",
    "campaigns",
    "reports",
    "messages",
    "providers",
    "settings",
    "account",
    "people",
    "auth",
    "plugins",
    "health",
    "webhooks",
    "public",
)


def blueprints() -> list[Blueprint]:
    """The blueprints of all areas."""
    names = [f"core.web.{name}" for name in BLUEPRINTS]
    return [import_module(name).bp for name in names if find_spec(name) is not None]
