"""Settings → Audit log: who did what, searchable; the file of it; when its seals were last verified."""

from __future__ import annotations

from flask import Blueprint, request, url_for
from flask_security import current_user

from core.contract.errors import Refusal
from core.db import database
from core.exporting import csv_stream
from core.i18n import _
from core.security import audit, auditsearch
from core.web.access import allow
from core.web.calls import day_start
from core.web.files import download
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("auditlog", __name__, url_prefix="/settings/audit")
_ASKED = ("who", "what", "from", "to")


@bp.get("")
@allow("settings.edit")
def index():
    """Who did what, newest first, paged by key."""
    asked = {name: request.args.get(name, "").strip()[:200] for name in _ASKED}
    here = {name: value for name, value in asked.items() if value}
    found, newer, older, problem = [], False, False, ""
    try:
        before, after = (request.args.get(name, type=int) for name in ("before", "after"))
        found, newer, older = auditsearch.page(_filter(asked), before=before, after=after)
    except Refusal as refusal:
        problem = str(refusal)
    return page(
        "settings/audit.html",
        fragment="settings/_audit.html",
        rows=found,
        asked=asked,
        here=here,
        problem=problem,
        verified=audit.verified(),
        newer=url_for(".index", **here, after=found[0].id) if newer and found else None,
        older=url_for(".index", **here, before=found[-1].id) if older and found else None,
    )


@bp.get("/export.csv")
@allow("settings.edit")
def export():
    """The rows that fit, as a file for a spreadsheet."""
    wanted = _filter({name: request.args.get(name, "").strip()[:200] for name in _ASKED})
    with database.write_tx():
        audit.record(current_user.email, "audit.export")
    return download("audit.csv", csv_stream(auditsearch.HEADER, auditsearch.lines(wanted)))


@bp.post("/verify")
@allow("settings.edit")
def verify():
    """Walk the chain of seals now."""
    report = audit.verify(rt(), current_user.email)
    if report.broken is None:
        flash(_("Nobody changed, added or took out a row."), "good")
    return redirect_hx(url_for(".index"))


def _filter(asked: dict[str, str]) -> auditsearch.Filter:
    until = day_start(asked["to"])
    return auditsearch.Filter(
        either=asked["who"], action=asked["what"], since=day_start(asked["from"]),
        until=None if until is None else day_start(asked["to"], 1),
    )  # fmt: skip
