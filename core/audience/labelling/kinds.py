"""The kinds of rules that look at events: what each asks, how it reads as a sentence, and as SQL.

`facts.KINDS` lists them all.  Confidence is 1 where a label states a plain fact, `share · n / (n + 3)` where it
names the winner among several (n: events of the winner), and `score / (score + threshold)` for a weighted
score.
"""

from __future__ import annotations

from core import clock
from core.audience.labelling.kind import OF, WITHIN, Kind, event_type, quoted, within
from core.audience.labelling.params import PARTS, Param, thing_id, type_id
from core.audience.labelling.sql import (
    BUYING,
    MICRO,
    Sql,
    events,
    fill_zones,
    rounded,
    shrunk,
    weight,
)
from core.contract.errors import Refusal
from core.i18n import _, _l, _n


class FirstBought(Kind):
    """The first product or category someone bought."""

    key = "first_bought"
    title = _l("First purchase")
    help = _l("What did someone buy first? A label for each category or item, or for one.")
    values, value, prefix = "category", "thing", _l("First: ")
    params = (
        Param("of", _l("By"), "choice", "category", options=OF),
        Param("thing", _l("Only this one"), "thing", empty=True, help=_l("Empty: a label for each.")),
    )

    def values_of(self, params):
        return params["of"]

    def sentence(self, params):
        if not params.get("thing"):
            return (
                _("everyone who bought something gets the category of their first purchase")
                if params["of"] == "category"
                else _("everyone who bought something gets the item of their first purchase")
            )
        return _("people whose first purchase was %(thing)s", thing=quoted(params["thing"]))

    def sql(self, step, params):
        column = f"{params['of']}_id"
        source, values = events(step, BUYING, 0, f" AND e.{column} IS NOT NULL")
        only, chosen = _chosen(params["of"], params.get("thing"))
        return (
            f"SELECT contact_id, {'0' if only else 'value'} AS value, 1 AS evidence, 1.0 AS confidence FROM ("
            f"SELECT e.contact_id, e.{column} AS value, "
            f"ROW_NUMBER() OVER (PARTITION BY e.contact_id ORDER BY e.at, e.{column}) AS place {source}"
            f") r WHERE place = 1{only}",
            [*values, *chosen],
        )


class TopCategory(Kind):
    """The category someone looks at most, recent looks counting more."""

    key = "top_category"
    title = _l("Favourite category")
    help = _l("Which category does someone look at or buy most? Recent events count more.")
    values, value, prefix = "category", "category", _l("Interest: ")
    params = (
        Param("type", _l("Event"), "type", "view"),
        Param("within_days", _l("Within days"), "whole", 90, 1, 3650),
        Param("half_life", _l("Half-life in days"), "number", 30, 0.5, 3650,
              help=_l("An event this old counts half; older ones less and less.")),
        Param("least", _l("At least events"), "whole", 3, 1, 10_000,
              help=_l("Of the favourite category; fewer say too little.")),
        Param("category", _l("Only this one"), "category", empty=True, help=_l("Empty: a label for each.")),
    )  # fmt: skip

    def sentence(self, params):
        words = {
            "type": event_type(params["type"]),
            "within": within(params["within_days"]),
            "n": params["least"],
        }
        if params.get("category"):
            return _(
                "people whose favourite category%(within)s is %(category)s, by at least %(n)s × %(type)s",
                category=quoted(params["category"]), **words,
            )  # fmt: skip
        return _("everyone gets their favourite category%(within)s, by at least %(n)s × %(type)s", **words)

    def sql(self, step, params):
        each, ages = weight(params["half_life"], step.now_ms)
        source, values = events(
            step, [type_id(params["type"])], params["within_days"], " AND e.category_id IS NOT NULL"
        )
        only, chosen = _chosen("category", params.get("category"))
        return (
            f"SELECT contact_id, {'0' if only else 'value'} AS value, n AS evidence, "
            f"{shrunk('w / CAST(total AS double precision)', 'n')} AS confidence FROM ("
            "SELECT contact_id, value, n, w, SUM(w) OVER (PARTITION BY contact_id) AS total, "
            "ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY w DESC, value) AS place FROM ("
            f"SELECT e.contact_id, e.category_id AS value, COUNT(*) AS n, SUM({each}) AS w {source} "
            f"GROUP BY e.contact_id, e.category_id) s) r WHERE place = 1 AND w > 0 AND n >= ?{only}",
            [*ages, *values, params["least"], *chosen],
        )


class ActiveHours(Kind):
    """The part of the day in which someone is most active."""

    key = "active_hours"
    title = _l("Active time of day")
    help = _l(
        "When does someone look, click, reply and buy? Morning 6–11, noon 11–14, afternoon 14–18, evening 18–23, night 23–6."
    )
    values, value, prefix = "part", "part", _l("Active: ")
    params = (
        Param("within_days", _l("Within days"), "whole", 180, 1, 3650),
        Param("least", _l("At least events"), "whole", 5, 1, 10_000, help=_l("In that part of the day.")),
        Param("clock", _l("Whose clock"), "choice", "contact",
              options={"contact": _l("the contact's country"), "house": _l("ours")}),
        Param("part", _l("Only this one"), "choice", empty=True, help=_l("Empty: a label for each."),
              options={"morning": _l("morning"), "noon": _l("noon"), "afternoon": _l("afternoon"),
                       "evening": _l("evening"), "night": _l("night")}),
    )  # fmt: skip

    def sentence(self, params):
        least, words = params["least"], {"within": within(params["within_days"])}
        if params.get("part"):
            part = str(self.params[-1].options[params["part"]])
            return _n(
                "people who were most active in this part of the day%(within)s: %(part)s, by at least %(n)s event",
                "people who were most active in this part of the day%(within)s: %(part)s, by at least %(n)s events",
                least, part=part, **words,
            )  # fmt: skip
        return _n(
            "everyone gets the part of the day they were most active in%(within)s, by at least %(n)s event",
            "everyone gets the part of the day they were most active in%(within)s, by at least %(n)s events",
            least,
            **words,
        )

    def sql(self, step, params):
        fill_zones(step, params["within_days"], contacts=params["clock"] == "contact")
        who, whom = step.scope.on("e")
        when, since = step.window("e", params["within_days"])
        place = (
            "JOIN profile p ON p.contact_id = e.contact_id JOIN relabel_zone z ON z.country = p.country"
            if params["clock"] == "contact"
            else "JOIN relabel_zone z ON z.country = '*'"
        )
        hour = f"((e.at + z.ahead_ms) / {clock.HOUR_MS}) % 24"
        cases = " ".join(
            f"WHEN {hour} >= {first} AND {hour} < {after} THEN {value}"
            for value, first, after in PARTS.values()
            if first < after
        )
        part = PARTS[params["part"]][0] if params.get("part") else None
        return (
            f"SELECT contact_id, {'0' if part else 'value'} AS value, n AS evidence, "
            f"{shrunk('n / CAST(total AS double precision)', 'n')} AS confidence FROM ("
            "SELECT contact_id, value, n, SUM(n) OVER (PARTITION BY contact_id) AS total, "
            "ROW_NUMBER() OVER (PARTITION BY contact_id ORDER BY n DESC, value) AS place FROM ("
            "SELECT contact_id, value, COUNT(*) AS n FROM ("
            f"SELECT e.contact_id, CASE {cases} ELSE {PARTS['night'][0]} END AS value FROM event e {place} "
            f"AND e.at >= z.from_at AND e.at < z.to_at WHERE {who} AND {when}"
            ") h GROUP BY contact_id, value) s) r "
            f"WHERE place = 1 AND n >= ?{' AND value = ?' if part else ''}",
            [*whom, *since, params["least"], *([part] if part else [])],
        )


class BoughtNot(Kind):
    """Bought one thing and not another."""

    key = "bought_not"
    title = _l("Bought one, not the other")
    help = _l("Who bought X and never Y? A refund does not undo a purchase here.")
    params = (
        Param("of", _l("By"), "choice", "category", options=OF),
        Param("thing", _l("Bought"), "thing"),
        Param("other", _l("But not"), "thing"),
        WITHIN,
    )

    def check(self, params):
        if params["thing"] == params["other"]:
            raise Refusal(_("Nobody bought and did not buy the same; choose two things."), field="other")

    def sentence(self, params):
        return _(
            "people who bought %(thing)s and not %(other)s%(within)s",
            thing=quoted(params["thing"]),
            other=quoted(params["other"]),
            within=within(params["within_days"]),
        )

    def sql(self, step, params):
        bought, other = (thing_id(params["of"], params[name]) or 0 for name in ("thing", "other"))
        column = f"e.{params['of']}_id"
        source, values = events(
            step, BUYING, params["within_days"], f" AND {column} IN (?, ?)", [bought, other]
        )
        return (
            "SELECT contact_id, 0 AS value, n AS evidence, 1.0 AS confidence FROM ("
            f"SELECT e.contact_id, SUM(CASE WHEN {column} = ? THEN 1 ELSE 0 END) AS n, "
            f"SUM(CASE WHEN {column} = ? THEN 1 ELSE 0 END) AS others {source} GROUP BY e.contact_id"
            ") r WHERE n > 0 AND others = 0",
            [bought, other, *values],
        )


class Score(Kind):
    """A weighted score that fades."""

    key = "score"
    title = _l("Engagement score")
    help = _l(
        "Each event adds its weight and fades by half every half-life; who stays above the threshold carries the label."
    )
    params = (
        Param("weights", _l("Weights"), "weights", {"view": 1, "click": 2, "cart": 3, "purchase": 5},
              -1_000, 1_000, help=_l("Points of an event on the day it happens.")),
        Param("half_life", _l("Half-life in days"), "number", 30, 0.5, 3650,
              help=_l("An event this old counts half; older ones less and less.")),
        Param("threshold", _l("Threshold"), "number", 10, 0.01, 1_000_000),
    )  # fmt: skip

    def sentence(self, params):
        points = _(", ").join(f"{event_type(key)} {value:g}" for key, value in params["weights"].items())
        return _(
            "people with a score of at least %(threshold)s (%(points)s; half-life %(n)s days)",
            threshold=f"{params['threshold']:g}", points=points, n=f"{params['half_life']:g}",
        )  # fmt: skip

    def sql(self, step, params):
        weights = {type_id(key): points for key, points in params["weights"].items()}
        each, ages = weight(params["half_life"], step.now_ms)
        points = " ".join(f"WHEN {key} THEN {round(value * 100)}" for key, value in weights.items())
        source, values = events(step, list(weights), 0)
        threshold = round(params["threshold"] * 100) * MICRO
        return (
            "SELECT contact_id, 0 AS value, n AS evidence, "
            f"{rounded('s / (s + CAST(? AS double precision))')} AS confidence FROM ("
            f"SELECT e.contact_id, COUNT(*) AS n, SUM({each} * CASE e.type {points} END) AS s {source} "
            "GROUP BY e.contact_id) r WHERE s >= ?",
            [threshold, *ages, *values, threshold],
        )


def _chosen(table: str, name: str | None) -> Sql:
    """The condition that only one value is meant; a thing that is gone matches nobody."""
    return (" AND value = ?", [thing_id(table, name) or 0]) if name else ("", [])
