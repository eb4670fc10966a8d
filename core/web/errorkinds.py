"""Error codes of an account: what each means, what that does, how often it came; people may change it."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.contract.errors import Refusal
from core.contract.kinds import KINDS
from core.i18n import _, _n
from core.sending import accounts, errorkinds
from core.web.access import allow
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("errorkinds", __name__, url_prefix="/providers/<int:account_id>/errors")


@bp.get("")
@allow("view")
def index(account_id: int):
    return _page(account_id)


def _page(account_id: int, status: int = 200, problem: str = "", typed: str = ""):
    account = accounts.get(account_id)
    rows = errorkinds.table(rt(), account)
    return page(
        "errorkinds/index.html", status=status, account=account, rows=rows, kinds=KINDS, problem=problem,
        typed=typed, unknown=[row for row in rows if row.n and not row.default and not row.changed],
        changed=sum(row.changed for row in rows), days=errorkinds.DAYS,
    )  # fmt: skip


@bp.post("")
@allow("providers.edit")
def put(account_id: int):
    """Say what one code means; an empty kind takes that back."""
    code, kind = request.form.get("code", ""), request.form.get("kind", "")
    try:
        errorkinds.put(accounts.get(account_id), {code: kind}, who=current_user.email)
    except Refusal as refusal:
        return _page(account_id, 422, str(refusal), code)
    flash(_("Saved; it holds from the next message on."))
    return redirect_hx(url_for(".index", account_id=account_id))


@bp.post("/reset")
@allow("providers.edit")
def reset(account_id: int):
    n = errorkinds.reset(accounts.get(account_id), who=current_user.email)
    flash(
        _n(
            "%(n)s code means again what the provider says.",
            "%(n)s codes mean again what the provider says.",
            n,
        )
    )
    return redirect_hx(url_for(".index", account_id=account_id))
