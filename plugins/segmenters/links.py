"""`link`: the contact followed a link of a campaign.

    {"segmenter": "link", "campaign": 12, "link": 0}
    {"segmenter": "link", "link": "/sale", "within_days": 30}
    {"segmenter": "link", "campaign": 12, "link": "/sale", "clicked": false}

`link` is the number of the link in the campaign (0 is the first), a part of its address, or nothing for any web
link.  Only clicks of people count (core.db.codes.ClickKind).  `clicked: false` means people who received the
campaign and did not follow the link; without a campaign, simply everyone else.
"""

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import spans
from core.audience.segments.context import check_names, unknown
from core.audience.segments.logic import among, complement
from core.audience.segments.words import clauses, shown
from core.clock import from_ms
from core.contract.errors import Refusal
from core.db import text as sql_text
from core.db.codes import State
from core.db.models import Clicked, Link, Message
from core.i18n import _, _l

_RECEIVED = (State.accepted, State.delivered)


class LinkForm(spans.SpanForm):
    """Which link, followed or not, when."""

    structural = ("when",)

    clicked = SelectField(_l("Clicked"), validate_choice=False)
    campaign = SelectField(_l("Campaign"), validate_choice=False)
    link = StringField(_l("Link"), render_kw={"placeholder": _l("part of the address, or number: any")})

    def bind(self, ctx):
        super().bind(ctx)
        self.clicked.choices = [SelectChoice("yes", _("clicked")), SelectChoice("no", _("did not click"))]
        if self.clicked.data not in ("yes", "no"):
            self.clicked.data = "no" if self.clicked.data in (False, "False") else "yes"
        self.campaign.choices = [SelectChoice("", _("any campaign"))]
        self.campaign.choices += [SelectChoice(str(number), name) for number, name in ctx.campaigns.items()]
        self.campaign.data = str(self.campaign.data or "")

    def params(self):
        made = super().params()
        if str(made.get("campaign", "")).isdecimal():
            made["campaign"] = int(made["campaign"])
        return {key: value for key, value in made.items() if key != "clicked"} | (
            {"clicked": False} if made.get("clicked") == "no" else {}
        )

    @classmethod
    def menu(cls, ctx):
        return (
            [(_("Clicked a link"), {}), (_("Did not click a link"), {"clicked": False})]
            if ctx.campaigns
            else []
        )


class Followed(Segmenter):
    """Links people followed."""

    name = "link"
    title = "Links"
    Form = LinkForm

    def where(self, params, ctx):
        """Raises `Refusal` for campaigns never launched and links that are none."""
        campaign, link, clicked = _read(params, ctx)
        made = among(Clicked, _clicks(campaign, link) & spans.read(params, ctx).holds(Clicked.last_at), ctx)
        if clicked:
            return made
        if campaign is None:
            return complement(made)
        received = (Message.campaign_id == campaign) & Message.state.in_(_RECEIVED)
        return among(Message, received, ctx) & complement(made)

    def describe(self, params, ctx):
        campaign, link, clicked = _read(params, ctx)
        which = (
            _("any link")
            if link is None
            else _("link %(n)s", n=link + 1)
            if isinstance(link, int)
            else _("a link with “%(text)s”", text=link)
        )
        said = _("Clicked %(link)s", link=which) if clicked else _("Did not click %(link)s", link=which)
        parts = [_("campaign “%(name)s”", name=ctx.campaigns[campaign])] if campaign is not None else []
        more = clauses([*parts, spans.read(params, ctx).words])
        return _("%(label)s (%(more)s)", label=said, more=more) if more else said

    def explain(self, contact, params, ctx):
        campaign, link, _clicked = _read(params, ctx)
        mine = (Clicked.contact_id == contact["id"]) & _clicks(campaign, link)
        row = Clicked.select().where(mine).order_by(Clicked.last_at.desc()).first()
        if row is None:
            return _("Followed no such link")
        found = Link.get_or_none(Link.id == row.link_id)
        day = shown(from_ms(row.last_at).astimezone(ctx.zone).date())
        return _("Followed %(link)s last on %(day)s", link=found.url if found else _("a link"), day=day)


def _clicks(campaign: int | None, link: int | str | None):
    """The condition over `Clicked` that it is of this campaign and link."""
    wanted = Link.kind == "web"
    if campaign is not None:
        wanted &= Link.campaign_id == campaign
    if isinstance(link, int):
        wanted &= Link.idx == link
    elif link is not None:
        wanted &= sql_text.contains(Link.url, link)
    made = Clicked.link_id.in_(Link.select(Link.id).where(wanted))
    return made if campaign is None else made & (Clicked.campaign_id == campaign)


def _read(params, ctx):
    """(campaign or None, number or part of the address or None, followed?)."""
    check_names(params, "campaign", "link", "clicked", *spans.KEYS)
    campaign, link, clicked = params.get("campaign"), params.get("link"), params.get("clicked", True)
    if campaign in (None, ""):
        campaign = None
    elif isinstance(campaign, bool) or not str(campaign).isdecimal() or int(campaign) not in ctx.campaigns:
        raise unknown("campaign", campaign, [str(number) for number in ctx.campaigns])
    else:
        campaign = int(campaign)
    if link in (None, ""):
        link = None
    elif isinstance(link, str) and link.strip().isdecimal():
        link = int(link)
    elif isinstance(link, bool) or not isinstance(link, str | int) or (isinstance(link, int) and link < 0):
        raise Refusal(
            _("link is %(value)s; it takes a number or a part of an address.", value=repr(link)), field="link"
        )
    if isinstance(clicked, str):
        clicked = {"yes": True, "true": True, "no": False, "false": False}.get(clicked.lower())
    if not isinstance(clicked, bool):
        raise Refusal(_("clicked takes yes or no."), field="clicked")
    return campaign, link, clicked


@hookimpl
def register_segmenters():
    return [Followed]
