"""`campaign`: what became of a campaign's text.

    {"segmenter": "campaign", "campaign": 12, "outcome": "clicked"}
    {"segmenter": "campaign", "last": 3, "match": "all", "outcome": "clicked", "did_not": true}

Campaigns: one id, a list, the `last` N launched, or none of these for all.  match: any of them, or all.

    received   the provider took the text and it did not fail        delivered  a receipt says so
    failed     undelivered, expired or rejected                      clicked    a person followed a web link in it
    replied    a text that is no refusal came within 7 days          converted  a purchase came within 72 hours
    refused    a STOP, or a text held because it may be one, came within 7 days

A reply belongs to the last text before it.

`did_not` means people the text was sent to without that outcome: for clicked, replied and converted of those who
received it, for delivered and failed of those it was put on the wire for; "not received" is simply everyone else.
`within_days` counts from the outcome; from the sending for received, delivered and failed.
"""

from functools import reduce
from operator import and_

from wtforms import BooleanField, SelectField, SelectMultipleField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import outcomes
from core.audience.segments.context import check_names, unknown
from core.audience.segments.leafform import LeafForm
from core.audience.segments.logic import NOBODY, complement
from core.audience.segments.ops import read_param
from core.audience.segments.words import listed, shown
from core.clock import DAY_MS, from_ms
from core.contract.errors import Refusal
from core.db.codes import State
from core.db.models import Message
from core.i18n import _, _l, _n

#: outcome → its words in the builder, and the sentences that it was so and was not
OUTCOMES = {
    "received": (_l("received the text"), _l("Received %(campaigns)s"), _l("Did not receive %(campaigns)s")),
    "delivered": (
        _l("have a delivery receipt"),
        _l("Delivered: %(campaigns)s"),
        _l("Sent, but not delivered: %(campaigns)s"),
    ),
    "clicked": (
        _l("clicked a link"),
        _l("Clicked in %(campaigns)s"),
        _l("Received, but did not click: %(campaigns)s"),
    ),
    "replied": (
        _l("replied"),
        _l("Replied to %(campaigns)s"),
        _l("Received, but did not reply: %(campaigns)s"),
    ),
    "refused": (
        _l("replied that they want no more"),
        _l("Want no more after %(campaigns)s"),
        _l("Received, and did not refuse: %(campaigns)s"),
    ),
    "converted": (
        _l("bought within 72 hours"),
        _l("Bought after %(campaigns)s"),
        _l("Received, but did not buy: %(campaigns)s"),
    ),
    "failed": (
        _l("could not be reached"),
        _l("Not reached by %(campaigns)s"),
        _l("Sent without failing: %(campaigns)s"),
    ),
}


class CampaignForm(LeafForm):
    """Outcome, which campaigns, when."""

    structural = ("which",)

    outcome = SelectField(_l("What became of it"), validate_choice=False)
    did_not = BooleanField(_l("did not"))
    which = SelectField(_l("Campaigns"), validate_choice=False)
    campaign = SelectMultipleField(_l("Campaign"), validate_choice=False, coerce=str)
    last = StringField(_l("The last"), description=_l("campaigns"), render_kw={"type": "number", "min": 1})
    match = SelectField(_l("Any or all"), validate_choice=False)
    within_days = StringField(
        _l("Within the last days"),
        description=_l("days"),
        render_kw={"type": "number", "min": 0, "placeholder": _l("any")},
    )

    def __init__(self, formdata=None, prefix="", data=None, **kw):
        given = dict(data or {})
        if given.get("campaign") not in (None, "", []):
            ids = given["campaign"]
            given["campaign"] = [str(one) for one in (ids if isinstance(ids, list | tuple) else [ids])]
        super().__init__(formdata, prefix=prefix, data=given, **kw)

    def bind(self, ctx):
        self.outcome.choices = [SelectChoice(key, str(words[0])) for key, words in OUTCOMES.items()]
        kinds = {"all": _("any campaign"), "campaign": _("these campaigns"), "last": _("the last campaigns")}
        if self.which.data not in kinds:
            self.which.data = "last" if self.last.data else "campaign" if self.campaign.data else "all"
        self.which.choices = [SelectChoice(*pair) for pair in kinds.items()]
        self.campaign.choices = [SelectChoice(str(number), name) for number, name in ctx.campaigns.items()]
        self.match.choices = [SelectChoice("any", _("any of them")), SelectChoice("all", _("all of them"))]
        for key in ("campaign", "last"):
            if key != self.which.data:
                del self[key]

    def params(self):
        made = super().params()
        made.pop("which", None)
        if "campaign" in made:
            made["campaign"] = [int(one) for one in made["campaign"] if one.isdecimal()]
        return {key: value for key, value in made.items() if value not in (False, "any")}

    @classmethod
    def menu(cls, ctx):
        return [(str(words[0]), {"outcome": key}) for key, words in OUTCOMES.items()] if ctx.campaigns else []


class Outcome(Segmenter):
    """What became of campaigns."""

    name = "campaign"
    title = "Campaigns"
    Form = CampaignForm

    def where(self, params, ctx):
        """Raises `Refusal` for campaigns never launched, unknown outcomes, numbers that are none."""
        ids, every, outcome, did_not, since = _read(params, ctx)
        if not ids:
            return complement(NOBODY) if did_not and outcome == "received" else NOBODY
        groups = [[one] for one in ids] if every else [ids]
        return reduce(and_, (outcomes.people(group, outcome, did_not, since, ctx) for group in groups))

    def describe(self, params, ctx):
        ids, every, outcome, did_not, _since = _read(params, ctx)
        names = [f"“{ctx.campaigns[one]}”" for one in ids]
        if params.get("last"):
            which = _n("the last %(n)s campaign", "the last %(n)s campaigns", int(float(params["last"])))
            which = _("all of %(campaigns)s", campaigns=which) if every else which
        elif params.get("campaign") in (None, "", []):
            which = _("every campaign") if every else _("any campaign")
        else:
            which = _(", ").join(names) if every else listed(names)
        said = str(OUTCOMES[outcome][2 if did_not else 1]) % {"campaigns": which}
        days = params.get("within_days")
        if days in (None, ""):
            return said
        n = read_param("date", "within_days", days, "within_days")
        more = _n("within the last %(n)s day", "within the last %(n)s days", n)
        return _("%(label)s (%(more)s)", label=said, more=more)

    def explain(self, contact, params, ctx):
        ids, _every, outcome, _did_not, since = _read(params, ctx)
        mine = (Message.contact_id == contact["id"]) & Message.campaign_id.in_(ids)
        rows = list(Message.select().where(mine).order_by(Message.id.desc()).limit(3)) if ids else []
        if not rows:
            return _("No text of these campaigns")
        happened = {
            one.id for one in Message.select(Message.id).where(mine & outcomes.happened(outcome, since))
        }
        said = [
            _("“%(name)s” on %(day)s: %(state)s", name=ctx.campaigns[row.campaign_id], day=_day(row.submitted_at, ctx),
              state=_state(row.state)) + (" ✓" if row.id in happened else "")
            for row in rows
        ]  # fmt: skip
        return _("; ").join(said)


def _read(params, ctx):
    """(campaign ids, all of them?, outcome, did not?, outcomes since)."""
    check_names(params, "campaign", "last", "match", "outcome", "did_not", "within_days")
    outcome, match = params.get("outcome") or "received", params.get("match") or "any"
    for key, value, known in (("outcome", outcome, OUTCOMES), ("match", match, ("any", "all"))):
        if not isinstance(value, str) or value not in known:
            raise Refusal(
                _("%(field)s is %(value)s; it is one of %(known)s.",
                  field=key, value=repr(value), known=", ".join(known)), field=key,
            )  # fmt: skip
    days = params.get("within_days")
    since = (
        None
        if days in (None, "")
        else ctx.now_ms - read_param("date", "within_days", days, "within_days") * DAY_MS
    )
    return _ids(params, ctx), match == "all", outcome, bool(params.get("did_not")), since


def _ids(params, ctx) -> list[int]:
    last, given = params.get("last"), params.get("campaign")
    if last not in (None, ""):
        n = read_param("number", "eq", last, "last")
        if n != int(n) or n < 1:
            raise Refusal(
                _("last is %(value)s; it takes a whole number from 1 on.", value=shown(n)), field="last"
            )
        return list(ctx.campaigns)[: int(n)]
    if given in (None, "", []):
        return list(ctx.campaigns)
    ids = []
    for one in given if isinstance(given, list | tuple) else [given]:
        known = isinstance(one, str | int | float) and not isinstance(one, bool) and str(one).isdecimal()
        if not known or int(one) not in ctx.campaigns:
            raise unknown("campaign", one, [str(number) for number in ctx.campaigns])
        ids.append(int(one))
    return list(dict.fromkeys(ids))


def _state(code: int) -> str:
    return _("kept aside") if code == State.holdout else _(State(code).name.replace("_", " "))


def _day(ms: int | None, ctx) -> str:
    return shown(from_ms(ms).astimezone(ctx.zone).date()) if ms else "–"


@hookimpl
def register_segmenters():
    return [Outcome]
