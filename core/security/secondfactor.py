"""Who must have a second step at sign-in (TOTP): nobody, whoever may do harm, or everyone.

Whoever must have one and has none can do nothing but set it up (core.web.access); nobody who must can take it off.
Somebody who lost the phone is helped by an admin or by `cooee user reset --second-factor`, and sets it up anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.contract.errors import Refusal
from core.db import database, settings
from core.i18n import _, lazy
from core.security import audit
from core.security.roles import ROLES, permissions_of

KEY = "second_factor"
#: Policy → the words people read.
POLICIES = {
    "nobody": lazy("Nobody has to"),
    "powers": lazy("Whoever may launch, export, or change credentials, settings or people"),
    "everyone": lazy("Everybody"),
}
#: What takes money, data or control; API tokens are made with settings.edit.
POWERS = frozenset(
    {
        "contacts.export",
        "numbers.reveal",
        "campaigns.launch",
        "campaigns.approve",
        "providers.edit",
        "settings.edit",
        "people.edit",
    }
)


def policy() -> str:
    """Who must have one: a key of `POLICIES`."""
    return settings.get(KEY, "nobody")


def demanded(user: Any) -> bool:
    """Must this person have a second step?  Kept on the loaded user, so a request asks the database once."""
    if "cooee_second_step" not in user.__dict__:
        user.__dict__["cooee_second_step"] = _asks(policy(), permissions_of(user))
    return user.__dict__["cooee_second_step"]


def owed(user: Any) -> bool:
    """Must this person set one up before anything else?  Costs no query for who has one."""
    return not user.tf_primary_method and demanded(user)


def missing(people: Iterable[Mapping[str, Any]]) -> set[int]:
    """Ids of those who must set one up and did not yet, out of `users.listed()`."""
    who = policy()
    return {
        one["id"]
        for one in people
        if one["active"] and not one["totp"] and _asks(who, ROLES.get(one["role"], frozenset()))
    }


def choose(who: str, wanted: str, *, own: bool = True) -> None:
    """Set the policy; it holds from everybody's next request on.  `own`: has the chooser a second step?

    Raises `Refusal` for an unknown policy, and when somebody without one demands it of others.
    """
    if wanted not in POLICIES:
        raise Refusal(
            _("%(value)s is not one of %(known)s.", value=repr(wanted), known=", ".join(POLICIES)), field=KEY
        )
    if wanted != "nobody" and not own:
        raise Refusal(
            _("Set up your own second step first, on the page of your account; then ask it of others."),
            field=KEY,
        )
    with database.write_tx():
        was = policy()
        if was != wanted:
            settings.put(KEY, wanted)
            audit.record(who, "settings.second_factor", "people", f"{was} → {wanted}")


def _asks(who: str, permissions: frozenset[str]) -> bool:
    return who == "everyone" or (who == "powers" and not POWERS.isdisjoint(permissions))
