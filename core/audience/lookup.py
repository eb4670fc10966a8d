"""Whose number is this: a contact's own, or one it had before it was merged into another."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from core.audience import phones
from core.audience.quality import merged
from core.contract.errors import Refusal
from core.db import database
from core.i18n import _
from core.security import crypto

if TYPE_CHECKING:
    from core.runtime import Runtime


class Found(NamedTuple):
    """A contact somebody asked for by number.

    `phone` is the contact's own number in E.164; `former` the one asked for, in E.164, where that is a number the
    contact had before a merge, else "".
    """

    id: int
    phone: str
    former: str


def look_up(rt: Runtime, text: str) -> Found:
    """The contact a number in any spelling is or was of; raises `Refusal` when there is none.

    For whatever is about the person.  What is about the number itself, such as its consent, asks `need`.
    """
    asked = number(rt, text).e164
    bidx = rt.keys.blind_index(asked)
    found = database.scalar("SELECT id FROM contact WHERE phone_bidx = ?", (bidx,))
    if found is not None:
        return Found(found, asked, "")
    kept = merged.kept_for(bidx)
    sealed = database.scalar("SELECT phone_enc FROM contact WHERE id = ?", (kept,))
    if sealed is None:
        raise Refusal(
            _("There is no contact with the number %(phone)s.", phone=asked), field="phone", status=404
        )
    return Found(kept, rt.keys.open_number(sealed), asked)


def need(rt: Runtime, text: str) -> int:
    """The id of the contact that has a number in any spelling now; raises `Refusal` when there is none."""
    found = look_up(rt, text)
    if found.former:
        raise Refusal(
            _(
                "%(phone)s was merged into contact %(id)s; undo that merge to have it as a contact of its own.",
                phone=crypto.mask(found.former),
                id=found.id,
            ),
            field="phone",
            status=409,
        )
    return found.id


def number(rt: Runtime, text: str, region: str = "") -> phones.Phone:
    """A valid number; raises `Refusal` with the value and the remedy."""
    region = region or rt.settings.default_region
    phone = phones.parse(text.strip(), region)
    if phone is None and text.strip().startswith(("+", "00", "＋")):
        raise Refusal(
            _("“%(text)s” is no valid phone number; look at its digits again.", text=text.strip()[:40]),
            field="phone",
        )
    if phone is None:
        raise Refusal(
            _(
                "“%(text)s” is no valid phone number in %(region)s; write it with its country code, "
                "for instance +8613800138000.",
                text=text.strip()[:40],
                region=region,
            ),
            field="phone",
        )
    return phone
