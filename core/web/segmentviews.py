"""The tabs of a saved segment: its people, cross-tab, overlap, growth, why, and its export."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, abort, request, url_for
from flask_security import current_user

from core import clock
from core.audience import contacts, people, segments
from core.audience.quality import merged
from core.audience.segments import Context, because, dimensions, listing, store
from core.audience.segments import growth as growing
from core.audience.segments.crosstab import CrossTab
from core.audience.segments.crosstab import crosstab as tabulate
from core.audience.segments.overlap import MOST
from core.audience.segments.overlap import overlap as overlapping
from core.contract.errors import Refusal
from core.db.models import Contact, Segment
from core.exporting import csv_stream
from core.i18n import _
from core.security.crypto import mask
from core.web import charts, format, segmentcharts
from core.web.access import allow, may
from core.web.files import download
from core.web.render import htmx, page, rt

bp = Blueprint("views", __name__)


def need(segment_id: int) -> Segment:
    """The segment of this id, or a page that says it is gone."""
    row = Segment.get_or_none(Segment.id == segment_id)
    if row is None:
        raise Refusal(_("This segment does not exist any more."), status=404)
    return row


def words(row: Segment) -> str:
    """The rule in the reader's words, or why it cannot be read any more."""
    try:
        return segments.describe(rt(), store.rule_of(row))
    except Refusal as refusal:
        return str(refusal)


def answer(asked: str, rule: dict[str, Any]) -> dict[str, Any]:
    """Why a person is in or not, for `segments/_why.html`; asked by number, or by an id of up to six digits."""
    asked = asked.strip()
    if not asked:
        raise Refusal(_("Type a phone number or the number of a contact."), field="who")
    if asked.isdecimal() and len(asked) <= 6:
        contact_id = merged.kept_of(int(asked))
        former = "" if contact_id == int(asked) else _("contact %(n)s", n=asked)
    else:
        contact_id, _own, number = contacts.look_up(rt(), asked)
        former = mask(number) if number else ""
    made = segments.explain(rt(), rule, contact_id)
    person = Contact.get_by_id(contact_id)
    phone = mask(rt().keys.open_number(person.phone_enc))
    return {
        "explained": made, "because": because(made), "person": person, "phone": phone,
        "former": former,
    }  # fmt: skip


@bp.get("/<int:segment_id>/people")
@allow("view")
def members(segment_id: int):
    row, after = need(segment_id), request.args.get("after", "")
    here = int(after) if after.isdecimal() and len(after) < 18 else 0
    if "anywhere" in request.args:
        here = listing.anywhere()
    found, further, problem = [], None, ""
    try:
        found, further = listing.page(rt(), store.rule_of(row), after=here)
    except Refusal as refusal:
        problem = str(refusal)
    return _tab(
        row,
        "people",
        fragment="segments/_people.html",
        people=found,
        problem=problem,
        begun=here > 0,
        older=url_for("segments.views.members", segment_id=row.id, after=further) if further else None,
    )


@bp.get("/<int:segment_id>/crosstab")
@allow("view")
def crosstab(segment_id: int):
    row, ctx = need(segment_id), Context(rt())
    menu = dimensions.menu(ctx)
    by, made, problem = _by(menu), None, ""
    try:
        made = tabulate(rt(), store.rule_of(row), by, ctx=ctx.within(row.name))
    except Refusal as refusal:
        problem = str(refusal)
    return _tab(
        row,
        "crosstab",
        fragment="segments/_crosstab.html",
        offered=menu,
        by=by,
        made=made,
        cells=_cells(row, made) if made else [],
        problem=problem,
    )


@bp.get("/<int:segment_id>/crosstab.csv")
@allow("contacts.export")
def crosstab_file(segment_id: int) -> Response:
    """The table as a file; no personal data."""
    row, ctx = need(segment_id), Context(rt())
    made = tabulate(rt(), store.rule_of(row), _by(dimensions.menu(ctx)), ctx=ctx.within(row.name))
    head, body = made.table()
    return download(f"segment-{row.id}-crosstab.csv", csv_stream(head, body))


@bp.get("/<int:segment_id>/overlap")
@allow("view")
def overlap(segment_id: int):
    row = need(segment_id)
    given = [int(value) for value in request.args.getlist("with") if value.isdecimal() and len(value) < 10]
    others = {other.id: other.name for other in Segment.select().where(Segment.id.in_(given or [0]))}
    chosen = [number for number in dict.fromkeys(given) if number in others and number != row.id][: MOST - 1]
    made, problem = None, ""
    try:
        made = overlapping(rt(), [row.name, *(others[n] for n in chosen)]) if chosen else None
    except Refusal as refusal:
        problem = str(refusal)
    rest = Segment.select(Segment.id, Segment.name).where(Segment.id != row.id).order_by(Segment.name)
    return _tab(
        row,
        "overlap",
        fragment="segments/_overlap.html",
        chosen=chosen,
        others=list(rest.tuples()),
        slots=MOST - 1,
        made=made,
        picture=segmentcharts.overlap(made) if made else None,
        regions=sorted(made.regions, key=lambda region: -region.n) if made else [],
        as_json=_json,
        say=segmentcharts.region_words,
        problem=problem,
    )


@bp.get("/<int:segment_id>/growth")
@allow("view")
def growth(segment_id: int):
    row = need(segment_id)
    found = growing.days(row.id)
    return _tab(
        row, "growth", days=found, changes=_changes(found), picture=_line(found), day=segmentcharts.day_words
    )


@bp.route("/<int:segment_id>/why", methods=["GET", "POST"])
@allow("view")
def explain(segment_id: int):
    """A number is posted, so that it stays out of addresses and logs."""
    row, asked = need(segment_id), request.form.get("who", "")
    found, status = {}, 200
    if request.method == "POST":
        try:
            found = answer(asked, store.rule_of(row))
        except Refusal as refusal:
            found, status = {"problem": str(refusal)}, 422
    return _tab(
        row,
        "why",
        fragment="segments/_why.html",
        status=status,
        asked=asked,
        why_url=url_for("segments.views.explain", segment_id=row.id),
        **found,
    )


@bp.get("/<int:segment_id>/export.csv")
@allow("contacts.export")
def export(segment_id: int) -> Response:
    """Everyone in the segment; whole numbers only for those who may reveal them.  Written to the audit log."""
    row, full = need(segment_id), request.args.get("numbers") == "full"
    if full and not may("numbers.reveal"):
        abort(403, _("Your role may export masked numbers only. An admin can export whole ones."))
    rows = listing.export(rt(), row, current_user.email, full=full)
    return download(f"segment-{row.id}.csv", csv_stream(people.header(), rows))


def _tab(row: Segment, tab: str, *, fragment: str | None = None, status: int = 200, **more: Any) -> Response:
    """The page of a segment with one of its tabs, or with htmx only what the tab's controls change."""
    plain = fragment if htmx and htmx.target else None
    return page(
        f"segments/{tab}.html",
        fragment=plain,
        status=status,
        segment=row,
        tab=tab,
        words=words(row),
        used=store.used_by(row),
        **more,
    )


def _by(menu: list[tuple[str, list[tuple[str, str]]]]) -> tuple[str, str]:
    """The two dimensions of the address; at first a field of the contacts against their country."""
    known = [key for _heading, entries in menu for key, _title in entries]
    rows, columns = request.args.get("rows", ""), request.args.get("columns", "")
    usual = next((key for key in ("city", "gender", "language") if key in known), known[0])
    return rows or usual, columns or next(key for key in ("country", "created") if key != rows)


def _cells(row: Segment, made: CrossTab) -> list[list[dict[str, Any]]]:
    """Each cell with its shares, its shade (0 to 9 by the largest), and the rule of a segment of its own."""
    most = max((n for cells in made.cells for n in cells), default=0) or 1
    base = {"segmenter": "segment", "name": row.name}
    return [
        [
            {
                "n": n,
                "row": made.row_share(r, c),
                "column": made.column_share(r, c),
                "heat": -(-9 * n // most),
                "rule": _json({"all": [base, made.rows[r].rule, made.columns[c].rule]}),
                "words": f"{made.rows[r].words} · {made.columns[c].words}",
            }
            for c, n in enumerate(cells)
        ]
        for r, cells in enumerate(made.cells)
    ]


def _json(rule: Any) -> str:
    return json.dumps(rule, ensure_ascii=False)


def _line(found: list[growing.Day]):
    if len(found) < 2:
        return None
    span = range(found[0].day, found[-1].day + 1)
    by_day = {day.day: day.n for day in found}
    series = [charts.Series(_("people"), [by_day.get(day) for day in span], "c1")]
    labels = [format.day(day * clock.DAY_MS + clock.DAY_MS // 2) for day in span]
    return charts.line(series, labels, title=_("People in this segment, day by day"), width=960)


def _changes(found: list[growing.Day]) -> list[tuple[growing.Day, int | None]]:
    """(day, change since the figure before), newest first."""
    pairs = zip(found, [None, *found], strict=False)
    return [(day, None if last is None else day.n - last.n) for day, last in pairs][::-1]
