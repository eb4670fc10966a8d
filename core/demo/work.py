"""What the demo's marketer made: segments, templates, and campaigns of today and tomorrow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from core import clock
from core.audience.labelling import rulelabels, rules, running
from core.audience.labelling.ready import READY
from core.audience.segments import growth, store
from core.content import templates as texts
from core.db import database
from core.db.models import Account, Segment
from core.demo import people, words
from core.demo.past import ZONE
from core.i18n import _, _l, language
from core.runtime import Runtime
from core.sending import accounts, approval, batch, checking, drafts, expand, launch, leases, receipts

_MARKETING_OUT = {"en": " Reply STOP to opt out", "zh": " 拒收请回复R"}

OFFER, NEWS, FIRST_LOOK, LAST_DAYS, BIRTHDAY, ORDER = (
    "offer",
    "news",
    "first look",
    "last days",
    "birthday",
    "order",
)
#: Template → (name, class, English, Chinese).
TEMPLATES = {
    OFFER: (
        _l("Weekend offer"), "mass",
        "Kola: {{honorific}}, 20% off everything this weekend: https://kola.example/weekend",
        "【可乐店】{{honorific}}，本周末全场八折：https://kola.example/weekend",
    ),
    NEWS: (
        _l("New arrivals"), "mass",
        'Kola: {{first_name|default:"hello"}}, the new range is here: https://kola.example/new Returns are free.',
        "【可乐店】{{honorific}}，新品已上架：https://kola.example/new 免费退换。",
    ),
    FIRST_LOOK: (
        _l("Preview: a first look"), "mass",
        'Kola: {{first_name|default:"hello"}}, see the new range two days before anyone else: https://kola.example/first',
        "【可乐店】{{honorific}}，新品提前两天向您开放：https://kola.example/first",
    ),
    LAST_DAYS: (
        _l("Preview: hurry"), "mass",
        "Kola: hurry! Only two days, buy before others do: https://kola.example/first",
        "【可乐店】仅剩两天！抢先购买新品：https://kola.example/first",
    ),
    BIRTHDAY: (
        _l("Birthday wishes"), "mass",
        'Kola: happy birthday, {{first_name|default:"dear customer"}}! A gift waits for you in the shop this week.',
        "【可乐店】{{honorific}}，生日快乐！本周到店可领取生日礼一份。",
    ),
    ORDER: (
        _l("Order on its way"), "notice",
        "Kola: {{honorific}}, your order left our store and arrives within two days.",
        "【可乐店】{{honorific}}，您的订单已发出，两天内送达。",
    ),
}  # fmt: skip
#: How a template read at first, in English and Chinese.
_AT_FIRST = {
    OFFER: (
        "Kola: 20% off everything this weekend: https://kola.example/weekend",
        "【可乐店】本周末全场八折：https://kola.example/weekend",
    ),
}

EVERYONE, GOLD, BEAUTY, SILENT, BIRTHDAYS = "everyone", "gold", "beauty", "silent", "birthdays"
SEGMENTS = {
    EVERYONE: _l("Everyone who agreed"),
    GOLD: _l("Gold customers"),
    BEAUTY: _l("Shanghai or Hangzhou, likes skin care"),
    SILENT: _l("Good customers who went silent"),
    BIRTHDAYS: _l("Birthday this week"),
}


def label_rules(rt: Runtime) -> dict[str, str]:
    """The ready-made rules, switched on and run once; {rule: name of its label}, of interests that of skin care."""
    skin_care = database.scalar("SELECT id FROM category WHERE name = ?", ("护肤",))
    made = {}
    for ready in READY:
        checked = rules.checked(rt, str(ready.label), ready.kind, ready.params, ready.keep_days)
        rule = rules.create(rt, checked, words.who())
        value = skin_care if rule.per_value else 0
        with database.write_tx():
            rulelabels.complete(rule, [value])
        made[ready.key] = rulelabels.names(rule, [value])[value]
    running.full(rt)
    return made


def _rules(label: dict[str, str]) -> dict[str, dict[str, Any]]:
    def of(key: str) -> dict[str, str]:
        return {"segmenter": "label", "label": label[key]}

    def field(name: str, op: str, value: Any) -> dict[str, Any]:
        return {"segmenter": "attribute", "field": name, "op": op, "value": value}

    return {
        EVERYONE: {"all": [{"segmenter": "consent", "class": "mass", "state": "yes"}]},
        GOLD: {"all": [field("tier", "eq", str(people.GOLD))]},
        BEAUTY: {
            "all": [
                field("city", "in", ["上海", "杭州"]),
                {"any": [of("interest"), field("first category", "in", ["护肤", "彩妆"])]},
            ]
        },
        SILENT: {"all": [of("sleeping"), {"any": [field("spent", "gte", 300), of("top-spender")]}]},
        # Today and six days more: nobody is wished well in two weeks.
        BIRTHDAYS: {"all": [{"segmenter": "birthday", "within_days": 6}]},
    }


def segment(rt: Runtime, key: str, label: dict[str, str]) -> int:
    """Save a segment by its rule over these labels; its id."""
    return store.save(rt, str(SEGMENTS[key]), _rules(label)[key], words.who()).id


def night(rt: Runtime, *, labels: bool) -> None:
    """What a night does: labels by rule, then how many are in each segment, and who joined and left."""
    if labels:
        running.full(rt)
    for segment in Segment.select().order_by(Segment.id):
        growth.record(rt, segment.id)


def recount(rt: Runtime) -> None:
    """The labels and the figures of the lists as they are now."""
    running.full(rt)
    for segment in Segment.select().order_by(Segment.id):
        store.recount(rt, segment)


def template(rt: Runtime, key: str) -> int:
    """Write a template in two languages, as it read at first; its id."""
    name, cls, *said = TEMPLATES[key]
    default = "zh-Hans" if language() == "zh_Hans" else "en"
    return texts.create(rt, str(name), cls, _bodies(cls, *_AT_FIRST.get(key, said)), words.who(), default)


def reworded(rt: Runtime, ids: dict[str, int]) -> None:
    """The texts that were changed meanwhile: a new version of each."""
    for key in _AT_FIRST:
        _name, cls, *said = TEMPLATES[key]
        texts.edit(rt, ids[key], words.who(), bodies=_bodies(cls, *said))


def _bodies(cls: str, english: str, chinese: str) -> dict[str, str]:
    way_out = _MARKETING_OUT if cls == "mass" else {"en": "", "zh": ""}
    return {"en": english + way_out["en"], "zh_Hans": chinese + way_out["zh"]}


def ahead(
    rt: Runtime, account: Account, segment: dict[str, int], template: dict[str, int], tomorrow: int
) -> list[int]:
    """What is to come: a draft, a campaign that waits for somebody's approval, one that starts `tomorrow` (epoch ms).

    Returns the first two, which are not launched.
    """
    draft = drafts.add(
        rt, name=_("Thank you, gold customers"), who=words.who(), segment_id=segment[GOLD], account_id=account.id,
        holdout_bp=1_000, templates=[(template[OFFER], 10_000)],
    )  # fmt: skip
    asked = drafts.add(
        rt, name=_("Anniversary"), who=words.who(), segment_id=segment[EVERYONE], account_id=account.id,
        holdout_bp=500, templates=[(template[OFFER], 5_000), (template[NEWS], 5_000)],
    )  # fmt: skip
    approval.ask(rt, asked, words.who())
    planned = drafts.add(
        rt, name=_("New for skin care"), who=words.who(), segment_id=segment[BEAUTY], account_id=account.id,
        templates=[(template[NEWS], 10_000)], options={"zone": ZONE, "approve": "off"},
        at=f"{clock.from_ms(tomorrow).astimezone(ZoneInfo(ZONE)):%Y-%m-%dT%H:%M}",
    )  # fmt: skip
    launch.launch(rt, planned, words.who())
    return [draft, asked]


def check(rt: Runtime, campaign_ids: Sequence[int]) -> None:
    """Count out what these would do now, as their pages would when they are opened."""
    for campaign_id in campaign_ids:
        checking.run(rt, campaign_id)


def sent_campaign(rt: Runtime, by: Account, segment_id: int, template_id: int) -> int:
    """Launch a campaign and send it from this process; returns its id."""
    campaign_id = _launched(rt, _("Weekend 20 % off"), by, segment_id, template_id)
    worker = leases.start(rt, beating=False)
    try:
        while batch.send(rt, campaign_id):
            clock.sleep(0.01)
    finally:
        accounts.close_providers(rt)
        leases.end(rt, worker)
    receipts.apply(rt)
    return campaign_id


def running_campaign(rt: Runtime, by: Account, segment_id: int, template_id: int) -> int:
    """Launch a slow campaign that workers go on sending; returns its id."""
    return _launched(rt, _("New this week"), by, segment_id, template_id, rate="3")


def _launched(rt: Runtime, name: str, by: Account, segment_id: int, template_id: int, **options: str) -> int:
    campaign_id = drafts.add(
        rt, name=name, who=words.who(), segment_id=segment_id, account_id=by.id, holdout_bp=500,
        templates=[(template_id, 10_000)], options={"quiet_hours": "off", "approve": "off", **options},
    )  # fmt: skip
    launch.launch(rt, campaign_id, words.who())
    expand.run(rt, campaign_id)
    return campaign_id
