"""The result of a campaign: figures with their denominators and intervals, charts, reasons, arms, export."""

from __future__ import annotations

from flask import Blueprint, Response, abort, url_for

from core import exporting
from core.db.models import Campaign
from core.i18n import _
from core.measure import clicks, report
from core.sending import drafts, findings
from core.web import charts, format, kindwords, reasons
from core.web.access import allow
from core.web.render import page, redirect_hx, rt

bp = Blueprint("reports", __name__, url_prefix="/campaigns")


@bp.get("/<int:id>/result")
@allow("view")
def campaign(id: int):
    asked = _campaign(id)
    if drafts.is_direct(asked):
        return redirect_hx(url_for("messages.index", campaign=id))
    found = report.build(rt(), asked)
    return page(
        "reports/campaign.html",
        campaign=found.campaign,
        report=found,
        funnel=_funnel(found),
        hours=_hours(found),
        failures=kindwords.grouped(found.failures),
        exclusions=_bars(list(found.exclusions.items())),
        arms=_arms(found),
        variant_name=findings.variant_name,
        verdicts=[_verdict(found, arm.idx, arm.verdict) for arm in found.arms if arm.verdict],
        links=clicks.of_links(id),
        automatic=clicks.automatic(id),
        panels=[
            p for given in rt().plugins.call("panels", page="campaign", obj=found.campaign) for p in given
        ],
    )


@bp.get("/<int:id>/result.csv")
@allow("contacts.export")
def figures(id: int) -> Response:
    """The figures of the report as a file; no personal data."""
    found = report.build(rt(), _campaign(id))
    rows = [
        [name, v.value, v.numerator, v.denominator, *(v.interval or ("", "")), v.unit, v.currency or ""]
        for name, v in found.metrics.items()
    ]
    rows += [
        [f"state:{state}", n, n, found.counts.total, "", "", "count", ""] for state, n in found.states.items()
    ]
    header = ["figure", "value", "numerator", "denominator", "low_95", "high_95", "unit", "currency"]
    return Response(
        exporting.csv_stream(header, rows),
        mimetype="text/csv",
        headers={"Content-Disposition": f"attachment; filename=campaign-{id}.csv"},
    )


def _campaign(id: int) -> Campaign:
    return Campaign.get_or_none(Campaign.id == id) or abort(404)


def _funnel(found: report.Report):
    c, total = found.counts, found.counts.total
    texted = c.attempted
    steps = [
        (_("Audience"), total, "", False),
        (_("Texted"), texted, _part(texted, total), False),
        (_("Accepted"), c.submitted, _part(c.submitted, texted), False),
        (_("Arrived"), c.delivered, _part(c.delivered, c.submitted), False),
    ]
    return charts.funnel(steps, title=_("From the audience to the phone"))


def _part(n: int, of: int) -> str:
    """A share beside its count; nothing while there are too few for one."""
    return "" if format.too_few(of) else format.pct(n / of)


def _hours(found: report.Report):
    if len(found.hours) < 2:
        return None
    first, last = found.hours[0][0], found.hours[-1][0]
    by_hour = {hour: (submitted, delivered) for hour, submitted, delivered in found.hours}
    span = range(first, min(last, first + 24 * 14) + 1)
    series = [
        charts.Series(_("submitted"), [by_hour.get(h, (0, 0))[0] for h in span], "c1"),
        charts.Series(_("delivered"), [by_hour.get(h, (0, 0))[1] for h in span], "c3"),
    ]
    labels = [format.when(h * 3_600_000) for h in span]
    return charts.line(series, labels, title=_("Messages by hour of sending")), charts.legend(series)


def _bars(rows: list[tuple[str, int]]):
    if not rows:
        return None
    total = sum(n for _reason, n in rows)
    bars = [(reasons.word(reason), n, _part(n, total), "c2") for reason, n in rows[:12]]
    return charts.bars(bars, title=_("Reasons and how many"), width=520, label_width=180)


def _verdict(found: report.Report, idx: int, verdict: str) -> str:
    """One sentence about a text beside text A."""
    letter = findings.variant_name(idx)
    if verdict == "better":
        return _("Text %(letter)s is better than text A: fewer people opted out.", letter=letter)
    if verdict == "worse":
        return _("Text A is better than text %(letter)s: fewer people opted out.", letter=letter)
    if not found.settled:
        return _(
            "Text %(letter)s and text A: too early to say, opt-outs count for 72 hours after the last text.",
            letter=letter,
        )
    return _("Text %(letter)s and text A: too early to say, the difference may be chance.", letter=letter)


def _arms(found: report.Report):
    compared = [arm for arm in found.arms if arm.difference]
    if not compared:
        return None
    rows = [
        (
            _("Text %(letter)s", letter=findings.variant_name(arm.idx)),
            *(100 * d for d in arm.difference),
            f"c{1 + arm.idx % 5}",
        )
        for arm in compared
    ]
    return charts.intervals(rows, title=_("Opt-outs against text A, in points"), unit="")
