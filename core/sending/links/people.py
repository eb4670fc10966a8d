"""Whose link it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.content import links
from core.db import database
from core.sending.links.tokens import open_token

if TYPE_CHECKING:
    from core.runtime import Runtime


class Person(NamedTuple):
    """Who got a link: `kind` is web, optout, preferences or confirm."""

    message_id: int
    contact_id: int
    campaign_id: int
    kind: str


def person_of(rt: Runtime, token: str) -> Person | None:
    """Whose short link has this code; None when nobody has.  For the pages behind service links."""
    opened = open_token(rt.keys, token)
    if opened is None:
        return None
    message_id, idx = opened
    row = database.one("SELECT contact_id, campaign_id FROM message WHERE id = ?", (message_id,))
    if row is None:
        return None
    kind = links.KIND_OF.get(idx)
    if kind is None:
        kind = database.scalar("SELECT kind FROM link WHERE campaign_id = ? AND idx = ?", (row[1], idx))
    return Person(message_id, row[0], row[1], kind) if kind else None
