"""Duplicates that are none: said of a group or of two people, listed, taken back."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience.quality import duplicates, sayings
from core.i18n import _
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("notsame", __name__, url_prefix="/quality/not-the-same")

_PAGE = 20


@bp.get("")
@allow("view")
def index():
    """What was said, newest first, each with its undo."""
    before = request.args.get("before", type=int) or 1 << 60
    rows = sayings.sayings(rt(), before=before, size=_PAGE + 1)
    return page(
        "quality/notsame.html",
        rows=rows[:_PAGE],
        older=url_for("contacts.notsame.index", before=rows[_PAGE - 1].id) if len(rows) > _PAGE else None,
        newer=url_for("contacts.notsame.index") if before < 1 << 60 else None,
    )


@bp.post("")
@allow("contacts.edit")
def say():
    """These are different people; `people` holds their ids with commas between."""
    ids = [int(one) for one in request.form.get("people", "")[:1_000].split(",") if one.isdecimal()]
    sayings.say(ids, who=current_user.email)
    flash(_("Noted: not the same person. The check shows them no more; it can be undone below “Told apart”."))
    kind = request.form.get("kind", "")
    kind = kind if kind in duplicates.KINDS else duplicates.KINDS[0]
    return redirect_hx(
        url_for("contacts.quality.twins", kind=kind, sure=1 if request.form.get("sure") == "1" else None)
    )


@bp.post("/<int:saying>/undo")
@allow("contacts.edit")
def unsay(saying: int):
    sayings.unsay(saying, who=current_user.email)
    flash(_("Undone: they are shown as possible duplicates again."))
    return redirect_hx(url_for("contacts.notsame.index"))
