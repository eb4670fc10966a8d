"""Replies that may be opt-outs: read, decided, taken back."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import heldreplies
from core.i18n import _
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("replies", __name__, url_prefix="/replies")


@bp.get("")
@allow("view")
def index():
    """Held first, oldest on top: each waits with its number suppressed; decided ones below."""
    after, before = request.args.get("after", type=int), request.args.get("before", type=int)
    held, more = heldreplies.page(rt(), held=True, before=after)
    decided, older = heldreplies.page(rt(), held=False, before=before)
    return page(
        "consent/replies.html",
        held=held,
        more=url_for(".index", after=more) if more else None,
        decided=decided,
        older=url_for(".index", before=older) if older else None,
        waiting=heldreplies.waiting(),
    )


@bp.get("/waiting")
@allow("view")
def waiting():
    """How many wait, for the menu; empty for none."""
    return str(heldreplies.waiting() or "")


@bp.post("/<int:inbound_id>")
@allow("contacts.edit")
def decide(inbound_id: int):
    verdict = request.form.get("verdict", "")
    heldreplies.decide(rt(), inbound_id, verdict, who=current_user.email)
    flash(
        {
            "out": _("Opted out, as by STOP."),
            "kept": _("They hear from us again."),
            "question": _("Released; answer them."),
        }[verdict]
    )
    return redirect_hx(url_for(".index"))


@bp.post("/<int:inbound_id>/undo")
@allow("contacts.edit")
def undo(inbound_id: int):
    heldreplies.take_back(rt(), inbound_id, who=current_user.email)
    flash(_("Held again."))
    return redirect_hx(url_for(".index"))
