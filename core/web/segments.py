"""Segments: the list, the builder, and what is done with a saved one.

The builder posts its whole tree with every click, so it works without JavaScript; htmx asks for less:
/segments/draft draws the tree anew, /segments/figures sends only the numbers.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request, url_for
from flask_security import current_user

from core import clock
from core.audience import segments
from core.audience.segments import Context, acts, figures, store
from core.audience.segments import draft as drafts
from core.audience.segments.compile import expression
from core.audience.segments.rules import parse
from core.contract.errors import Refusal
from core.db.models import Segment
from core.i18n import _, _n
from core.web import segmentkept, segmentsfrom, segmentviews
from core.web.access import allow
from core.web.forms import check_name
from core.web.render import flash, htmx, page, redirect_hx, rt
from core.web.segmentviews import answer, need, words

bp = Blueprint("segments", __name__, url_prefix="/segments")
for _child in (segmentviews, segmentsfrom):
    bp.register_blueprint(_child.bp)

_PER_PAGE = 50
_SAMPLE = 5
#: The fields of a line, as they say that somebody left them; its place follows.
_LEFT = "left-"


@bp.get("")
@allow("view")
def index():
    wanted, after = request.args.get("q", "").strip(), request.args.get("after", "")
    query = Segment.select().where(Segment.name > after).order_by(Segment.name)
    if wanted:
        query = query.where(Segment.name.contains(wanted))
    rows = list(query.limit(_PER_PAGE + 1))
    older = (
        url_for("segments.index", q=wanted or None, after=rows[_PER_PAGE - 1].name)
        if rows[_PER_PAGE:]
        else None
    )
    return page(
        "segments/index.html",
        fragment="segments/_list.html",
        rows=[(row, words(row)) for row in rows[:_PER_PAGE]],
        used=store.used_counts(),
        q=wanted,
        any_at_all=bool(rows) or bool(wanted) or bool(after),
        first=url_for("segments.index", q=wanted or None) if after else None,
        older=older,
    )


@bp.route("/new", methods=["GET", "POST"])
@allow("view")
def new():
    """An empty builder, or one with a rule (JSON) and a name: from a cell, a region or a report."""
    given, name = request.values.get("rule", ""), request.values.get("name", "")
    if not given:
        return _builder(drafts.Node(), None)
    rule = segments.loads(given)
    return _builder(drafts.from_rule(rule), None, name=(name or _proposed(rule))[: store.MAX_NAME])


@bp.get("/<int:segment_id>")
@allow("view")
def show(segment_id: int):
    row = need(segment_id)
    return _builder(drafts.from_rule(store.rule_of(row)), row)


@bp.post("/draft")
@allow("view")
def draft():
    """A click in the tree: add, remove, move, negate, wrap, copy, undo.  The tree comes back as it is then."""
    root, row, _ctx = _posted()
    refused = segmentkept.gone() if row is None and segmentkept.ID in request.form else None
    action, past = request.form.get("do", ""), request.form.getlist("past")
    if action == "undo":
        root, past = acts.undone(root, past)
        root.focus = "line"
    elif action:
        if not htmx:
            _leave(root)
        past = acts.remembered(root, past)
        acts.act(root, action)
    else:
        _open_where_changed(root)
    return _builder(root, row, name=request.form.get("name", ""), past=past, inline=not htmx, refused=refused)


@bp.post("/figures")
@allow("view")
def numbers():
    """Counts, reach and a sample for the tree as it is being typed."""
    root, row, ctx = _posted()
    if not htmx:
        _leave(root)
        return _builder(root, row, name=request.form.get("name", ""), inline=True)
    if (htmx.trigger or "").startswith(_LEFT):
        _leave(root, htmx.trigger.removeprefix(_LEFT))
    found = _figures(root, ctx)
    return page("segments/_figures.html", fragment="segments/_figures.html", oob=True, root=root, found=found)


@bp.post("/why")
@allow("view")
def why():
    """Is this person in or not, and because of which lines?"""
    root, row, ctx = _posted()
    drafts.dress(root, ctx)
    asked, status = request.form.get("who", ""), 200
    try:
        found = answer(asked, drafts.to_rule(root, skip_unfinished=True))
    except Refusal as refusal:
        found, status = {"problem": str(refusal)}, 422
    if htmx:
        return page("segments/_why.html", fragment="segments/_why.html", status=status, asked=asked, **found)
    return _builder(
        root, row, name=request.form.get("name", ""), inline=True, status=status, asked=asked, **found
    )


@bp.post("/save")
@allow("segments.edit")
def save():
    """Save the tree under its name; a new segment, or the one it was opened from."""
    root, row, ctx = _posted()
    _leave(root)
    drafts.dress(root, ctx)
    name, as_new = request.form.get("name", ""), "as_new" in request.form
    try:
        if drafts.unfinished(root.walk()):
            raise Refusal(_("Some lines are not finished; finish or remove them."), field="rule")
        rule = drafts.to_rule(root)
        if as_new or not (row or segmentkept.ID in request.form):
            saved = store.save(rt(), name, rule, current_user.email)
        elif row:
            saved = store.save(
                rt(), *segmentkept.settled(row, name, rule), current_user.email, segment_id=row.id
            )
        else:
            raise segmentkept.gone()
    except Refusal as refusal:
        _open_problems(root)
        status = segmentkept.status(refusal)
        return _builder(root, row, name=name, inline=not htmx, status=status, refused=refusal)
    _try_count(saved)
    flash(_("“%(name)s” is saved.", name=saved.name))
    return redirect_hx(url_for("segments.show", segment_id=saved.id))


@bp.post("/<int:segment_id>/rename")
@allow("segments.edit")
def rename(segment_id: int):
    try:
        row = store.rename(need(segment_id), request.form.get("name", ""), current_user.email)
        flash(_("The segment is called “%(name)s” now.", name=row.name))
    except Refusal as refusal:
        flash(str(refusal), "bad")
    return redirect_hx(url_for("segments.show", segment_id=segment_id))


@bp.post("/<int:segment_id>/duplicate")
@allow("segments.edit")
def duplicate(segment_id: int):
    row = store.duplicate(need(segment_id), current_user.email)
    flash(_("“%(name)s” is a copy; change it as you like.", name=row.name))
    return redirect_hx(url_for("segments.show", segment_id=row.id))


@bp.post("/<int:segment_id>/count")
@allow("view")
def recount(segment_id: int):
    row = need(segment_id)
    try:
        people, _seconds = store.recount(rt(), row)
        flash(
            _n("“%(name)s” has %(n)s person now.", "“%(name)s” has %(n)s people now.", people, name=row.name)
        )
    except Refusal as refusal:
        flash(str(refusal), "bad")
    growth = url_for("segments.views.growth", segment_id=segment_id)
    return redirect_hx(growth if "growth" in request.form else url_for("segments.index"))


@bp.post("/<int:segment_id>/delete")
@allow("segments.edit")
def delete(segment_id: int):
    row = need(segment_id)
    try:
        check_name(row.name, request.form.get("confirm"))
        store.delete(row, current_user.email)
    except Refusal as refusal:
        flash(str(refusal), "bad")
        return redirect_hx(url_for("segments.show", segment_id=segment_id))
    flash(_("“%(name)s” is deleted.", name=row.name))
    return redirect_hx(url_for("segments.index"))


def _posted() -> tuple[drafts.Node, Segment | None, Context]:
    """The tree of the request, the saved segment it belongs to, and the context to read it in."""
    given = request.form.get(segmentkept.ID, "")
    row = Segment.get_or_none(Segment.id == int(given)) if given.isdecimal() and len(given) < 10 else None
    ctx = Context(rt(), inside=(row.name,) if row else ())
    return drafts.read(request.form, ctx), row, ctx


def _leave(root: drafts.Node, place: str = "") -> None:
    """Somebody left a line, or all of them: from now on it says what is missing."""
    for node in root.walk():
        node.fresh = node.fresh and bool(place) and node.place != place


def _open_where_changed(root: drafts.Node) -> None:
    """A line whose shape changed stays open; htmx names the field that was changed."""
    changed = (htmx and htmx.trigger_name) or ""
    for node in root.walk():
        node.open = node.is_line and changed.startswith(f"p-{node.place}-")


def _open_problems(root: drafts.Node) -> None:
    for node in root.walk():
        node.open = bool(node.problem)


def _builder(
    root: drafts.Node,
    row: Segment | None,
    *,
    name: str = "",
    past: list[str] | None = None,
    inline: bool = False,
    status: int = 200,
    refused: Refusal | None = None,
    **more: Any,
):
    """The builder page, or with htmx its tree.  `inline`: with the figures, for browsers without JavaScript."""
    ctx = Context(rt(), inside=(row.name,) if row else ())
    drafts.dress(root, ctx)
    return page(
        "segments/builder.html",
        fragment="segments/_tree.html",
        status=status,
        root=root,
        segment=row,
        seen=segmentkept.carried(row, refused),
        refused=refused,
        name=name or (row.name if row else ""),
        used=store.used_by(row) if row else [],
        words=words(row) if row else "",
        past=request.form.getlist("past") if past is None else past,
        lines=drafts.menu(ctx),
        may_wrap=acts.may_wrap,
        may_unwrap=acts.may_unwrap,
        found=_figures(root, ctx) if inline else {},
        **more,
    )


def _figures(root: drafts.Node, ctx: Context) -> dict[str, Any]:
    """Counts of the whole and of each node, reach, a sample, and the rule in plain words."""
    drafts.dress(root, ctx)
    nodes = [node for node in root.walk() if node is not root and not drafts.is_unfinished(node)]
    rule = drafts.to_rule(root, skip_unfinished=True)
    made = {"kept": {}, "reach": None, "everyone": 0, "people": [], "words": "", "error": ""}
    made["unfinished"] = len(drafts.unfinished(root.walk()))
    made["as_of"], started = clock.now_ms(), clock.monotonic()
    try:
        made["words"] = segments.describe(rt(), rule, ctx=ctx)
        whole = expression(parse(rule), ctx)
        parts = [expression(parse(drafts.to_rule(node, skip_unfinished=True)), ctx) for node in nodes]
        kept, made["reach"], made["everyone"] = figures.counts(rt(), parts, whole)
        made["kept"] = {node.place: n for node, n in zip(nodes, kept, strict=True)}
        made["people"] = figures.sample(rt(), rule, _SAMPLE, ctx=ctx)
    except Refusal as refusal:
        made["error"] = str(refusal)
    made["seconds"] = clock.monotonic() - started
    return made


def _proposed(rule: dict[str, Any]) -> str:
    """A name from the rule's own words."""
    try:
        said = segments.describe(rt(), rule)
    except Refusal:
        return ""
    return said if len(said) <= store.MAX_NAME else said[: store.MAX_NAME - 1] + "…"


def _try_count(row: Segment) -> None:
    """The list shows a count at once; a slow one is left for later."""
    try:
        store.recount(rt(), row)
    except Refusal:
        row.last_count = None
