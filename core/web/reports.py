"""The result of a campaign: figures with their denominators and intervals, charts, reasons, arms, export."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, abort, url_for

from core import clock, exporting
from core.contract.types import MetricValue, Scope
from core.db.models import Campaign
from core.i18n import _
from core.measure import clicks, report, stats
from core.sending import drafts, findings
from core.web import charts, format, kindwords, panels, reasons
from core.web.access import allow
from core.web.files import download
from core.web.render import page, redirect_hx, rt

bp = Blueprint("reports", __name__, url_prefix="/campaigns")


@bp.get("/<int:id>/result")
@allow("view")
def campaign(id: int):
    asked = _campaign(id)
    if drafts.is_direct(asked):
        return redirect_hx(url_for("messages.index", campaign=id))
    found = report.build(rt(), asked, slow=False)
    return page(
        "reports/campaign.html",
        campaign=found.campaign,
        report=found,
        standing=_standing(found),
        interval=stats.wilson,
        funnel=_funnel(found),
        hours=_hours(found),
        failures=kindwords.grouped(found.failures),
        exclusions=_bars(list(found.exclusions.items())),
        arms=_arms(found),
        variant_name=findings.variant_name,
        verdicts=[_verdict(found, arm.idx, arm.verdict) for arm in found.arms if arm.verdict],
        links=clicks.of_links(id),
        automatic=clicks.automatic(id),
        panels=panels.cards("campaign", found.campaign),
    )


@bp.get("/<int:id>/result/lift")
@allow("view")
def lift(id: int):
    """The card about what the text itself changed, which the result page asks for: purchases take long to read."""
    _campaign(id)
    found = report.metrics(rt(), Scope(campaign_id=id), slow=True)
    return page("reports/_lift.html", metrics=found, lift=_lift(found), interval=stats.wilson)


@bp.get("/<int:id>/result.csv")
@allow("contacts.export")
def figures(id: int) -> Response:
    """The figures of the report as a file; no personal data."""
    found = report.build(rt(), _campaign(id))
    rows = [line for name, v in found.metrics.items() for line in _lines(name, v)]
    rows += [
        [f"state:{state}", n, n, found.counts.total, "", "", "count", ""] for state, n in found.states.items()
    ]
    header = ["figure", "value", "numerator", "denominator", "low_95", "high_95", "unit", "currency"]
    return download(f"campaign-{id}.csv", exporting.csv_stream(header, rows))


def _lines(name: str, v: MetricValue) -> list[list]:
    """A figure as lines of the file: one, or of the cost one a currency, as these are never added up."""
    interval = v.interval or ("", "")
    spent = v.detail.get("by_currency", {}) if name == "cost" else {}
    return [
        [name, cost, cost, v.denominator, *interval, v.unit, currency] for currency, cost in spent.items()
    ] or [[name, v.value, v.numerator, v.denominator, *interval, v.unit, v.currency or ""]]


def _standing(found: report.Report) -> str:
    """What can still change the figures, in a sentence."""
    at = format.when(found.as_of)
    if found.awaits_receipts:
        return _("As of %(time)s; receipts may still change these figures.", time=at)
    if not found.settled:
        return _(
            "As of %(time)s; every receipt is in, but opt-outs count for 72 hours after the last text.",
            time=at,
        )
    if "clicks" in found.metrics:
        return _("Final but for the links: no receipt and no opt-out can change these figures any more.")
    return _("Final: no receipt and no opt-out can change these figures any more.")


def _campaign(id: int) -> Campaign:
    return Campaign.get_or_none(Campaign.id == id) or abort(404)


def _funnel(found: report.Report):
    c, total = found.counts, found.counts.total
    texted = c.attempted
    steps = [
        (_("Audience"), total, "", False),
        (_("Texted"), texted, _part(texted, total), False),
        (_("Accepted"), c.submitted, _between(c.submitted, texted), _weak(texted)),
        (_("Arrived"), c.delivered, _between(c.delivered, c.submitted), _weak(c.submitted)),
    ]
    return charts.funnel(steps, title=_("From the audience to the phone"))


def _between(n: int, of: int) -> str:
    """A share with its interval beside its count; nothing while there are too few for one."""
    found = stats.wilson(n, of)
    if found is None or format.too_few(of):
        return ""
    low, high = found
    return f"{format.pct(n / of)} ({format.num(100 * low, 1)} – {format.pct(high)})"


def _weak(of: int) -> bool:
    return of < 4 * stats.NEED


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


def _lift(metrics: Mapping[str, MetricValue]) -> str:
    """One sentence about those texted beside those kept aside."""
    orders = metrics.get("incremental_orders")
    if orders is None:
        return _("What the text changes is known 72 hours after the campaign has begun.")
    d = orders.detail
    if d["verdict"] == "early":
        at = format.when(clock.to_ms(datetime.fromisoformat(d["until"])))
        return _("Too early: this is judged once, on %(time)s.", time=at)
    few = format.too_few(min(d["texted"], d["kept"]))
    return {
        "few": _("Too few people to say: each group needs 30; ≈ %(n)s more.", n=format.num(few)),
        "uneven": _("The groups are not of the sizes the lot should have made; they are not compared."),
        "silent": _(
            "No purchase of these people is known. Send orders to Cooee, and this says what changed."
        ),
        "more": _("More bought because of the text, 95 % sure."),
        "fewer": _("Fewer bought because of the text, 95 % sure."),
        "none": _("No difference seen: it may be chance, or too small for groups of this size."),
    }[d["verdict"]]


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
