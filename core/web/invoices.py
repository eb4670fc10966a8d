"""Bills of vendors: take one in, see what differs, download it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from flask import Blueprint, request, url_for
from flask_security import current_user

from core import exporting
from core.amounts import rounded
from core.contract.errors import Refusal
from core.i18n import _
from core.sending import accounts, invoices
from core.sending.invoices.reading import ROLES
from core.web.access import allow, body_limit
from core.web.files import download
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("invoices", __name__, url_prefix="/providers")
#: Roles a person may name a column for.
_NAMED = ("id", "number", "at", "parts", "price", "currency")


@bp.get("/<int:account_id>/invoices")
@allow("view")
def index(account_id: int):
    return _index(account_id)


def _index(account_id: int, status: int = 200, problem: str = ""):
    account = accounts.get(account_id)
    return page(
        "invoices/index.html", status=status, account=account, bills=invoices.every(account.id),
        problem=problem, typed=request.form, roles={role: role_word(role) for role in _NAMED},
    )  # fmt: skip


@bp.post("/<int:account_id>/invoices")
@allow("providers.edit")
@body_limit(55)
def take(account_id: int):
    """Read a bill; some seconds for a hundred thousand lines."""
    account, file = accounts.get(account_id), request.files.get("file")
    if file is None or not file.filename:
        return _index(account_id, 422, _("Choose a file first."))
    columns = {role: name for role in ROLES if (name := request.form.get(f"column-{role}", "").strip())}
    with tempfile.TemporaryDirectory(prefix="cooee-bill-") as folder:
        path = Path(folder, "bill")
        file.save(path)
        try:
            made = invoices.take(rt(), account, path, file.filename, columns, "", current_user.email)
        except Refusal as refusal:
            return _index(account_id, 422, str(refusal))
    flash(_("The bill is compared."))
    return redirect_hx(url_for(".show", invoice_id=made))


@bp.get("/invoices/<int:invoice_id>")
@allow("view")
def show(invoice_id: int):
    invoice, totals = invoices.get(invoice_id)
    known = [name for name in invoices.FINDINGS if name in totals["findings"]]
    finding = request.args.get("finding") or (known[0] if known else "ok")
    rows, more = invoices.page(invoice_id, finding, request.args.get("after", 0, type=int))
    return page(
        "invoices/show.html", invoice=invoice, totals=totals, account=accounts.get(invoice.account_id),
        rows=rows, finding=finding, known=known, finding_word=finding_word,
        billed=_shown(group["micros"] for group in totals["groups"]),
        ours=_shown(group["our_micros"] for group in totals["groups"]),
        older=url_for(".show", invoice_id=invoice_id, finding=finding, after=rows[-1].id) if more else None,
    )  # fmt: skip


def _shown(micros: Iterable[int]) -> int:
    """A total as the page rounds it, so that the difference is that of the two figures beside it."""
    return int(rounded(sum(micros)) * 1_000_000)


@bp.get("/invoices/<int:invoice_id>/export")
@allow("view")
def export(invoice_id: int):
    invoices.get(invoice_id)
    rows = invoices.export(invoice_id, "all" not in request.args)
    lines = exporting.csv_stream(invoices.listing.EXPORT, rows)
    return download(f"bill-{invoice_id}-differences.csv", lines)


@bp.post("/invoices/<int:invoice_id>/remove")
@allow("providers.edit")
def remove(invoice_id: int):
    invoice, _totals = invoices.get(invoice_id)
    invoices.remove(invoice_id, current_user.email)
    flash(_("The bill is forgotten; its file can be taken again."))
    return redirect_hx(url_for(".index", account_id=invoice.account_id))


def finding_word(finding: str) -> str:
    """What a line is, in words."""
    words = {
        "not_ours": _("billed, not ours"),
        "not_billed": _("ours, not billed"),
        "parts": _("other parts"),
        "price": _("other price"),
        "twice": _("billed twice"),
        "ok": _("the same"),
    }
    return words[finding]


def role_word(role: str) -> str:
    """What a column holds, in words."""
    words = {
        "id": _("The provider's number of a message"),
        "number": _("Phone number"),
        "at": _("Time"),
        "parts": _("Parts"),
        "price": _("Price"),
        "currency": _("Currency"),
    }
    return words[role]
