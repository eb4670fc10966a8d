"""Papers about one person: evidence of consent, all data, the receipt of an erasure; and asking to confirm."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for
from flask_security import current_user

from core.audience import consent, contacts, erasures, evidence
from core.i18n import _
from core.sending import asking
from core.web import evidencefile
from core.web.access import allow
from core.web.render import flash, redirect_hx, rt

bp = Blueprint("proof", __name__, url_prefix="/contacts")

_TYPES = {"html": "text/html; charset=utf-8", "json": "application/json"}


@bp.post("/<int:contact_id>/ask")
@allow("contacts.edit")
def ask(contact_id: int):
    """Double opt-in: send the question."""
    cls = consent.parse_class(request.form.get("class", "mass"))
    asking.ask(
        rt(), contact_id, cls, source=request.form.get("source", "") or "contact page", who=current_user.email
    )
    flash(_("Asked. A YES confirms; it stands in the timeline."))
    return redirect_hx(url_for("contacts.show", contact_id=contact_id))


@bp.post("/<int:contact_id>/evidence")
@allow("contacts.export")
def proof(contact_id: int):
    """The evidence of consent as one file; audited."""
    return _file(
        evidence.evidence(rt(), _number(contact_id), who=current_user.email), f"evidence-{contact_id}"
    )


@bp.post("/<int:contact_id>/subject")
@allow("contacts.export")
def subject(contact_id: int):
    """Everything about a contact as one file; audited."""
    return _file(evidence.subject(rt(), _number(contact_id), who=current_user.email), f"data-{contact_id}")


@bp.get("/receipts/<int:number>")
@allow("contacts.edit")
def receipt(number: int):
    """The receipt of an erasure, to print."""
    return _download(evidencefile.receipt(erasures.get(rt(), number)), f"erasure-{number}.html", "html")


def _number(contact_id: int) -> str:
    return contacts.reveal(rt(), contact_id, who=current_user.email)


def _file(data: dict, name: str) -> Response:
    kind = "json" if request.form.get("format") == "json" else "html"
    text = evidencefile.json(data) if kind == "json" else evidencefile.html(data)
    return _download(text, f"{name}.{kind}", kind)


def _download(text: str, name: str, kind: str) -> Response:
    # Attached, so that the file's own style sheet is never asked to pass this site's policy.
    return Response(
        text, content_type=_TYPES[kind], headers={"Content-Disposition": f"attachment; filename={name}"}
    )
