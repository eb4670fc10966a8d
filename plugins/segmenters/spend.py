"""`spend`: what the contact paid.

    {"segmenter": "spend", "at_least": 500, "within_days": 365}
    {"segmenter": "spend", "of": "average", "at_least": 80, "at_most": 200}
    {"segmenter": "spend", "of": "gross", "top_percent": 10}

of: net, purchases less refunds (the default) · gross, purchases · average, gross by purchase.  Amounts are in the
house currency; averages are cut to millionths.  Who never bought spent 0, refunds or not.  `top_percent` means
those who spent most, of all who spent anything in the span; people who spent the same as the last of them are in.
"""

from functools import reduce
from operator import and_

from peewee import SQL, Case, fn
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import amounts, deeds, spans
from core.audience.segments.context import check_names
from core.audience.segments.logic import among, complement
from core.audience.segments.ops import read_param
from core.audience.segments.words import clauses, shown
from core.contract.errors import Refusal
from core.db.codes import EventType
from core.db.models import Event, EventStat, Profile
from core.i18n import _, _l

OF = {
    "net": _l("Spent, less refunds"),
    "gross": _l("Spent"),
    "average": _l("Average purchase"),
}
_BOUGHT, _BACK = EventType.purchase.value, EventType.refund.value


class SpendForm(spans.SpanForm):
    """Which figure, how much, when."""

    structural = ("when",)

    of = SelectField(_l("Figure"), validate_choice=False)
    at_least = StringField(_l("At least"), render_kw=amounts.INPUT | {"placeholder": _l("at least")})
    at_most = StringField(_l("At most"), render_kw=amounts.INPUT | {"placeholder": _l("at most")})
    top_percent = StringField(
        _l("Only the top"),
        description=_l("% who spent most"),
        render_kw=amounts.INPUT | {"placeholder": _l("all")},
    )

    def bind(self, ctx):
        super().bind(ctx)
        self.of.choices = [SelectChoice(key, str(words)) for key, words in OF.items()]

    @classmethod
    def menu(cls, ctx):
        return [
            *((str(words), {"of": key, "at_least": 100}) for key, words in OF.items()),
            (_("Those who spend most"), {"of": "net", "top_percent": 10}),
        ]


class Spend(Segmenter):
    """What they paid."""

    name = "spend"
    title = "Spending"
    Form = SpendForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown figure, amounts and shares that are none."""
        of, span, bounds, top = _read(params, ctx)
        mine = EventStat.type == _BOUGHT
        value = _value(of, span, EventStat)

        def compared(op: str, micros: int):
            floor = micros - 1 if op == ">=" else micros
            if floor < 0:
                return complement(among(EventStat, mine & (value <= floor), ctx))
            return among(EventStat, _maybe(EventStat, of, span, floor) & (value > floor), ctx)

        made = [amounts.within(bounds, compared)] if bounds else []
        return reduce(and_, [*made, _top(of, span, top)] if top else made)

    def describe(self, params, ctx):
        of, span, bounds, top = _read(params, ctx)
        parts = [amounts.words(bounds, ctx.currency)] if bounds else []
        if top:
            parts.append(_("among the %(p)s %% who spent most", p=shown(top)))
        return _("%(what)s: %(how)s", what=OF[of], how=clauses([*parts, span.words]))

    def explain(self, contact, params, ctx):
        of, span, _bounds, _top = _read(params, ctx)
        mine = (EventStat.type == _BOUGHT) & (EventStat.contact_id == contact["id"])
        row = EventStat.select(_value(of, span, EventStat)).where(mine).tuples().first()
        return _("%(what)s: %(how)s", what=OF[of], how=amounts.money(int(row[0]) if row else 0, ctx.currency))


def _value(of: str, span, row):
    """Micro-units over a row of `event_stat` (or an alias of it) of purchases."""
    if of == "net":
        if span.open:
            back = EventStat.alias("back")
            same = (back.type == _BACK) & (back.contact_id == row.contact_id)
            return row.sum_micros - fn.COALESCE(back.select(back.sum_micros).where(same), 0)
        signed = Case(Event.type, [(_BACK, Event.amount_micros * -1)], Event.amount_micros)
        return deeds.total_of((_BOUGHT, _BACK), span, of=signed, row=row)
    if of == "gross":
        return row.sum_micros if span.open else deeds.total_of((_BOUGHT,), span, row=row)
    if span.open:
        return row.sum_micros / row.n
    count = fn.NULLIF(fn.COUNT(SQL("*")), 0)
    where = (Event.contact_id == row.contact_id) & (Event.type == _BOUGHT) & span.holds(Event.at)
    average = fn.SUM(Event.amount_micros).cast("BIGINT") / count
    return Event.select(fn.COALESCE(average, 0)).where(where)


def _maybe(row, of: str, span, floor: int):
    """The buyers that can have paid more than `floor`, as far as `event_stat` knows."""
    made = row.type == _BOUGHT
    if of != "average":
        made &= row.sum_micros > floor
    if span.since is not None:
        made &= row.at1 >= span.since
    if span.until is not None:
        made &= row.first_at < span.until
    return made


def _top(of: str, span, percent: float):
    """The buyers who spent most; who spent the same as the last of them is one, too.

    IN on both databases: the ranking is made once, and is far shorter than the list of buyers.
    """
    row = EventStat.alias("buyer")
    spenders = row.select(row.contact_id, _value(of, span, row).alias("spent")).where(
        _maybe(row, of, span, 0)
    )
    spenders = spenders.alias("spenders")
    spent = spenders.c.spent
    ranked = spenders.select_from(
        spenders.c.contact_id,
        fn.RANK().over(order_by=[spent.desc()]).alias("place"),
        fn.COUNT(SQL("*")).over().alias("buyers"),
    )
    ranked = ranked.where(spent > 0).alias("ranked")
    last = (ranked.c.buyers * round(percent * 100) + 9_999) / 10_000
    return Profile.contact_id.in_(ranked.select_from(ranked.c.contact_id).where(ranked.c.place <= last))


def _read(params, ctx):
    check_names(params, "of", "top_percent", *amounts.KEYS, *spans.KEYS)
    of = params.get("of") or "net"
    if not isinstance(of, str) or of not in OF:
        raise Refusal(
            _("of is %(value)s; it is one of %(known)s.", value=repr(of), known=", ".join(OF)), field="of"
        )
    top = params.get("top_percent")
    top = None if top in (None, "") else read_param("number", "eq", top, "top_percent")
    if top is not None and not 0.01 <= top <= 100:
        raise Refusal(
            _("top_percent is %(value)s; it takes 0.01 to 100.", value=shown(top)), field="top_percent"
        )
    asked = any(params.get(key) not in (None, "") for key in amounts.KEYS)
    bounds = amounts.read(params, whole=False) if asked or top is None else None
    return of, spans.read(params, ctx), bounds, top


@hookimpl
def register_segmenters():
    return [Spend]
