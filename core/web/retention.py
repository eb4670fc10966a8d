"""How long data is kept: periods, what a run would remove, and the reports of past nights."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.audience import erasures, retention
from core.contract.errors import Refusal
from core.i18n import _
from core.web.access import allow
from core.web.render import flash, page, redirect_hx

bp = Blueprint("retention", __name__, url_prefix="/settings/retention")


@bp.get("")
@allow("settings.edit")
def index():
    return _page(retention.preview() if request.args.get("count") else None)


@bp.post("")
@allow("settings.edit")
def save():
    """Keep the periods; nothing is removed before the next night."""
    typed = {kind.key: request.form.get(kind.key, "").strip() for kind in retention.KINDS}
    try:
        wrong = next((key for key, text in typed.items() if not (text.isdecimal() and len(text) < 7)), None)
        if wrong:
            raise Refusal(_("Write a number of days; 0 keeps for ever."), field=wrong)
        retention.set_periods({key: int(text) for key, text in typed.items()}, who=current_user.email)
    except Refusal as refusal:
        return _page(None, typed=typed, errors={refusal.field: str(refusal)}, status=422)
    flash(_("Saved. It holds from the next night on."))
    return redirect_hx(url_for(".index", count=1))


def _page(
    counts: dict[str, int] | None, *, typed: dict | None = None, errors: dict | None = None, status: int = 200
):
    return page(
        "settings/retention.html", status=status, kinds=retention.KINDS, days=typed or retention.periods(),
        counts=counts, errors=errors or {}, runs=retention.runs(), hour=retention.HOUR,
        erased=erasures.latest(),
    )  # fmt: skip
