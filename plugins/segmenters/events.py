"""`event`: what the contact did, how often, and when.

    {"segmenter": "event", "type": "purchase", "op": "count", "at_least": 2, "within_days": 90}
    {"segmenter": "event", "type": "view", "op": "did", "category": "skin care", "since": "2026-10-01"}
    {"segmenter": "event", "type": "purchase", "op": "last", "before_days": 180}

op: did · did_not · count and sum (at_least, at_most, exactly) · first and last, which lie in the span.  The span
is that of `core.audience.segments.spans`.  Only these events count: `item` and `category` (one or a list),
`place`, `amount_at_least` and `amount_at_most` of each, `prop.NAME` (one value or a list).
"""

from functools import reduce
from operator import and_, or_

from peewee import SQL, fn
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import amounts, deeds, props, spans
from core.audience.segments.context import check_names
from core.audience.segments.logic import complement
from core.audience.segments.words import clauses, listed, shown
from core.clock import from_ms
from core.contract.errors import Refusal
from core.db.models import Category, Event, Item
from core.i18n import _, _l, _n

#: op → its words in the builder
OPS = {
    "did": _l("did it"),
    "did_not": _l("did not do it"),
    "count": _l("so many times"),
    "sum": _l("for so much money"),
    "first": _l("for the first time"),
    "last": _l("for the last time"),
}
_COMPARED = ("count", "sum")
_PROP = "prop."
_NAMES = (
    "type",
    "op",
    *amounts.KEYS,
    *spans.KEYS,
    "item",
    "category",
    "place",
    "amount_at_least",
    "amount_at_most",
    _PROP,
)


class EventForm(spans.SpanForm):
    """What, how often, when; and which of these events count."""

    structural = ("op", "when")

    type = SelectField(_l("What they did"), validate_choice=False)
    op = SelectField(_l("How often"), validate_choice=False)
    at_least = StringField(_l("At least"), render_kw=amounts.INPUT)
    at_most = StringField(_l("At most"), render_kw=amounts.INPUT)
    exactly = StringField(_l("Exactly"), render_kw=amounts.INPUT)
    item = StringField(_l("Item"), render_kw={"placeholder": _l("item: any")})
    category = StringField(_l("Category"), render_kw={"placeholder": _l("category: any")})
    place = StringField(_l("Place"), render_kw={"placeholder": _l("place: any")})
    amount_at_least = StringField(_l("Amount from"), render_kw=amounts.INPUT)
    amount_at_most = StringField(_l("Amount up to"), render_kw=amounts.INPUT)
    props = StringField(_l("Properties"), render_kw={"placeholder": _l("properties: colour=red, size=L")})

    def __init__(self, formdata=None, prefix="", data=None, **kw):
        given = data or {}
        named = [f"{key[len(_PROP) :]}={_text(given[key])}" for key in given if key.startswith(_PROP)]
        kept = {key: _text(value) for key, value in given.items()} | (
            {"props": ", ".join(named)} if named else {}
        )
        super().__init__(formdata, prefix=prefix, data=kept, **kw)

    def bind(self, ctx):
        super().bind(ctx)
        self.type.choices = [SelectChoice(key, title) for key, (_id, title) in ctx.event_types.items()]
        self.op.choices = [SelectChoice(key, str(words)) for key, words in OPS.items()]
        self.op.data = self.op.data if self.op.data in OPS else "did"
        if self.op.data not in _COMPARED:
            for key in amounts.KEYS:
                del self[key]

    def params(self):
        made = super().params()
        for pair in amounts.split(made.pop("props", "")):
            name, equal, value = pair.partition("=")
            if equal and name.strip():
                made[_PROP + name.strip()] = value.strip()
        for key in ("item", "category", "place"):
            if len(several := amounts.split(made.get(key, ""))) > 1:
                made[key] = several
        return made

    @classmethod
    def menu(cls, ctx):
        return [(title, {"type": key, "op": "did"}) for key, (_id, title) in ctx.event_types.items()]


class Events(Segmenter):
    """What contacts did."""

    name = "event"
    title = "What they did"
    Form = EventForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown type (naming the closest), comparison, span or filter."""
        check_names(params, *_NAMES)
        type_id, op, span = ctx.event_type(params.get("type"))[0], _op(params), spans.read(params, ctx)
        filters = [condition for condition, _words in _filters(params, ctx)]
        match = reduce(and_, filters) if filters else None
        if op in ("first", "last"):
            return getattr(deeds, op)(type_id, span, ctx, match)
        if op == "did":
            return deeds.at_least(type_id, 1, span, ctx, match)
        if op == "did_not":
            return complement(deeds.at_least(type_id, 1, span, ctx, match))
        bounds = amounts.read(params, whole=op == "count", default=1 if op == "count" else None)
        if op == "sum":
            over = deeds.summed(type_id, span, ctx, match)
        else:

            def over(op, n):
                return deeds.at_least(type_id, n if op == ">=" else n + 1, span, ctx, match)

        return amounts.within(bounds, over)

    def describe(self, params, ctx):
        op, title = _op(params), ctx.event_type(params.get("type"))[1]
        words = {
            "did": "", "did_not": _("not once"), "first": _("for the first time"), "last": _("for the last time"),
        }.get(op)  # fmt: skip
        if words is None:
            bounds = amounts.read(params, whole=op == "count", default=1 if op == "count" else None)
            words = amounts.words(bounds, ctx.currency if op == "sum" else None)
        parts = [words, spans.read(params, ctx).words, *(said for _sql, said in _filters(params, ctx))]
        return _("%(what)s: %(how)s", what=title, how=clauses(parts) or _("at least once"))

    def explain(self, contact, params, ctx):
        type_id, title = ctx.event_type(params.get("type"))
        wheres = [Event.contact_id == contact["id"], Event.type == type_id]
        wheres += [condition for condition, _words in _filters(params, ctx)]
        found = Event.select(fn.COUNT(SQL("*")), fn.MAX(Event.at), fn.SUM(Event.amount_micros)).where(*wheres)
        n, last, micros = found.tuples().get()
        if not n:
            return _("%(what)s: never", what=title)
        day = shown(from_ms(last).astimezone(ctx.zone).date())
        how = _n("%(n)s time, last on %(day)s", "%(n)s times, last on %(day)s", n, day=day)
        if micros:
            how = _("%(how)s, %(money)s in all", how=how, money=amounts.money(int(micros), ctx.currency))
        return _("%(what)s: %(how)s", what=title, how=how)


def _op(params) -> str:
    op = params.get("op") or ("count" if any(params.get(key) is not None for key in amounts.KEYS) else "did")
    if not isinstance(op, str) or op not in OPS:
        raise Refusal(
            _("%(op)s is none of the questions about events: %(known)s.", op=repr(op), known=", ".join(OPS)),
            field="op",
        )
    return op


def _filters(params, ctx):
    """(condition over `Event`, words) of each filter of the leaf."""
    made = []
    for key, model, column, title in (
        ("item", Item, Item.key, _("item")),
        ("category", Category, Category.name, _("category")),
    ):
        if names := _texts(params, key):
            of = Event.item_id if model is Item else Event.category_id
            made.append((of.in_(model.select(model.id).where(column.in_(names))), f"{title} {listed(names)}"))
    if places := _texts(params, "place"):
        any_of = reduce(or_, (props.equals(Event.props, "place", text) for text in places))
        made.append((any_of, f"{_('place')} {listed(places)}"))
    for key, sign in (("amount_at_least", "≥"), ("amount_at_most", "≤")):
        if params.get(key) not in (None, ""):
            micros = amounts.micros(params[key], key)
            test = Event.amount_micros >= micros if sign == "≥" else Event.amount_micros <= micros
            made.append((test, f"{_('amount')} {sign} {amounts.money(micros, ctx.currency)}"))
    for key in sorted(params):
        if key.startswith(_PROP) and (values := _texts(params, key)):
            name = key[len(_PROP) :]
            any_of = reduce(or_, (props.equals(Event.props, name, value) for value in values))
            made.append((any_of, f"{name} {listed([_text(value) for value in values])}"))
    return made


def _texts(params, key: str) -> list:
    value = params.get(key)
    values = list(value) if isinstance(value, list | tuple) else [value]
    if any(not isinstance(item, str | int | float | None) for item in values):
        raise Refusal(_("%(field)s takes a text or a list of texts.", field=key), field=key)
    kept = [item for item in values if item not in (None, "")]
    return kept if key.startswith(_PROP) else [_text(item) for item in kept]


def _text(value) -> str:
    return (
        ", ".join(map(_text, value))
        if isinstance(value, list | tuple)
        else ""
        if value is None
        else str(value)
    )


@hookimpl
def register_segmenters():
    return [Events]
