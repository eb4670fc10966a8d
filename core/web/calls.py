"""Providers → Calls: every call of a provider, searchable; one with what was said; doing one again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core import clock
from core.contract.errors import CooeeError, Refusal
from core.db import database
from core.db import settings as stored
from core.i18n import _
from core.security import audit
from core.sending import accounts
from core.sending.calls import again as repeat
from core.sending.calls import rows, saying, search
from core.web.access import allow
from core.web.format import reader_zone
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("calls", __name__, url_prefix="/providers/calls")

_ASKED = ("account", "kind", "outcome", "code", "q", "from", "to")


@bp.get("")
@allow("view")
def index():
    asked = {name: request.args.get(name, "").strip() for name in _ASKED}
    found, newer, older, problem = [], False, False, ""
    try:
        before, after = (request.args.get(name, type=int) for name in ("before", "after"))
        found, newer, older = search.page(filter_of(asked), before=before, after=after)
    except Refusal as refusal:
        problem = str(refusal)
    here = {name: value for name, value in asked.items() if value}
    return page(
        "calls/index.html",
        fragment="calls/_list.html",
        rows=found,
        newer=url_for(".index", **here, after=found[0].id) if newer and found else None,
        older=url_for(".index", **here, before=found[-1].id) if older and found else None,
        asked=asked,
        filtered=bool(here),
        problem=problem,
        kinds=rows.KINDS,
        kind_word=kind_word,
        outcomes=outcome_words(),
        accounts=accounts.every(),
        days=stored.get(saying.DAYS_KEY, saying.DAYS),
        words=stored.get(saying.WORDS_KEY, False),
    )


def filter_of(asked: dict[str, str]) -> search.Filter:
    """The filter of an address.  Raises `Refusal`."""
    if asked["account"] and not asked["account"].isdecimal():
        raise Refusal(_("“%(value)s” is not a number.", value=asked["account"]), field="account")
    until = day_start(asked["to"])
    return search.Filter(
        account_id=int(asked["account"][:9]) if asked["account"] else None,
        kind=asked["kind"], outcome=asked["outcome"], code=asked["code"], text=asked["q"],
        since=day_start(asked["from"]), until=None if until is None else day_start(asked["to"], 1),
    )  # fmt: skip


def day_start(text: str, more: int = 0) -> int | None:
    """The first instant of a day such as 2026-11-22, `more` days on, in the reader's zone; None for ''."""
    if not text:
        return None
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=reader_zone())
    except ValueError:
        raise Refusal(_("%(text)s is no date such as 2026-01-31.", text=repr(text)), field="from") from None
    return clock.to_ms(day + timedelta(days=more))


def kind_word(kind: str) -> str:
    """A kind of call in words."""
    words = {
        "send": _("sent"),
        "poll": _("asked for receipts"),
        "look_up": _("looked up"),
        "balance": _("asked for the balance"),
        "webhook": _("webhook"),
    }
    return words.get(kind, kind)


def outcome_words() -> dict[str, tuple[str, str]]:
    """Outcome → (words, tone)."""
    return {
        "ok": (_("fine"), "good"),
        "failed": (_("with errors"), "bad"),
        "rejected": (_("rejected"), "bad"),
        "retried": (_("put off"), "warn"),
        "unknown": (_("left open"), "warn"),
    }


@bp.get("/<int:call_id>")
@allow("view")
def show(call_id: int):
    return _show(call_id)


def _show(call_id: int, status: int = 200, problem: str = ""):
    row, text = search.get(call_id)
    detail: dict[str, Any] = rows.detail_of(text)
    return page(
        "calls/show.html", status=status, row=row, detail=detail, can=repeat.what(call_id),
        kind_word=kind_word, outcomes=outcome_words(), problem=problem,
    )  # fmt: skip


@bp.post("/<int:call_id>/again")
@allow("providers.edit")
def again(call_id: int):
    """Do it again: only what is proven not sent."""
    try:
        done = repeat.again(rt(), call_id, current_user.email)
    except CooeeError as error:
        return _show(call_id, status=422, problem=str(error))
    if done.new or done.left:
        flash(
            _(
                "%(new)s sent as new messages, %(sooner)s tried now, %(left)s left as they are.",
                **done._asdict(),
            )
        )
    else:
        flash(_("It is being done again."))
    return redirect_hx(url_for(".show", call_id=call_id))


@bp.post("/settings")
@allow("settings.edit")
def keep():
    """How long calls are kept, and whether with the words of messages."""
    days = request.form.get("days", "").strip()
    if not days.isdecimal() or len(days) > 4 or not 1 <= int(days) <= 3650:
        raise Refusal(_("Choose a number from %(low)s to %(high)s.", low=1, high=3650), field="days")
    words = bool(request.form.get("words"))
    with database.write_tx():
        stored.put(saying.DAYS_KEY, int(days))
        stored.put(saying.WORDS_KEY, words)
        audit.record(
            current_user.email, "calls.settings", "", f"{days} days, words {'kept' if words else 'left out'}"
        )
    flash(_("Saved."))
    return redirect_hx(url_for(".index"))
