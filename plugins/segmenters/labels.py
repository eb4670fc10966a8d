"""`label`: the contact carries a label.

    {"segmenter": "label", "label": "vip", "min_confidence": 0.6, "within_days": 60}

A pinned label is one bit of `profile.label_bits`: 80 ms over a million people where the join took 197.  Other
labels, and questions about confidence or age, look into `contact_label`.
"""

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments.context import check_names, unknown
from core.audience.segments.leafform import LeafForm
from core.audience.segments.logic import among
from core.audience.segments.ops import read_param
from core.clock import DAY_MS, from_ms
from core.contract.errors import Refusal
from core.db.models import ContactLabel, Profile
from core.i18n import _, _l, _n


class LabelForm(LeafForm):
    """Which label, how sure, how fresh."""

    label = SelectField(_l("Label"), validate_choice=False)
    min_confidence = SelectField(_l("Confidence"), validate_choice=False)
    within_days = StringField(
        _l("Set within the last days"),
        description=_l("days old at most"),
        render_kw={"type": "number", "min": 0, "placeholder": _l("any")},
    )

    def bind(self, ctx):
        names = list(ctx.labels)
        chosen = self.label.data or ""
        extra = [] if chosen in names else [(chosen, chosen or _("choose …"))]
        self.label.choices = [SelectChoice(*pair) for pair in [*extra, *((name, name) for name in names)]]
        sure = [("", _("any confidence"))]
        sure += [(f"{p / 100:g}", _("at least %(p)s %%", p=p)) for p in (50, 60, 70, 80, 90)]
        self.min_confidence.choices = [SelectChoice(*pair) for pair in sure]

    @classmethod
    def menu(cls, ctx):
        return [(name, {"label": name}) for name in list(ctx.labels)[:20]] or [(_("Label"), {})]


class Labelled(Segmenter):
    """Labels."""

    name = "label"
    title = "Labels"
    Form = LabelForm

    def where(self, params, ctx):
        """Raises `Refusal` for bad params and for a label that does not exist: "not" would make it everyone."""
        name, sure, days = _read(params)
        found = ctx.labels.get(name)
        if found is None:
            raise unknown("label", name, ctx.labels)
        label_id, bit = found
        if bit is not None and not sure and days is None:
            return Profile.label_bits.bin_and(1 << bit) != 0
        row = ContactLabel.label_id == label_id
        if sure:
            row &= ContactLabel.confidence >= sure
        if days is not None:
            row &= ContactLabel.since_at >= ctx.now_ms - days * DAY_MS
        return among(ContactLabel, row, ctx)

    def describe(self, params, ctx):
        name, sure, days = _read(params)
        words = []
        if sure:
            words.append(_("confidence at least %(p)s %%", p=f"{sure * 100:g}"))
        if days is not None:
            words.append(_n("not older than %(n)s day", "not older than %(n)s days", days))
        label = _("Label “%(label)s”", label=name)
        return _("%(label)s (%(more)s)", label=label, more=_(", ").join(words)) if words else label

    def explain(self, contact, params, ctx):
        name = _read(params)[0]
        label_id = ctx.label_id(name)
        if label_id is None:
            return _("There is no label “%(label)s”", label=name)
        row = ContactLabel.get_or_none(
            (ContactLabel.label_id == label_id) & (ContactLabel.contact_id == contact["id"])
        )
        if row is None:
            return _("Does not carry “%(label)s”", label=name)
        return _(
            "Carries “%(label)s” since %(day)s, confidence %(p)s %%",
            label=name,
            day=from_ms(row.since_at).astimezone(ctx.zone).date().isoformat(),
            p=f"{row.confidence * 100:.0f}",
        )


def _read(params) -> tuple[str, float, int | None]:
    check_names(params, "label", "min_confidence", "within_days")
    name = params.get("label")
    if not isinstance(name, str) or not name:
        raise Refusal(_("A label line needs the name of a label."), field="label")
    sure = read_param("number", "eq", params.get("min_confidence") or 0, "min_confidence")
    if not 0 <= sure <= 1:
        raise Refusal(
            _("min_confidence is %(value)s; it takes a number from 0 to 1.", value=f"{sure:g}"),
            field="min_confidence",
        )
    days = params.get("within_days")
    return name, sure, None if days is None else read_param("date", "within_days", days, "within_days")


@hookimpl
def register_segmenters():
    return [Labelled]
