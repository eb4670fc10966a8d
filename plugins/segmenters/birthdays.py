"""`birthday`: birthdays to come, and age, by the date field `birthday` (or another one).

    {"segmenter": "birthday", "within_days": 7}    {"segmenter": "birthday", "today": true}
    {"segmenter": "birthday", "month": 11}         {"segmenter": "birthday", "age_at_least": 18, "age_at_most": 30}

`within_days` counts from today, across the turn of the year: 0 is today, 1 today and tomorrow.  Who was born on
29 February has the birthday on 28 February in years without one, and turns a year older on 1 March then, so that
nobody is taken for an adult a day early.
"""

from babel.dates import get_month_names
from peewee import Column
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import yearly
from core.audience.segments.context import check_names
from core.audience.segments.leafform import LeafForm
from core.audience.segments.ops import day_number, read_param
from core.audience.segments.words import clauses, shown
from core.contract.errors import Refusal
from core.db.models import Profile
from core.i18n import LOCALES, _, _l, _n, language

_AGES = ("age_at_least", "age_at_most")


class BirthdayForm(LeafForm):
    """When the birthday is; how old they are."""

    structural = ("near",)

    near = SelectField(_l("Birthday"), validate_choice=False)
    within_days = StringField(
        _l("Within the next days"), description=_l("days"), render_kw={"type": "number", "min": 0}
    )
    month = SelectField(_l("Month"), validate_choice=False)
    age_at_least = StringField(
        _l("Age from"), render_kw={"type": "number", "min": 0, "placeholder": _l("age from")}
    )
    age_at_most = StringField(
        _l("Age to"), render_kw={"type": "number", "min": 0, "placeholder": _l("age to")}
    )
    field = SelectField(_l("Field"), validate_choice=False)

    def __init__(self, formdata=None, prefix="", data=None, **kw):
        given = dict(data or {})
        super().__init__(
            formdata, prefix=prefix, data=given | ({"near": "today"} if given.get("today") else {}), **kw
        )

    def bind(self, ctx):
        kinds = {
            "within_days": _("within the next … days"), "today": _("today"), "month": _("in the month of"),
            "age": _("on any day"),
        }  # fmt: skip
        if self.near.data not in kinds:
            self.near.data = (
                (self.month.data and "month") or (self.within_days.data and "within_days") or "age"
            )
        self.near.choices = [SelectChoice(*pair) for pair in kinds.items()]
        self.month.choices = [SelectChoice(str(n), _month(n)) for n in range(1, 13)]
        for key in ("within_days", "month"):
            if key != self.near.data:
                del self[key]
        dates = [(key, _(info.title)) for key, info in ctx.fields.items() if info.kind == "date"]
        if len(dates) > 1:
            self.field.choices = [SelectChoice(*pair) for pair in dates]
        else:
            del self.field

    def params(self):
        made = super().params()
        return made | ({"today": True} if made.pop("near", None) == "today" else {})

    @classmethod
    def menu(cls, ctx):
        if not any(info.kind == "date" for info in ctx.fields.values()):
            return []
        return [
            (_("Birthday today"), {"today": True}),
            (_("Birthday within a week"), {"within_days": 7}),
            (_("Birthday in a month"), {"month": ctx.today.month}),
            (_("Age from the birthday"), {"age_at_least": 18}),
        ]


class Birthday(Segmenter):
    """Birthdays and age."""

    name = "birthday"
    title = "Birthday"
    Form = BirthdayForm

    def where(self, params, ctx):
        """Raises `Refusal` when there is no such date field, for months, days and ages that are none."""
        info, ask = _read(params, ctx)
        column = Column(Profile._meta.table, info.column)
        made = yearly.sound(column)
        if "month" in ask:
            made &= yearly.in_month(column, ask["month"])
        elif "within_days" in ask:
            made &= yearly.within(column, ctx.today, ask["within_days"])
        if "age_at_least" in ask:
            made &= column <= day_number(yearly.years_before(ctx.today, ask["age_at_least"]))
        if "age_at_most" in ask:
            made &= column > day_number(yearly.years_before(ctx.today, ask["age_at_most"] + 1))
        return made

    def describe(self, params, ctx):
        info, ask = _read(params, ctx)
        parts = []
        if "month" in ask:
            parts.append(_("in %(month)s", month=_month(ask["month"])))
        if "within_days" in ask:
            n = ask["within_days"]
            parts.append(
                _n("within the next %(n)s day", "within the next %(n)s days", n) if n else _("today")
            )
        if "age_at_least" in ask:
            parts.append(_("age %(n)s or more", n=ask["age_at_least"]))
        if "age_at_most" in ask:
            parts.append(_("age %(n)s or less", n=ask["age_at_most"]))
        return _("%(what)s: %(how)s", what=_(info.title), how=clauses(parts))

    def explain(self, contact, params, ctx):
        info, _ask = _read(params, ctx)
        born = contact["fields"].get(info.key)
        if born is None:
            return _("%(field)s is empty", field=_(info.title))
        age = ctx.today.year - born.year - ((ctx.today.month, ctx.today.day) < (born.month, born.day))
        return _("%(what)s: %(how)s", what=_(info.title), how=_("%(day)s, age %(n)s", day=shown(born), n=age))


def _month(n: int) -> str:
    return get_month_names("wide", "stand-alone", locale=LOCALES[language()])[n]


def _read(params, ctx):
    """(the date field, {"month" or "within_days", ages})."""
    check_names(params, "field", "today", "within_days", "month", *_AGES)
    info = ctx.field(params.get("field") or "birthday")
    if info.kind != "date":
        raise Refusal(_("The field %(name)s holds no dates.", name=info.title), field="field")
    ask = {}
    if params.get("today"):
        ask["within_days"] = 0
    for key, most in (("within_days", 366), ("month", 12), *((key, 150) for key in _AGES)):
        if params.get(key) not in (None, ""):
            ask[key] = _whole(params[key], key, 1 if key == "month" else 0, most)
    if not ask:
        raise Refusal(
            _("Say which: today, within_days, month, age_at_least or age_at_most."), field="within_days"
        )
    if "month" in ask and "within_days" in ask:
        raise Refusal(_("A line asks either for a month or for the next days."), field="month")
    return info, ask


def _whole(value, key: str, low: int, high: int) -> int:
    number = read_param("number", "eq", value, key)
    if number != int(number) or not low <= number <= high:
        raise Refusal(
            _("%(field)s is %(value)s; it takes a whole number from %(low)s to %(high)s.",
              field=key, value=shown(number), low=low, high=high), field=key,
        )  # fmt: skip
    return int(number)


@hookimpl
def register_segmenters():
    return [Birthday]
