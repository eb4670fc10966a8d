"""Whose demo it is: what its people are called in the language of the instance."""

from __future__ import annotations

from core.i18n import _


def who() -> str:
    """Who made all of it, for logs and the audit log."""
    return _("demo")


def shop() -> str:
    """The shop's name."""
    return _("Kola")
