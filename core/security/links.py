"""One-time links: the first administrator's set-up, invitations and password resets.

Only a hash of the token is stored; a link works once, until it expires, and a newer one for the same person
replaces it.
"""

from __future__ import annotations

import secrets
from hashlib import sha256

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import OneTimeLink
from core.i18n import _
from core.runtime import Runtime

#: Purpose → how long its link works.
LIFE_MS = {
    "setup": clock.DAY_MS,
    "invite": 7 * clock.DAY_MS,
    "reset": clock.DAY_MS,
    "mail": clock.HOUR_MS,
}


def create(purpose: str, user_id: int | None = None) -> str:
    """Make a link's token (256 bits); earlier ones of the person stop working.  The caller shows it once."""
    token = secrets.token_urlsafe(32)
    with database.write_tx():
        OneTimeLink.delete().where(
            OneTimeLink.user_id.is_null() if user_id is None else OneTimeLink.user_id == user_id
        ).execute()
        OneTimeLink.create(
            token_hash=_hash(token),
            purpose=purpose,
            user_id=user_id,
            expires_at=clock.now_ms() + LIFE_MS[purpose],
        )
    return token


def find(token: str) -> OneTimeLink | None:
    """The link of a token while it works, else None."""
    return OneTimeLink.get_or_none(
        (OneTimeLink.token_hash == _hash(token))
        & OneTimeLink.used_at.is_null()
        & (OneTimeLink.expires_at > clock.now_ms())
    )


def use(token: str) -> OneTimeLink:
    """Spend a link, in the caller's `write_tx()`; raises `Refusal` when it does not work (any more)."""
    link = find(token)
    spent = database.execute(
        "UPDATE one_time_link SET used_at = ? WHERE token_hash = ? AND used_at IS NULL AND expires_at > ?",
        (clock.now_ms(), _hash(token), clock.now_ms()),
    ).rowcount
    if link is None or spent != 1:
        raise Refusal(_("This link was used or has expired. Ask for a new one."), status=404)
    return link


def setup_link(rt: Runtime) -> str:
    """The address where the first administrator is made; a new one each time, the older stops working."""
    return f"{rt.settings.public_url}/setup/{create('setup')}"


def setup_words(rt: Runtime) -> str:
    """What commands say on the terminal while there is no administrator: a new set-up link."""
    earlier = OneTimeLink.select().where(
        (OneTimeLink.purpose == "setup")
        & OneTimeLink.used_at.is_null()
        & (OneTimeLink.expires_at > clock.now_ms())
    )
    ended = "\nThe link printed before this one no longer works." if earlier.exists() else ""
    return f"Set up the first administrator here (once, within 24 hours): {setup_link(rt)}{ended}"


def person_link(rt: Runtime, user_id: int, purpose: str) -> str:
    """The address where a person chooses a password: purpose invite, reset or mail."""
    return f"{rt.settings.public_url}/link/{create(purpose, user_id)}"


def _hash(token: str) -> str:
    return sha256(token.encode()).hexdigest()
