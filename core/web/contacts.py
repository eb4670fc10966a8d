"""The list of contacts.  One person, labels, fields and suppression have modules of their own."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import abort, request, url_for
from flask_security import current_user
from wtforms import StringField
from wtforms.validators import DataRequired, Length

from core.audience import contacts, labels, people, search, suppression
from core.audience.search import Filter
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Label
from core.exporting import csv_stream
from core.i18n import _, _l, _n
from core.security import audit
from core.web import events as event_pages
from core.web import fields, labelrules, notsame, quality, suppressed
from core.web import labels as label_pages
from core.web.access import allow
from core.web.contact import bp
from core.web.files import download
from core.web.forms import Form, tidy
from core.web.render import flash, page, redirect_hx, rt

for _child in (label_pages, labelrules, fields, suppressed, quality, notsame, event_pages):
    bp.register_blueprint(_child.bp)

#: Rows one bulk action may name; a page has 50.
MAX_CHOSEN = 1_000
#: Labels offered for what is searched for.
_NAMED = 5


class _New(Form):
    phone = StringField(_l("Phone number"), [DataRequired(), Length(max=60)], filters=[tidy])
    name = StringField(_l("Name"), [Length(max=100)], filters=[tidy])


@bp.get("")
@allow("view")
def index():
    wanted = _wanted()
    found = search.find(rt(), wanted, before=_id("before"), after=_id("after"))
    known = labels.all_labels()
    return page(
        "contacts/list.html",
        fragment="contacts/_table.html",
        found=found,
        wanted=wanted,
        args=_args(wanted),
        here=_query,
        labels=known,
        named=_named(known, wanted),
        former=search.former(rt(), wanted.text),
        none_at_all=wanted.empty and not found.rows and not request.args.get("before"),
    )


@bp.get("/figures")
@allow("view")
def figures():
    """The strip above the list: it reads every profile, so it comes by itself."""
    return page("contacts/figures.html", fragment="contacts/_figures.html", figures=search.figures())


@bp.get("/countries")
@allow("view")
def countries():
    """Countries to filter by, most people first; a scan, so it comes when the menu is opened."""
    wanted = _wanted()
    return page(
        "contacts/countries.html",
        fragment="contacts/_countries.html",
        countries=search.countries(),
        wanted=wanted,
        here=_query,
        args=_args(wanted),
    )


@bp.get("/new")
@allow("contacts.edit")
def new():
    return page("contacts/new.html", form=_New())


@bp.post("/new")
@allow("contacts.edit")
def create():
    form, made = _New(), []

    def work() -> None:
        made.append(contacts.create(rt(), form.phone.data, name=form.name.data or "", who=current_user.email))

    if not (form.validate_on_submit() and form.attempt(work)):
        return page("contacts/new.html", status=422, form=form)
    return redirect_hx(url_for("contacts.show", contact_id=made[0]))


@bp.post("/bulk")
@allow("contacts.edit")
def bulk():
    """Label, unlabel or suppress the rows chosen on a page."""
    ids = [int(value) for value in request.form.getlist("ids") if value.isdecimal()][:MAX_CHOSEN]
    if not ids:
        raise Refusal(_("Nobody was chosen. Tick rows first."))
    done = _BULK.get(request.form.get("act", ""), _unknown)(ids)
    flash(done)
    return redirect_hx(_back())


@bp.get("/export.csv")
@allow("contacts.export")
def export():
    """Everyone the filters find, with whole numbers; written to the audit log."""
    wanted = _wanted()
    where, params = search.condition(rt(), wanted)
    with database.write_tx():
        audit.record(current_user.email, "contact.export", "filtered" if not wanted.empty else "all")
    return download("contacts.csv", csv_stream(people.header(), people.lines(rt(), where, params)))


def _named(known: list[Label], wanted: search.Filter) -> list[Label]:
    """Labels whose name begins with what is searched for."""
    text = wanted.text.strip().casefold()
    found = [label for label in known if text and label.name.casefold().startswith(text)]
    return [] if wanted.label_id is not None else found[:_NAMED]


def _put(ids: list[int]) -> str:
    label = labels.ensure(request.form.get("label", ""))
    with database.write_tx():
        n = labels.put(label, ids, who=current_user.email)
        audit.record(current_user.email, "label.set", f"label:{label.id}", str(n))
    return _n(
        "%(n)s contact has the label %(label)s now.",
        "%(n)s contacts have the label %(label)s now.",
        n,
        label=label.name,
    )


def _take(ids: list[int]) -> str:
    label = labels.find(request.form.get("label", ""))
    with database.write_tx():
        n = labels.take(label, ids, who=current_user.email)
        audit.record(current_user.email, "label.unset", f"label:{label.id}", str(n))
    return _n(
        "The label %(label)s is off %(n)s contact.",
        "The label %(label)s is off %(n)s contacts.",
        n,
        label=label.name,
    )


def _suppress(ids: list[int]) -> str:
    rows = database.query(
        f"SELECT phone_bidx, phone_enc FROM contact WHERE id IN ({database.in_list(len(ids))})",
        ids,
    )
    with database.write_tx():
        entries = [suppression.Entry(bytes(row[0]), bytes(row[1])) for row in rows]
        n = suppression.add(rt(), entries, reason="manual", who=current_user.email)
        audit.record(current_user.email, "suppression.add", "manual", str(n))
    return _n("%(n)s number is suppressed now.", "%(n)s numbers are suppressed now.", n)


def _unknown(_ids: list[int]) -> str:
    abort(400)


_BULK = {"label": _put, "unlabel": _take, "suppress": _suppress}


def _wanted() -> Filter:
    """The filters of the address; what makes no sense filters nothing."""
    args = request.args
    country = args.get("country", "").upper()[:2]
    label, blocked, consent = args.get("label", ""), args.get("blocked"), args.get("consent", "")
    return Filter(
        text=args.get("q", "").replace("\x00", "").strip()[:200],
        label_id=int(label) if label.isdecimal() and len(label) < 10 else None,
        country=country if country.isalpha() else "",
        consent=consent if consent in search.CONSENT else "",
        blocked={"1": True, "0": False}.get(blocked or ""),
    )


def _args(wanted: Filter) -> dict[str, str]:
    """The address of these filters."""
    blocked = "" if wanted.blocked is None else str(int(wanted.blocked))
    made = {"q": wanted.text, "label": str(wanted.label_id or ""), "country": wanted.country}
    made |= {"consent": wanted.consent, "blocked": blocked}
    return {key: value for key, value in made.items() if value}


def _query(args: dict[str, str], **change: object) -> str:
    """The list's address with some filters changed; None takes one away."""
    merged = {**args, **change}
    query = urlencode({key: value for key, value in merged.items() if value not in (None, "")})
    return url_for("contacts.index") + (f"?{query}" if query else "")


def _id(name: str) -> int | None:
    value = request.args.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 18 else None


def _back() -> str:
    """Where the bulk form stood: only a query of this list is taken from it."""
    query = request.form.get("back", "")
    return url_for("contacts.index") + (f"?{query}" if query and len(query) < 1_000 else "")
