"""Contacts → Events: what comes in, its types and money, and the catalogue of items."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path

from flask import Blueprint, request, send_file, url_for
from flask_security import current_user
from flask_wtf.file import FileField, FileRequired
from wtforms import StringField, TextAreaField
from wtforms.validators import Length

from core import clock
from core.audience import events
from core.audience.events import catalogue, eventtypes, itemfile, money
from core.audience.importing.reading import MAX_UPLOAD_MB
from core.contract.errors import Refusal
from core.db import database
from core.db import settings as stored
from core.i18n import _, _l
from core.security import audit
from core.web import charts, eventfiles
from core.web import eventtypes as typepages
from core.web.access import allow, body_limit
from core.web.format import short_day
from core.web.forms import Form, tidy
from core.web.render import flash, page, redirect_hx, rt

bp = Blueprint("events", __name__, url_prefix="/events")
bp.register_blueprint(eventfiles.bp)
bp.register_blueprint(typepages.bp)

DAYS = 30
_ITEMS = 50
#: Lines of the chart; the other types are in the table alone.
_LINES = 4


class _MoneyForm(Form):
    currency = StringField(
        _l("House currency"), [Length(max=3)], filters=[tidy],
        description=_l("ISO code such as CNY. Amounts are kept in it; it cannot be changed once there are any."),
    )  # fmt: skip
    rates = TextAreaField(
        _l("Rates"), description=_l("One a line: USD = 7.2 means that one USD is 7.2 of the house currency.")
    )


class _ItemsForm(Form):
    file = FileField(_l("CSV or Excel file"), [FileRequired(_l("Choose a file."))])


@dataclass(frozen=True, slots=True)
class Row:
    """A type in the table: how many events of how many people, and the sum in micro-units."""

    type: eventtypes.Type
    n: int
    people: int
    sum_micros: int


@bp.get("")
@allow("view")
def index():
    return _index()


def _index(status: int = 200, **forms: Form):
    counts = {
        type_id: (n, people, total)
        for type_id, n, people, total in database.query(
            "SELECT type, SUM(n), COUNT(*), SUM(sum_micros) FROM event_stat GROUP BY type"
        )
    }
    rows = [Row(kind, *map(int, counts.get(kind.id, (0, 0, 0)))) for kind in eventtypes.all_types()]
    shown = sorted((row for row in rows if row.n), key=lambda row: -row.n)
    house = money.house()
    return page(
        "events/index.html", status=status, rows=shown, unused=[row.type for row in rows if not row.n and row.type.builtin],
        own=[row for row in rows if not row.type.builtin],
        currency=house, waiting=database.scalar("SELECT COUNT(*) FROM event_waiting"), chart=_chart(shown),
        days=DAYS, spent=_sum("purchase"), returned=_sum("refund"),
        type_form=forms.get("type_form") or typepages.AddForm(), money_form=forms.get("money_form") or _money_form(house),
    )  # fmt: skip


def _money_form(house: str) -> _MoneyForm:
    rates = "\n".join(f"{code} = {rate}" for code, rate in sorted((stored.get(money.RATES) or {}).items()))
    return _MoneyForm(currency=house, rates=rates)


def _sum(type_key: str) -> int:
    """What was spent or given back in the last days, in micro-units."""
    type_id = events.types()[type_key][0]
    first = clock.now_ms() // clock.DAY_MS - DAYS + 1
    sql = "SELECT COALESCE(SUM(sum_micros), 0) FROM event_day WHERE day >= ? AND type = ?"
    return int(database.scalar(sql, (first, type_id)))


def _chart(rows: list[Row]):
    if not rows:
        return None
    today = clock.now_ms() // clock.DAY_MS
    known = {
        (day, type_id): n
        for day, type_id, n in database.query(
            "SELECT day, type, n FROM event_day WHERE day > ?", (today - DAYS,)
        )
    }
    days = range(today - DAYS + 1, today + 1)
    series = [
        charts.Series(row.type.title, [known.get((day, row.type.id), 0) for day in days], f"c{number}")
        for number, row in enumerate(rows[:_LINES], 1)
    ]
    labels = [short_day(date(1970, 1, 1) + timedelta(days=day)) for day in days]
    return charts.line(series, labels, title=_("Events a day"), width=960, height=220) + charts.legend(series)


@bp.post("/types")
@allow("settings.edit")
def add_type():
    form = typepages.AddForm()
    if form.validate() and form.attempt(_add_type, form):
        flash(_("The type “%(key)s” may be used from now on.", key=form.key.data))
        return redirect_hx(url_for("contacts.events.index"))
    return _index(422, type_form=form)


def _add_type(form: typepages.AddForm) -> None:
    eventtypes.add(
        form.key.data, title=form.title.data or "", who=current_user.email, properties=typepages.pairs(form)
    )


@bp.post("/money")
@allow("settings.edit")
def save_money():
    form = _MoneyForm()
    if form.validate() and form.attempt(_save_money, form):
        flash(_("Saved."))
        return redirect_hx(url_for("contacts.events.index"))
    return _index(422, money_form=form)


def _save_money(form: _MoneyForm) -> None:
    wanted, house = (form.currency.data or "").upper(), money.house()
    if wanted and wanted not in money.codes():
        raise Refusal(_("“%(code)s” is no currency such as CNY.", code=wanted), field="currency")
    rates = {}
    for line in (form.rates.data or "").splitlines():
        code, _sep, text = (part.strip() for part in line.partition("="))
        if line.strip():
            rates[code.upper()] = _rate(code.upper(), text)
    with database.write_tx():
        amounts = database.one("SELECT 1 FROM event_day WHERE sum_micros <> 0 LIMIT 1")
        if wanted != house and amounts:
            raise Refusal(
                _("There are amounts in %(code)s already, so the house currency stays.", code=house),
                field="currency",
            )
        stored.put(money.HOUSE, wanted)
        stored.put(money.RATES, rates)
        audit.record(current_user.email, "events.money", wanted)


def _rate(code: str, text: str) -> str:
    try:
        rate = Decimal(text)
    except InvalidOperation:
        rate = Decimal(0)
    if code not in money.codes() or not rate.is_finite() or rate <= 0:
        raise Refusal(
            _("“%(line)s” is no rate such as USD = 7.2.", line=f"{code} = {text}"[:60]), field="rates"
        )
    return str(rate)


# --- the catalogue ------------------------------------------------------------------------------------


@bp.get("/items")
@allow("view")
def items():
    return _items(_ItemsForm())


def _items(form: Form, status: int = 200, done: dict | None = None):
    text, category = request.args.get("q", "").strip()[:100], request.args.get("category", "")
    after = request.args.get("after", "")[:200]
    found = catalogue.search(text, category=category, after=after, limit=_ITEMS + 1)
    more = len(found) > _ITEMS
    older = None
    if more:
        older = url_for("contacts.events.items", q=text, category=category, after=found[_ITEMS - 1].key)
    return page(
        "events/items.html", fragment="events/_items.html", status=status, items=found[:_ITEMS], older=older, q=text,
        category=category, categories=catalogue.categories(), form=form, done=done, currency=money.house(),
        rejects=Path(done["rejects_file"]).name if done and done["rejects_file"] else "",
        newer=url_for("contacts.events.items", q=text, category=category) if after else None, max_mb=MAX_UPLOAD_MB,
    )  # fmt: skip


@bp.get("/items/rejects/<name>")
@allow("contacts.edit")
def rejected_items(name: str):
    """All rejected rows of a file of the catalogue, with their reasons."""
    path = itemfile.rejects_file(rt(), name)
    return send_file(path, mimetype="text/csv", as_attachment=True, download_name="rejected.csv", max_age=0)


@bp.post("/items")
@allow("contacts.edit")
@body_limit(MAX_UPLOAD_MB)
def load_items():
    """Take a file of the catalogue; it is gone from the server afterwards."""
    form = _ItemsForm()
    if not form.validate():
        return _items(form, 422)
    path = rt().settings.path("uploads", secrets.token_hex(16))
    path.parent.mkdir(mode=0o700, exist_ok=True)
    try:
        form.file.data.save(path)
        return _items(_ItemsForm(), done=itemfile.load(rt(), path, {}, current_user.email))
    except Refusal as refusal:
        refusal.field = "file"
        form.refuse(refusal)
        return _items(form, 422)
    finally:
        path.unlink(missing_ok=True)
