"""Roles and what each may do.  One person has one role."""

from __future__ import annotations

from typing import Any

from core.contract.errors import Refusal
from core.db import database

#: Every permission a route can ask for.
PERMISSIONS = (
    "view",
    "contacts.edit",
    "contacts.export",
    "numbers.reveal",
    "segments.edit",
    "templates.edit",
    "campaigns.edit",
    "campaigns.launch",
    "campaigns.approve",
    "providers.edit",
    "settings.edit",
    "people.edit",
)

_MARKETER = frozenset(
    {
        "view",
        "contacts.edit",
        "contacts.export",
        "segments.edit",
        "templates.edit",
        "campaigns.edit",
        "campaigns.launch",
    }
)

#: Role → its permissions, weakest first.
ROLES: dict[str, frozenset[str]] = {
    "viewer": frozenset({"view"}),
    "marketer": _MARKETER,
    "approver": _MARKETER | {"campaigns.approve"},
    "admin": frozenset(PERMISSIONS),
}


def check_role(name: str) -> str:
    """The role's name; raises `Refusal` for one that does not exist."""
    if name not in ROLES:
        raise Refusal(f"Role {name!r} is not one of {', '.join(ROLES)}.", field="role")
    return name


def role_of(user: Any) -> str:
    """The name of a person's role, "" without one."""
    found = database.scalar(
        "SELECT r.name FROM user_role ur JOIN role r ON r.id = ur.role_id WHERE ur.user_id = ?", (user.id,)
    )
    return found or ""


def permissions_of(user: Any) -> frozenset[str]:
    """What a person may do.  Kept on the loaded user, so a request asks the database once."""
    if "cooee_permissions" not in user.__dict__:
        user.__dict__["cooee_permissions"] = ROLES.get(role_of(user), frozenset())
    return user.__dict__["cooee_permissions"]
