"""Overview: what happened today, what needs someone, what runs.  The page tells; nothing is changed here."""

from __future__ import annotations

from flask import Blueprint

from core import clock
from core.db import database
from core.i18n import _, language
from core.measure import overview
from core.sending.otp import alarms
from core.web import charts, format
from core.web.access import allow
from core.web.render import page, rt

bp = Blueprint("overview", __name__)

#: The hours a heat map shows; texts outside them are rare by law.
_HOURS = range(7, 23)
#: More things that need somebody are a long list.
_MANY = 3
_LONG_DAY = {"en": "EEEE, d MMMM", "zh_Hans": "M月d日 EEEE"}


@bp.get("/")
@allow("view")
def index():
    zone = format.reader_zone()
    today = overview.today(zone)
    days, needs = overview.days(zone), overview.machine(rt().settings) + overview.needs()
    # Beside a long list the hours stand in its row, so that no card is stretched over nothing.
    long = len(needs) > _MANY
    return page(
        "overview/index.html",
        title=format.dates.format_date(
            clock.now().astimezone(zone), _LONG_DAY[language()], locale=format.locale()
        ),
        today=today,
        trend=_trend(today),
        needs=needs,
        long=long,
        running=overview.running(),
        days_chart=_days_chart(days),
        has_messages=any(c.attempted for _day, c in days),
        heat=_heat(overview.week_heat(zone)),
        accounts=overview.accounts(),
        panels=[panel for found in rt().plugins.call("panels", page="overview", obj=None) for panel in found],
        otp_alarm=alarms.words,
        steps=_first_steps(),
        as_of=clock.now_ms(),
    )


@bp.get("/overview/people")
@allow("view")
def people():
    """The one figure that scans all contacts, loaded after the page."""
    total, textable = overview.people()
    return page("overview/_people.html", total=total, textable=textable)


@bp.get("/overview/running")
@allow("view")
def running():
    """The running campaigns alone, asked for every few seconds."""
    return page("overview/_running.html", running=overview.running())


def _trend(today: overview.Today) -> dict[str, tuple[float, bool] | None]:
    """{figure: (relative change against the usual, is it good)}; None without enough to compare."""
    trend: dict[str, tuple[float, bool] | None] = {"submitted": None}
    if today.usual_submitted:
        change = today.counts.submitted / today.usual_submitted - 1
        trend["submitted"] = (change, change >= 0)
    return trend


def _days_chart(days):
    labels = [
        format.dates.format_date(
            day.date(), "d MMM" if language() == "en" else "M月d日", locale=format.locale()
        )
        for day, _c in days
    ]
    series = [
        charts.Series(_("delivered"), [c.delivered for _day, c in days], "c1"),
        charts.Series(_("failed or unknown"), [c.failed + c.unknown + c.rejected for _day, c in days], "c2"),
    ]
    return charts.line(series, labels, title=_("Messages a day, last 30 days"), height=210), charts.legend(
        series
    )


def _heat(found: dict[tuple[int, int], tuple[int, int]]):
    """Deliveries by weekday and hour as shares of the busiest cell."""
    if not found:
        return None
    names = [format.locale().days["format"]["abbreviated"][d] for d in range(7)]
    most = max(submitted for submitted, _d in found.values()) or 1
    cells, words = [], []
    for day in range(7):
        row, said = [], []
        for hour in _HOURS:
            submitted, delivered = found.get((day, hour), (0, 0))
            row.append(submitted / most if submitted else None)
            said.append(
                _("%(day)s %(hour)s:00 – %(n)s texts, %(share)s arrived", day=names[day], hour=hour,
                  n=format.num(submitted), share=format.share(delivered, submitted))
                if submitted
                else _("%(day)s %(hour)s:00 – no texts", day=names[day], hour=hour)
            )  # fmt: skip
        cells.append(row)
        words.append(said)
    return charts.heat(
        names, [str(h) for h in _HOURS], cells, words, title=_("Texts by weekday and hour, last 90 days")
    )


def _first_steps() -> list[tuple[str, str, bool]]:
    """What a new instance still needs, in the order of the work: (key, endpoint, done)."""
    exists = {
        "account": database.scalar("SELECT 1 FROM account LIMIT 1"),
        "contacts": database.scalar("SELECT 1 FROM contact LIMIT 1"),
        "segment": database.scalar("SELECT 1 FROM segment LIMIT 1"),
        "template": database.scalar("SELECT 1 FROM template LIMIT 1"),
        "campaign": database.scalar("SELECT 1 FROM campaign WHERE segment_id IS NOT NULL LIMIT 1"),
    }
    urls = {
        "account": "/providers", "contacts": "/imports", "segment": "/segments", "template": "/templates",
        "campaign": "/campaigns",
    }  # fmt: skip
    steps = [(key, urls[key], bool(done)) for key, done in exists.items()]
    return [] if all(done for _k, _u, done in steps) else steps
