"""Who of an audience is texted, who is not and why, who is kept aside, and who gets which variant.

One SELECT says it for every contact; the dry run counts it, expansion stores it, so the two cannot differ.
Each person is counted once, under the first reason that holds:

landline        a fixed line cannot take a text (not asked for class voice)
suppressed      the number is on the list never to text
no_consent      a marketing class without consent, or opted out
topic           opted out of the campaign's topic (only where it has one)
outside_hours   no minute of the coming days is allowed in the country
too_late        no minute before the campaign's end is allowed in the country
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.audience import segments, topics
from core.audience.segments import rules as trees
from core.content import languages
from core.contract.errors import Refusal
from core.db import classes, database
from core.db.codes import Cls, LineType, State
from core.db.models import Campaign, Segment
from core.i18n import _
from core.sending import drafts, draw, options
from core.timing import hours

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Reasons a contact is skipped at expansion, in the order they are asked.
REASONS = ("landline", "suppressed", "no_consent", "topic", "outside_hours", "too_late")


@dataclass(frozen=True, slots=True)
class Start:
    """When each country's texts may begin: `at` for most, others in `later`; `never` has no allowed hour, `late` none
    before the campaign's end."""

    at: int
    later: dict[int, tuple[str, ...]]
    never: tuple[str, ...]
    late: tuple[str, ...] = ()


def starts(rt: Runtime, campaign: Campaign, at: int) -> Start:
    """Work out the first allowed instant of every country that has contacts, from `at` (epoch ms) on."""
    cls, end = Cls(campaign.cls), campaign.not_after
    if hours.unrestricted(cls) or not options.read(campaign.options).quiet_hours:
        return Start(at, {}, (), tuple(countries()) if end and at >= end else ())
    later: dict[int, list[str]] = defaultdict(list)
    never, late = [], []
    for country in countries():
        first = hours.next_allowed(rt, cls, country, at)
        if first is None:
            never.append(country)
        elif end and first >= end:
            late.append(country)
        elif first > at:
            later[first].append(country)
    return Start(at, {when: tuple(them) for when, them in sorted(later.items())}, tuple(never), tuple(late))


#: Contact ids grouped at a time: a million at once would hold them all in the sorter, 50 MB.
REACH_CHUNK = 100_000


def countries() -> list[str]:
    """ISO countries of the contacts, with '' where it is not known."""
    return sorted(country or "" for (country,) in database.query("SELECT DISTINCT country FROM profile"))


def rule_of(campaign: Campaign) -> Any:
    """The audience rule: frozen after the launch, that of the segment before.  Raises `Refusal`."""
    if campaign.rule:
        return trees.parse(json.loads(campaign.rule), trees.WHOLE)
    segment = Segment.get_or_none(Segment.id == campaign.segment_id)
    if segment is None:
        raise Refusal(_("The campaign has no audience yet; choose a segment."), field="segment")
    return json.loads(segment.rule)


@dataclass(frozen=True, slots=True)
class Reach:
    """People who may be texted, before any are kept aside: `total`, and the countries each text is read in.

    `countries` maps (variant, language of the text) to ISO countries.
    """

    total: int
    countries: dict[tuple[int, str], frozenset[str]]


def reach(rt: Runtime, campaign: Campaign) -> Reach:
    """Who may be texted with which words: one scan of `profile`, in ranges."""
    inner, params = select_sql(rt, campaign)
    texts, default = drafts.texts(campaign), drafts.default_langs(campaign.id)
    sql = (
        f"SELECT variant, language, country, COUNT(*) FROM ({inner}) AS person WHERE why IS NULL "
        "GROUP BY variant, language, country"
    )
    total, last = 0, last_contact()
    read_in: dict[tuple[int, str], set[str]] = defaultdict(set)
    for lo in range(0, last, REACH_CHUNK):
        for variant, language, country, n in database.query(sql, [*params, lo, min(lo + REACH_CHUNK, last)]):
            total += n
            if variant in texts:
                lang = languages.pick_language(texts[variant], language, default.get(variant, ""))
                read_in[variant, lang].add(country)
    return Reach(total, {key: frozenset(found) for key, found in read_in.items()})


def last_contact() -> int:
    """The highest contact id, 0 without contacts."""
    return database.scalar("SELECT COALESCE(MAX(contact_id), 0) FROM profile")


def _names(values: Sequence[str]) -> str:
    """ISO codes as an SQL list; they come from our own tables, and anything else is refused."""
    if any(len(value) > 3 or not value.isalnum() for value in values if value):
        raise ValueError(f"not ISO countries: {values}")
    return ", ".join(f"'{value}'" for value in values)


def topic_of(campaign: Campaign) -> int:
    """The id of the campaign's topic, 0 without one.  Raises `Refusal` for one of another class."""
    key = options.read(campaign.options).topic
    if not key:
        return 0
    topic = topics.get(key)
    if topic.cls != campaign.cls:
        raise Refusal(
            _("Topic “%(key)s” is of class %(its)s, the campaign of %(cls)s; choose another topic.",
              key=key, its=topic.cls.name, cls=Cls(campaign.cls).name),
            field="topic",
        )  # fmt: skip
    return topic.id


def why_sql(cls: Cls, start: Start | None = None, topic_id: int = 0) -> str:
    """CASE expression over `profile`: the reason a contact is skipped, or NULL."""
    whens = []
    if cls is not Cls.voice:
        whens.append(f"WHEN profile.line_type = {LineType.fixed.value} THEN 'landline'")
    whens.append(f"WHEN (profile.blocked_bits & {cls.bit}) <> 0 THEN 'suppressed'")
    if classes.of(cls).consent:
        whens.append(f"WHEN (profile.consent_bits & {cls.bit}) = 0 THEN 'no_consent'")
    if topic_id:
        out = f"t.topic_id = {int(topic_id)} AND t.contact_id = profile.contact_id AND t.out = 1"
        whens.append(f"WHEN EXISTS (SELECT 1 FROM contact_topic t WHERE {out}) THEN 'topic'")
    for reason, them in (("outside_hours", start.never), ("too_late", start.late)) if start else ():
        if them:
            whens.append(f"WHEN profile.country IN ({_names(them)}) THEN '{reason}'")
    return f"CASE {' '.join(whens)} END"


def select_sql(
    rt: Runtime, campaign: Campaign, start: Start | None = None, *, rule: Any = None, at_ms: int | None = None
) -> tuple[str, list[Any]]:
    """(SQL, params) of the people with contact ids in (?, ?], the last two params; see the columns below."""
    cls = Cls(campaign.cls)
    where, params = segments.where_sql(rt, rule_of(campaign) if rule is None else rule, at_ms=at_ms)
    arms = drafts.variants(campaign.id)
    variant = (
        draw.pick_sql(campaign.salt, "profile.contact_id", [a.weight for a in arms], [a.idx for a in arms])
        if arms
        else "0"
    )
    lot = draw.sql(campaign.salt, draw.HOLDOUT, "profile.contact_id") if campaign.holdout_bp else draw.SCALE
    sql = (
        f"SELECT profile.contact_id AS contact_id, profile.country AS country, profile.language AS language, "  # noqa: S608, E501
        f"{why_sql(cls, start, topic_of(campaign))} AS why, {lot} AS lot, {variant} AS variant, "
        "profile.last_sent_at AS last_sent_at "
        f"FROM profile WHERE ({where}) AND profile.contact_id > ? AND profile.contact_id <= ?"
    )
    return sql, params


def state_sql(holdout_bp: int) -> str:
    """CASE expression over the columns of `select_sql`: the state a new message starts in."""
    kept = f"WHEN lot < {holdout_bp} THEN {State.holdout.value} " if holdout_bp else ""
    return f"CASE WHEN why IS NOT NULL THEN {State.skipped.value} {kept}ELSE {State.ready.value} END"


def not_before_sql(start: Start) -> str:
    """CASE expression over the column country: when a message may leave."""
    whens = " ".join(f"WHEN country IN ({_names(them)}) THEN {when}" for when, them in start.later.items())
    return f"CASE {whens} ELSE {start.at} END" if whens else str(start.at)
