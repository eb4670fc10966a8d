"""Messages: all of them by key, and the story of one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for

from core import ids
from core.audience import search
from core.contract.errors import Refusal
from core.db.codes import Cls, State
from core.db.models import Account, Campaign
from core.i18n import _
from core.sending import messages
from core.timing import hours, zones
from core.web.access import allow
from core.web.render import page, rt

bp = Blueprint("messages", __name__, url_prefix="/messages")


@bp.get("")
@allow("view")
def index():
    asked = {
        name: request.args.get(name, "").strip() for name in ("q", "state", "class", "account", "campaign")
    }
    problem, wanted, found = "", None, messages.Page([])
    try:
        wanted = _filter(asked)
        if wanted is not None:
            found = messages.page(
                rt(),
                wanted,
                before=request.args.get("before", type=int),
                after=request.args.get("after", type=int),
            )
    except Refusal as refusal:
        problem = str(refusal)
    here = {name: value for name, value in asked.items() if value}
    return page(
        "messages/index.html",
        fragment="messages/_list.html",
        rows=found.rows,
        asked=asked,
        problem=problem,
        filtered=bool(here),
        accounts=list(Account.select(Account.id, Account.name).order_by(Account.name)),
        campaign=Campaign.get_or_none(Campaign.id == wanted.campaign_id)
        if wanted and wanted.campaign_id
        else None,
        states=[state.name for state in State],
        classes=[cls.name for cls in Cls],
        newer=url_for("messages.index", **here, after=found.newer) if found.newer is not None else None,
        older=url_for("messages.index", **here, before=found.older) if found.older is not None else None,
    )


def _filter(asked: dict[str, str]) -> messages.Filter | None:
    """The filter of the address; None when the number asked for belongs to nobody."""
    given: dict[str, Any] = {"state": asked["state"], "cls": asked["class"]}
    for name, key in (("account", "account_id"), ("campaign", "campaign_id")):
        if asked[name]:
            if not asked[name].isdecimal():
                raise Refusal(_("“%(value)s” is not a number.", value=asked[name]), field=name)
            given[key] = int(asked[name][:9])
    if asked["q"]:
        contact_id = search.by_phone(rt(), asked["q"])
        if contact_id is None:
            return None
        given["contact_id"] = contact_id
    return messages.Filter(**given)


@bp.get("/<int:id>")
@allow("view")
def show(id: int):
    row = messages.get(rt(), id)
    text, final = messages.words(rt(), row)
    country = _country(row.contact_id)
    return page(
        "messages/show.html",
        row=row,
        text=text,
        final=final,
        ref=ids.References(rt().keys).of(row.id),
        made_at=ids.at_ms(row.id),
        receipts=messages.receipts(row.id),
        country=country,
        zones=zones.zones_of(country, rt().settings.default_region)[:1],
        rules=hours.rules(rt(), Cls[row.cls], country),
    )


def _country(contact_id: int) -> str:
    from core.db.models import Profile

    found = Profile.get_or_none(Profile.contact_id == contact_id)
    return found.country if found else ""
