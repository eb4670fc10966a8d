"""Kinds that count, sum, look at dates or at a saved segment, and the list of all kinds."""

from __future__ import annotations

import calendar
import json
from datetime import date, timedelta
from typing import Any

from core import clock
from core.audience import fields
from core.audience.labelling.kind import WITHIN, Kind, event_type, within
from core.audience.labelling.kinds import ActiveHours, BoughtNot, FirstBought, Score, TopCategory
from core.audience.labelling.params import MOST_MONEY, Param, type_id
from core.audience.labelling.spending import Quintile, Spender
from core.audience.labelling.sql import Sql, Step, events
from core.audience.segments import where_sql
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Segment
from core.i18n import _, _l, _n


class Counted(Kind):
    """So many events, or so much money in them."""

    key = "counted"
    title = _l("Count or sum")
    help = _l("How many events of a kind, or how much money in them?")
    params = (
        Param("type", _l("Event"), "type", "purchase"),
        Param("measure", _l("Measure"), "choice", "count", options={"count": _l("number"), "sum": _l("sum of money")}),
        Param("op", _l("Comparison"), "choice", "at_least",
              options={"at_least": _l("at least"), "at_most": _l("at most")},
              help=_l("“At most” includes people without any.")),
        Param("amount", _l("Amount"), "number", 3, 0, MOST_MONEY),
        WITHIN,
    )  # fmt: skip

    def sentence(self, params):
        words = {
            "type": event_type(params["type"]),
            "n": f"{params['amount']:,g}",
            "within": within(params["within_days"]),
        }
        if params["measure"] == "sum":
            return (
                _("people with %(type)s events of at least %(n)s in sum%(within)s", **words)
                if params["op"] == "at_least"
                else _("people with %(type)s events of at most %(n)s in sum%(within)s, or none", **words)
            )
        return (
            _("people with at least %(n)s × %(type)s%(within)s", **words)
            if params["op"] == "at_least"
            else _("people with at most %(n)s × %(type)s%(within)s, or none", **words)
        )

    def sql(self, step, params):
        inner, values = self._totals(step, params)
        measure = "t.s" if params["measure"] == "sum" else "t.n"
        amount = params["amount"] * (1_000_000 if params["measure"] == "sum" else 1)
        if params["op"] == "at_least" and amount > 0:
            return (
                f"SELECT contact_id, 0 AS value, n AS evidence, 1.0 AS confidence FROM ({inner}) t "
                f"WHERE {measure} >= ?",
                [*values, amount],
            )
        sign = ">=" if params["op"] == "at_least" else "<="
        who, whom = step.scope.on("p")
        return (
            "SELECT p.contact_id, 0 AS value, COALESCE(t.n, 0) AS evidence, 1.0 AS confidence FROM profile p "
            f"LEFT JOIN ({inner}) t ON t.contact_id = p.contact_id WHERE {who} AND COALESCE({measure}, 0) {sign} ?",
            [*values, *whom, amount],
        )

    @staticmethod
    def _totals(step: Step, params: Any) -> Sql:
        kind = type_id(params["type"])
        if not params["within_days"]:
            who, whom = step.scope.on("b")
            return (
                f"SELECT b.contact_id, b.n, b.sum_micros AS s FROM event_stat b WHERE b.type = {kind} AND {who}",
                whom,
            )
        source, values = events(step, [kind], params["within_days"])
        return (
            "SELECT e.contact_id, COUNT(*) AS n, COALESCE(SUM(e.amount_micros), 0) AS s "
            f"{source} GROUP BY e.contact_id",
            values,
        )


class Since(Kind):
    """So many days since the last or the first event of a kind."""

    key = "since"
    title = _l("Days since")
    help = _l("How long ago was the last or the first event of a kind? People without one get no label.")
    params = (
        Param("type", _l("Event"), "type", "purchase"),
        Param("which", _l("Which one"), "choice", "last", options={"last": _l("the last"), "first": _l("the first")}),
        Param("op", _l("Comparison"), "choice", "at_least",
              options={"at_least": _l("at least"), "at_most": _l("at most")}),
        Param("days", _l("Days"), "whole", 90, 0, 3650),
    )  # fmt: skip

    def sentence(self, params):
        n, words = params["days"], {"type": event_type(params["type"])}
        match params["which"], params["op"]:
            case "last", "at_least":
                return _n(
                    "people whose last event of this kind is at least %(n)s day ago: %(type)s",
                    "people whose last event of this kind is at least %(n)s days ago: %(type)s",
                    n,
                    **words,
                )
            case "last", _op:
                return _n(
                    "people whose last event of this kind is at most %(n)s day ago: %(type)s",
                    "people whose last event of this kind is at most %(n)s days ago: %(type)s",
                    n,
                    **words,
                )
            case _which, "at_least":
                return _n(
                    "people whose first event of this kind is at least %(n)s day ago: %(type)s",
                    "people whose first event of this kind is at least %(n)s days ago: %(type)s",
                    n,
                    **words,
                )
            case _which, _op:
                return _n(
                    "people whose first event of this kind is at most %(n)s day ago: %(type)s",
                    "people whose first event of this kind is at most %(n)s days ago: %(type)s",
                    n,
                    **words,
                )

    def sql(self, step, params):
        who, whom = step.scope.on("b")
        column = "at1" if params["which"] == "last" else "first_at"
        sign = "<=" if params["op"] == "at_least" else ">="
        return (
            "SELECT b.contact_id, 0 AS value, b.n AS evidence, 1.0 AS confidence FROM event_stat b "
            f"WHERE b.type = ? AND {who} AND b.{column} {sign} ?",
            [type_id(params["type"]), *whom, step.now_ms - params["days"] * clock.DAY_MS],
        )


class Birthday(Kind):
    """A birthday in the next days."""

    key = "birthday"
    title = _l("Birthday soon")
    help = _l(
        "Whose birthday is today or in the next days, by our clock? 29 February counts as 28 in other years."
    )
    params = (Param("ahead_days", _l("Days ahead"), "whole", 7, 0, 60),)

    def sentence(self, params):
        if not params["ahead_days"]:
            return _("people whose birthday is today")
        return _n(
            "people whose birthday is today or tomorrow",
            "people whose birthday is today or in the next %(n)s days",
            params["ahead_days"],
        )

    def sql(self, step, params):
        field = fields.get("birthday")
        if field is None or field.kind != "date":
            raise Refusal(_("There is no date field “birthday”."), field="kind")
        who, whom = step.scope.on("p")
        days = birthdays(step.today, params["ahead_days"])
        shown = (
            f"to_char(DATE '1970-01-01' + p.{field.column}, 'MMDD')"
            if database.is_postgres()
            else f"strftime('%m%d', p.{field.column} * 86400, 'unixepoch')"
        )
        return (
            "SELECT p.contact_id, 0 AS value, 1 AS evidence, 1.0 AS confidence FROM profile p "
            f"WHERE {who} AND p.{field.column} IS NOT NULL AND {shown} IN ({database.in_list(len(days))})",
            [*whom, *days],
        )


def birthdays(today: date, ahead_days: int) -> list[str]:
    """Month and day, "0228", of today and the days after it."""
    days = [today + timedelta(days=n) for n in range(ahead_days + 1)]
    found = [f"{day:%m%d}" for day in days]
    leap = any(not calendar.isleap(day.year) and (day.month, day.day) == (2, 28) for day in days)
    return [*found, "0229"] if leap and "0229" not in found else found


class Saved(Kind):
    """Whoever is in a saved segment."""

    key = "segment"
    title = _l("Saved segment")
    help = _l("Everyone in the segment carries the label.")
    params = (Param("segment", _l("Segment"), "segment"),)

    def sentence(self, params):
        return _("everyone in the segment “%(name)s”", name=self._row(params).name)

    def sql(self, step, params):
        where, values = where_sql(step.rt, json.loads(self._row(params).rule), at_ms=step.now_ms, alias="p")
        who, whom = step.scope.on("p")
        return (
            "SELECT p.contact_id, 0 AS value, 1 AS evidence, 1.0 AS confidence FROM profile p "
            f"WHERE {who} AND ({where})",
            [*whom, *values],
        )

    @staticmethod
    def _row(params: Any) -> Segment:
        row = Segment.get_or_none(Segment.id == params["segment"])
        if row is None:
            raise Refusal(_("The segment of this rule was deleted."), field="segment")
        return row


#: Every kind by its key, in the order of the page.
KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        TopCategory(), FirstBought(), Spender(), Quintile(), Counted(), Since(), BoughtNot(), Score(),
        ActiveHours(), Birthday(), Saved(),
    )
}  # fmt: skip


def kind(key: str) -> Kind:
    """The kind of a key.  Raises `Refusal` naming those there are."""
    if key not in KINDS:
        raise Refusal(
            _("There is no kind of rule “%(key)s”. Kinds: %(known)s.", key=key, known=", ".join(KINDS)),
            field="kind",
            status=404,
        )
    return KINDS[key]
