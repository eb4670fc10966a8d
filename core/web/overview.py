"""Overview: what happened today, what needs someone, what runs.  The page tells; nothing is changed here."""

from __future__ import annotations

from flask import Blueprint

from core import clock
from core.contract.types import Scope
from core.db import database
from core.i18n import _, _n, language
from core.measure import arrived, overview
from core.sending import monthly
from core.sending.otp import alarms
from core.timing import zones
from core.web import charts, format, panels
from core.web.access import allow
from core.web.render import page, rt

bp = Blueprint("overview", __name__)

#: More things that need somebody are a long list.
_MANY = 3
_LONG_DAY = {"en": "EEEE, d MMMM", "zh_Hans": "M月d日 EEEE"}


@bp.get("/")
@allow("view")
def index():
    zone = format.reader_zone()
    today, month = overview.today(zone, zones.house(rt())), monthly.month(rt())
    days, needs = overview.days(zone), overview.machine(rt().settings) + overview.needs()
    if month and month.used_up:
        needs.append(overview.Need("budget", "bad"))
    # Beside a long list the hours stand in its row, so that no card is stretched over nothing.
    long = len(needs) > _MANY
    return page(
        "overview/index.html",
        title=format.dates.format_date(
            clock.now().astimezone(zone), _LONG_DAY[language()], locale=format.locale()
        ),
        today=today,
        begins=today.since.strftime("%H:%M"),
        in_5m=arrived.within(Scope(since=today.since), arrived.FIVE_MINUTES_MS, today.counts),
        month=month,
        until=month and month.lasts_until and format.short_day(format.local(month.lasts_until)),
        needs=needs,
        long=long,
        running=overview.running(),
        days_chart=_days_chart(days),
        has_messages=any(c.attempted for _day, c in days),
        heat=_heat(overview.week_heat(zone)),
        accounts=overview.accounts(),
        panels=panels.cards("overview"),
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


def _days_chart(days):
    labels = [format.short_day(day) for day, _c in days]
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
        for hour in range(24):
            submitted, delivered = found.get((day, hour), (0, 0))
            row.append(submitted / most if submitted else None)
            said.append(
                _n("%(day)s %(hour)s:00 – %(n)s text, %(share)s arrived",
                   "%(day)s %(hour)s:00 – %(n)s texts, %(share)s arrived", submitted, day=names[day], hour=hour,
                   n=format.num(submitted), share=format.share(delivered, submitted))
                if submitted
                else _("%(day)s %(hour)s:00 – no texts", day=names[day], hour=hour)
            )  # fmt: skip
        cells.append(row)
        words.append(said)
    return charts.heat(
        names, [str(h) for h in range(24)], cells, words, title=_("Texts by weekday and hour, last 90 days")
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
