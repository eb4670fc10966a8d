"""Pages: one module per area of the menu, each with a blueprint `bp`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint

#: Modules with a blueprint `bp`, in the order of the menu.
BLUEPRINTS = (
    "overview",
    "contacts",
    "proof",
    "imports",
    "segments",
    "templates",
    "vendortexts",
    "campaigns",
    "reports",
    "messages",
    "queue",
    "replies",
    "providers",
    "routes",
    "senders",
    "arrival",
    "trials",
    "trialphone",
    "errorkinds",
    "calls",
    "invoices",
    "dossiers",
    "settings",
    "classes",
    "otp",
    "topics",
    "keywordtable",
    "retention",
    "auditlog",
    "account",
    "tokens",
    "people",
    "auth",
    "plugins",
    "sources",
    "guides",
    "collect",
    "health",
    "webhooks",
    "preferences",
    "links",
    "core.api.blueprint",
)


def blueprints() -> list[Blueprint]:
    """The blueprints of all areas."""
    return [import_module(name if "." in name else f"core.web.{name}").bp for name in BLUEPRINTS]
