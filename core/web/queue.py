"""Messages → Queue: what waits and why; try now, stop everything, start again, confirm a clock that jumped."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core import clock
from core.contract.errors import Refusal
from core.i18n import _, ngettext
from core.sending import clockwatch, lanes, stopping, waits
from core.web import reasons
from core.web.access import allow
from core.web.format import num
from core.web.forms import check_name
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("queue", __name__, url_prefix="/messages/queue")
#: What is typed to stop everything, in every language: it is a word, not a sentence.
WORD = "STOP"


@bp.get("")
@allow("view")
def index():
    return _page()


def _page(status: int = 200, problem: str = ""):
    found = lanes.lanes()
    return page(
        "queue/index.html",
        fragment="queue/_queue.html",
        status=status,
        lanes=found,
        held=waits.held(rt(), found),
        kind_word=_kind_word,
        stuck=lanes.stuck(),
        resting=lanes.resting(),
        doubts=lanes.doubts(found),
        many=lanes.MANY,
        stopped=stopping.now(),
        jumps=clockwatch.by_host(),
        word=WORD,
        problem=problem,
        reason_word=reasons.word,
        as_of=clock.now_ms(),
    )


def _kind_word(kind: str) -> str:
    """What messages wait for (core.sending.waits) in words."""
    return {
        "plan": _("The planned time"),
        "hours": _("The allowed hours of the country"),
        "account": _("The account rests"),
        "halted": _("No account can take it"),
        "share": _("The senders have had their share of the day"),
        "rate": _("The rate: its turn has not come"),
        "retry": _("A pause before the next try"),
        "price": _("A cheaper price"),
        "held": _("Held by a plugin"),
        "paused": _("The campaign is paused"),
        "turn": _("A moment's pause at the account"),
    }[kind]


@bp.post("/<int:campaign_id>/now")
@allow("campaigns.launch")
def hasten(campaign_id: int):
    """Try what was put off."""
    n = lanes.hasten(rt(), campaign_id, who=current_user.email)
    flash(
        ngettext("%(num)s message is tried now.", "%(num)s messages are tried now.", n, num=num(n))
        if n
        else _("Nothing was put off: what waits has a planned time."),
        "good" if n else "info",
    )
    return redirect_hx(url_for(".index"))


@bp.post("/stop")
@allow("campaigns.launch")
def stop():
    try:
        check_name(WORD, request.form.get("confirm"))
        stopping.stop(request.form.get("why", ""), who=current_user.email)
    except Refusal as refusal:
        return _page(status=422, problem=str(refusal))
    flash(_("Everything is stopped. What was on the wire has gone; nothing more is sent."), "warn")
    return redirect_hx(url_for(".index"))


@bp.post("/start")
@allow("campaigns.launch")
def start():
    try:
        stopping.start(rt(), who=current_user.email)
    except Refusal as refusal:
        return _page(status=refusal.status, problem=str(refusal))
    flash(_("Sending goes on where it stood."))
    return redirect_hx(url_for(".index"))


@bp.post("/clock")
@allow("campaigns.launch")
def clock_is_right():
    """Campaigns with a planned start begin again."""
    if clockwatch.confirm(who=current_user.email):
        flash(_("Confirmed. Campaigns with a planned start go on."))
    return redirect_hx(url_for(".index"))
