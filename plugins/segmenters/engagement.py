"""`engagement`: how lately the contact reacted.

    {"segmenter": "engagement", "level": "cooling"}      {"segmenter": "engagement", "level": ["new", "active"]}

A reaction is a click, a reply or a purchase.  Everyone has exactly one level:

    active     the last reaction is at most 30 days old
    cooling    31 to 90 days
    sleeping   more than 90 days
    new        no reaction yet, added within the last 30 days
    never      no reaction yet, added before that, texted at least once
    untouched  no reaction yet, added before that, never texted
"""

from wtforms import SelectMultipleField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments.context import check_names
from core.audience.segments.leafform import LeafForm
from core.audience.segments.logic import among, complement
from core.audience.segments.words import listed, shown
from core.clock import DAY_MS, from_ms
from core.contract.errors import Refusal
from core.db.codes import EventType
from core.db.models import EventStat, Profile
from core.i18n import _, _l

FRESH_DAYS, LATE_DAYS = 30, 90
REACTIONS = (EventType.purchase, EventType.reply, EventType.click)
LEVELS = {
    "active": _l("active: reacted within 30 days"),
    "cooling": _l("cooling: 31 to 90 days ago"),
    "sleeping": _l("sleeping: more than 90 days ago"),
    "new": _l("new: added within 30 days, no reaction yet"),
    "never": _l("texted, but never reacted"),
    "untouched": _l("never texted and never reacted"),
}


class EngagementForm(LeafForm):
    """Which levels."""

    level = SelectMultipleField(_l("Level"), validate_choice=False)

    def bind(self, ctx):
        self.level.choices = [SelectChoice(key, str(words)) for key, words in LEVELS.items()]

    @classmethod
    def menu(cls, ctx):
        return [(str(words), {"level": [key]}) for key, words in LEVELS.items()]


class Engagement(Segmenter):
    """How lately they reacted."""

    name = "engagement"
    title = "Engagement"
    Form = EngagementForm

    def where(self, params, ctx):
        """Raises `Refusal` for a level that is none."""
        made = None
        for level in _read(params):
            made = self._level(level, ctx) if made is None else made | self._level(level, ctx)
        return made

    @staticmethod
    def _level(level: str, ctx):
        fresh, late = (ctx.now_ms - days * DAY_MS for days in (FRESH_DAYS, LATE_DAYS))
        if level == "active":
            return _since(fresh, ctx)
        if level == "cooling":
            return _since(late, ctx) & complement(_since(fresh, ctx))
        if level == "sleeping":
            return _since(0, ctx) & complement(_since(late, ctx))
        never = complement(_since(0, ctx))
        if level == "new":
            return (Profile.created_at >= fresh) & never
        texted = Profile.last_sent_at > 0
        return (Profile.created_at < fresh) & (texted if level == "never" else ~texted) & never

    def describe(self, params, ctx):
        return _("Engagement: %(levels)s", levels=listed([str(LEVELS[level]) for level in _read(params)]))

    def explain(self, contact, params, ctx):
        rows = EventStat.select(EventStat.at1).where(
            (EventStat.contact_id == contact["id"]) & EventStat.type.in_(REACTIONS)
        )
        latest = max((at for (at,) in rows.tuples()), default=None)
        if latest is not None:
            return _("Reacted last on %(day)s", day=shown(from_ms(latest).astimezone(ctx.zone).date()))
        if contact["last_sent_at"]:
            day = from_ms(contact["last_sent_at"]).astimezone(ctx.zone).date()
            return _("Texted last on %(day)s, never reacted", day=shown(day))
        return _("Never texted and never reacted")


def _since(at_ms: int, ctx):
    """People with a reaction since then."""
    return among(EventStat, EventStat.type.in_(REACTIONS) & (EventStat.at1 >= at_ms), ctx)


def _read(params) -> list[str]:
    check_names(params, "level")
    level = params.get("level")
    levels = level if isinstance(level, list | tuple) else [level]
    if not levels or any(not isinstance(item, str) or item not in LEVELS for item in levels):
        raise Refusal(
            _(
                "level is %(value)s; it is one or several of %(known)s.",
                value=repr(level),
                known=", ".join(LEVELS),
            ),
            field="level",
        )
    return list(dict.fromkeys(levels))


@hookimpl
def register_segmenters():
    return [Engagement]
