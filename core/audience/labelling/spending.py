"""Kinds about money: what someone spent, purchases less refunds, in micro-units of the house currency."""

from __future__ import annotations

from array import array

from core.audience.labelling.kind import NOBODY, WITHIN, Kind, within
from core.audience.labelling.params import MOST_MONEY, Param
from core.audience.labelling.sql import Sql, Step, events
from core.contract.errors import Refusal
from core.db.codes import EventType
from core.i18n import _, _l

_BUY, _BACK = int(EventType.purchase), int(EventType.refund)


def spending(step: Step, within_days: int) -> Sql:
    """Rows (contact_id, n purchases, s micro-units spent less refunds) of everyone who bought in the window."""
    if not within_days:
        who, whom = step.scope.on("b")
        return (
            "SELECT b.contact_id, b.n, b.sum_micros - ABS(COALESCE(r.sum_micros, 0)) AS s FROM event_stat b "
            f"LEFT JOIN event_stat r ON r.type = {_BACK} AND r.contact_id = b.contact_id "
            f"WHERE b.type = {_BUY} AND {who}",
            whom,
        )
    source, values = events(step, (_BUY, _BACK), within_days)
    return (
        "SELECT contact_id, n, s FROM (SELECT e.contact_id, "
        f"SUM(CASE WHEN e.type = {_BUY} THEN 1 ELSE 0 END) AS n, "
        f"SUM(CASE WHEN e.type = {_BUY} THEN COALESCE(e.amount_micros, 0) "
        f"ELSE -ABS(COALESCE(e.amount_micros, 0)) END) AS s {source} GROUP BY e.contact_id) t WHERE n > 0",
        values,
    )


class Spender(Kind):
    """Spent between two sums."""

    key = "spender"
    title = _l("Spender")
    help = _l("Who spent this much, purchases less refunds?")
    params = (
        Param("at_least", _l("At least"), "number", 1000, 0, MOST_MONEY, help=_l("In the house currency.")),
        Param(
            "below",
            _l("Below"),
            "number",
            None,
            0.01,
            MOST_MONEY,
            empty=True,
            help=_l("Empty: no upper bound."),
        ),
        WITHIN,
    )

    def check(self, params):
        if params["below"] is not None and params["below"] <= params["at_least"]:
            raise Refusal(_("The upper bound must be greater than the lower one."), field="below")

    def sentence(self, params):
        words = {"low": f"{params['at_least']:,g}", "within": within(params["within_days"])}
        if params.get("below"):
            return _("people who spent at least %(low)s and less than %(high)s%(within)s",
                     high=f"{params['below']:,g}", **words)  # fmt: skip
        return _("people who spent at least %(low)s%(within)s", **words)

    def sql(self, step, params):
        inner, values = spending(step, params["within_days"])
        below = params.get("below")
        return (
            f"SELECT contact_id, 0 AS value, n AS evidence, 1.0 AS confidence FROM ({inner}) r "
            f"WHERE s >= ?{' AND s < ?' if below else ''}",
            [*values, *(round(v * 1_000_000) for v in (params["at_least"], below) if v is not None)],
        )


class Quintile(Kind):
    """A fifth of the buyers, by what they spent."""

    key = "quintile"
    title = _l("Fifth of buyers")
    help = _l(
        "Buyers in five equal groups by what they spent; 5 spent most. The bounds are taken anew each night."
    )
    values, value, prefix = "quintile", "quintile", _l("Spender fifth ")
    params = (
        Param("quintile", _l("Only this one"), "choice", "5", empty=True, help=_l("Empty: a label for each."),
              options={"5": _l("5 (top)"), "4": "4", "3": "3", "2": "2", "1": _l("1 (lowest)")}),
        WITHIN,
    )  # fmt: skip

    def sentence(self, params):
        words = {"within": within(params["within_days"])}
        if params.get("quintile"):
            return _(
                "buyers in fifth %(n)s of five by what they spent%(within)s", n=params["quintile"], **words
            )
        return _("all buyers get their fifth of five by what they spent%(within)s", **words)

    def sql(self, step, params):
        bounds = step.state.get("bounds")
        if not bounds:
            return NOBODY
        inner, values = spending(step, params["within_days"])
        fifth = " + ".join(["1", *(f"CASE WHEN s > {int(bound)} THEN 1 ELSE 0 END" for bound in bounds)])
        only = params.get("quintile")
        return (
            f"SELECT contact_id, {'0' if only else 'value'} AS value, n AS evidence, 1.0 AS confidence FROM ("
            f"SELECT contact_id, n, {fifth} AS value FROM ({inner}) s) r{' WHERE value = ?' if only else ''}",
            [*values, *([int(only)] if only else [])],
        )

    def bounds(self, sums: array) -> list[int]:
        """The four sums that part sorted spending into five equal groups."""
        ordered = sorted(sums)
        return [ordered[(len(ordered) * k + 4) // 5 - 1] for k in range(1, 5)] if ordered else []
