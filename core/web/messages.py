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
from core.sending.calls import raw as raws
from core.sending.calls.search import of_message
from core.timing import hours, zones
from core.web import routeview
from core.web.access import allow
from core.web.calls import day_start
from core.web.render import page, rt

bp = Blueprint("messages", __name__, url_prefix="/messages")


@bp.get("")
@allow("view")
def index():
    asked = {
        name: request.args.get(name, "").strip()
        for name in ("q", "state", "class", "account", "campaign", "code", "from", "to")
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
    given: dict[str, Any] = {"state": asked["state"], "cls": asked["class"], "reason": asked["code"]}
    given |= {"since": day_start(asked["from"]), "until": day_start(asked["to"], 1)}
    for name, key in (("account", "account_id"), ("campaign", "campaign_id")):
        if asked[name]:
            if not asked[name].isdecimal():
                raise Refusal(_("“%(value)s” is not a number.", value=asked[name]), field=name)
            given[key] = int(asked[name][:9])
    if asked["q"]:
        named = _named(asked["q"])
        if named is None:
            return None
        given |= named
    return messages.Filter(**given)


def _named(text: str) -> dict[str, Any] | None:
    """What a word in the search box names: a message, by its id, our reference or the provider's; a number."""
    message_id = ids.References(rt().keys).id_of(text)
    if message_id is None and text.isdecimal() and 17 <= len(text) <= 19:
        message_id = int(text)
    if message_id is None:
        contact_id = search.by_phone(rt(), text)
        if contact_id is not None:
            return {"contact_id": contact_id}
        message_id = messages.by_provider_id(text)
    if message_id is not None:
        return {"message_id": message_id}
    return None if text.startswith("+") else {"provider_id": text}


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
        calls=of_message(messages.account_of(row.id), row.submitted_at),
        route=routeview.of_message(row.id),
        zones=zones.zones_of(country, rt().settings.default_region)[:1],
        rules=hours.rules(rt(), Cls[row.cls], country),
    )


@bp.get("/<int:id>/raw")
@allow("view")
def raw(id: int):
    """What the provider said of it, as it came; by a request of its own, because it is decrypted and searched."""
    said = raws.of_message(rt(), messages.get(rt(), id), messages.account_of(id))
    return page("messages/_raw.html", fragment="messages/_raw.html", said=said)


def _country(contact_id: int) -> str:
    from core.db.models import Profile

    found = Profile.get_or_none(Profile.contact_id == contact_id)
    return found.country if found else ""
