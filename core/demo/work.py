"""What the demo's marketer made: segments, templates and two campaigns that really run."""

from __future__ import annotations

from core import clock
from core.audience.labelling import rules, running
from core.audience.labelling.ready import READY
from core.audience.segments import store
from core.content import templates as words
from core.db.models import Account
from core.runtime import Runtime
from core.sending import accounts, batch, drafts, expand, launch, leases, receipts

SHOP = {"en": "Kola", "zh": "可乐店"}
_MARKETING_OUT = {"en": " Reply STOP to opt out", "zh": " 拒收请回复R"}

#: Name → (class, English, Chinese).
TEMPLATES = {
    "Weekend offer": (
        "mass",
        "Kola: {{honorific}}, 20% off everything this weekend: https://kola.example/weekend",
        "【可乐店】{{honorific}}，本周末全场八折：https://kola.example/weekend",
    ),
    "New arrivals": (
        "mass",
        'Kola: {{first_name|default:"hello"}}, the winter range is here: https://kola.example/winter Returns are free.',
        "【可乐店】{{honorific}}，冬季新品已上架：https://kola.example/winter 免费退换。",
    ),
    "Birthday": (
        "mass",
        'Kola: happy birthday, {{first_name|default:"dear customer"}}! A gift waits for you in the shop this week.',
        "【可乐店】{{honorific}}，生日快乐！本周到店可领取生日礼一份。",
    ),
    "Order on its way": (
        "notice",
        "Kola: {{honorific}}, your order left our store and arrives within two days.",
        "【可乐店】{{honorific}}，您的订单已发出，两天内送达。",
    ),
}

SEGMENTS = {
    "Everyone who agreed": {"all": [{"segmenter": "consent", "class": "mass", "state": "yes"}]},
    "Gold customers": {"all": [{"segmenter": "attribute", "field": "tier", "op": "eq", "value": "gold"}]},
    "Shanghai or Hangzhou, likes skin care": {
        "all": [
            {"segmenter": "attribute", "field": "city", "op": "in", "value": ["上海", "杭州"]},
            {"segmenter": "label", "label": "Likes: 护肤"},
        ]
    },
    "Good customers who went silent": {
        "all": [
            {"segmenter": "label", "label": "Sleeping 90 days"},
            {
                "any": [
                    {"segmenter": "attribute", "field": "spent", "op": "gte", "value": 300},
                    {"segmenter": "label", "label": "VIP: top spender"},
                ]
            },
        ]
    },
}


def label_rules(rt: Runtime) -> None:
    """The ready-made rules, switched on and run once."""
    for ready in READY:
        rules.create(
            rt, rules.checked(rt, str(ready.label), ready.kind, ready.params, ready.keep_days), "demo"
        )
    running.full(rt)


def segments(rt: Runtime) -> dict[str, int]:
    """Saved segments: name → id."""
    made = {name: store.save(rt, name, rule, "demo") for name, rule in SEGMENTS.items()}
    for segment in made.values():
        store.recount(rt, segment)
    return {name: segment.id for name, segment in made.items()}


def templates(rt: Runtime) -> dict[str, int]:
    """Templates in two languages: name → id."""
    made = {}
    for name, (cls, english, chinese) in TEMPLATES.items():
        way_out = _MARKETING_OUT if cls == "mass" else {"en": "", "zh": ""}
        bodies = {"en": english + way_out["en"], "zh_Hans": chinese + way_out["zh"]}
        made[name] = words.create(rt, name, cls, bodies, "demo", "en")
    return made


def sent_campaign(rt: Runtime, by: Account, segment_id: int, template_id: int) -> int:
    """Launch a campaign and send it from this process; returns its id."""
    campaign_id = _launched(rt, "Weekend 20 % off", by, segment_id, template_id, holdout_bp=500)
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
    return _launched(rt, "New winter range", by, segment_id, template_id, holdout_bp=500, rate="3")


def _launched(
    rt: Runtime, name: str, by: Account, segment_id: int, template_id: int, *, holdout_bp: int, rate: str = ""
) -> int:
    options = {"quiet_hours": "off"} | ({"rate": rate} if rate else {})
    campaign_id = drafts.add(
        rt, name=name, who="demo", segment_id=segment_id, account_id=by.id, holdout_bp=holdout_bp,
        templates=[(template_id, 10_000)], options=options,
    )  # fmt: skip
    launch.launch(rt, campaign_id, "demo")
    expand.run(rt, campaign_id)
    return campaign_id
