"""The builder keeps lines of events, campaigns, places … as they are, says them, and refuses nonsense kindly."""

import json

import pytest

from core import clock, i18n
from core.audience import labels, segments
from core.audience.segments import store
from core.contract.errors import Refusal
from core.contract.testing import check_segmenter
from core.db import settings
from core.db.models import Segment
from tests.segment_form import posted
from tests.segment_life import life_world, lives
from tests.segment_people import add, crowd, world

NOW_MS = 1_795_000_000_123


@pytest.fixture
def people(app, rt_sqlite, monkeypatch):
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    settings.put("currency", "CNY")
    world()
    life_world(NOW_MS)
    made = {add(rt_sqlite, person, i): person for i, person in enumerate(crowd(8, NOW_MS), 1)}
    for contact_id, person in made.items():
        person["id"] = contact_id
    lives(made, NOW_MS)
    return made


def e(kind, **params):
    return {"segmenter": "event", "type": kind, **params}


#: rule → what it says in English, in Chinese
RULES = [
    (
        e("purchase", op="did"),
        "Purchase: at least once",
        "购买：至少一次",
    ),
    (
        e("purchase", op="count", at_least=2, within_days=90),
        "Purchase: at least 2 times, within the last 90 days",
        "购买：至少 2 次，最近 90 天内",
    ),
    (
        e("view", op="did_not", before_days=7),
        "View: not once, more than 7 days ago",
        "浏览：一次也没有，7 天以前",
    ),
    (
        e("purchase", op="sum", at_least=10, at_most=99.5),
        "Purchase: at least CN¥10.00, at most CN¥99.50",
        "购买：至少 ¥10.00，至多 ¥99.50",
    ),
    (
        e("purchase", op="last", within_days=180, before_days=90),
        "Purchase: for the last time, 180 to 90 days ago",
        "购买：最近一次，180 至 90 天前",
    ),
    (
        e("view", op="first", since="2026-10-01", until="2026-10-31", item=["SKU1", "SKU2"]),
        "View: for the first time, from Oct 1, 2026 to Oct 31, 2026, item SKU1 or SKU2",
        None,
    ),
    (
        e("booking", op="count", exactly=1, **{"prop.size": "L"}),
        "Booking: exactly 1 time, size L",
        "Booking：恰好 1 次，size L",
    ),
    (
        {"segmenter": "campaign", "campaign": [1, 2], "outcome": "clicked"},
        "Clicked in “campaign 1” or “campaign 2”",
        None,
    ),
    (
        {"segmenter": "campaign", "last": 2, "match": "all", "outcome": "converted", "did_not": True},
        "Received, but did not buy: all of the last 2 campaigns",
        "收到但没有购买：最近 2 个营销活动（全部）",
    ),
    (
        {"segmenter": "campaign", "outcome": "failed", "within_days": 30},
        "Not reached by any campaign (within the last 30 days)",
        None,
    ),
    (
        {"segmenter": "link", "campaign": 1, "link": "sale"},
        "Clicked a link with “sale” (campaign “campaign 1”)",
        None,
    ),
    (
        {"segmenter": "link", "clicked": False, "within_days": 30},
        "Did not click any link (within the last 30 days)",
        None,
    ),
    (
        {"segmenter": "spend", "of": "net", "at_least": 100, "within_days": 365},
        "Spent, less refunds: at least CN¥100.00, within the last 365 days",
        "消费额（扣除退款）：至少 ¥100.00，最近 365 天内",
    ),
    (
        {"segmenter": "spend", "of": "average", "top_percent": 12.5},
        "Average purchase: among the 12.5 % who spent most",
        None,
    ),
    (
        {"segmenter": "place", "lat": 31.2, "lon": 121.5, "km": 10, "source": "visits"},
        "Within 10 km of 31.2, 121.5 (by visits)",
        None,
    ),
    (
        {"segmenter": "place", "city": ["Bergen", "上海"], "source": "any"},
        "In the city Bergen or 上海",
        "在城市 Bergen或上海",
    ),
    (
        {"segmenter": "birthday", "within_days": 7},
        "Birthday: within the next 7 days",
        "生日：未来 7 天内",
    ),
    (
        {"segmenter": "birthday", "month": 2, "age_at_least": 18},
        "Birthday: in February, age 18 or more",
        "生日：在二月，18 岁及以上",
    ),
    (
        {"segmenter": "birthday", "today": True},
        "Birthday: today",
        "生日：今天",
    ),
    (
        {"segmenter": "engagement", "level": ["never", "untouched"]},
        "Engagement: texted, but never reacted or never texted and never reacted",
        None,
    ),
    (
        {"segmenter": "sample", "percent": 12.5, "seed": "spring"},
        "A random 12.5 % of everyone (seed “spring”)",
        "随机 12.5% 的人（种子“spring”）",
    ),
]


def plain(rule):
    """Numbers are as a form writes them, and a list has no order."""
    return {
        key: sorted(map(str, value)) if isinstance(value, list) else str(value) for key, value in rule.items()
    }


def test_the_builder_draws_each_line_and_gives_it_back(client, rt_sqlite, people):
    row = store.save(rt_sqlite, "Mine", {"all": []}, "anna")
    # Forms write out a menu's first choice, which means the same as nothing.
    defaults = {"source": "any", "field": "birthday", "of": "net", "outcome": "received"}
    for rule, _english, _chinese in RULES:
        store.save(rt_sqlite, "Mine", {"all": [rule]}, "anna", segment_id=row.id)
        page = client.get(f"/segments/{row.id}")
        assert page.status_code == 200, rule
        assert "unfinished" not in page.text, rule
        assert client.post("/segments/save", data=posted(page.text)).status_code == 303, rule
        kept, given = plain(json.loads(Segment.get_by_id(row.id).rule)["all"][0]), plain(rule)
        assert kept | defaults == given | defaults
        assert set(given) - set(defaults) == set(kept) - set(defaults)


def test_each_line_says_itself_in_both_languages(rt_sqlite, people):
    for rule, english, chinese in RULES:
        assert segments.describe(rt_sqlite, rule) == english
        with i18n.use("zh_Hans"):
            said = segments.describe(rt_sqlite, rule)
        assert said == (chinese or said) and said != english


def test_segmenters_keep_the_contract_with_real_params(rt_sqlite, people):
    for rule, _english, _chinese in RULES:
        params = {key: value for key, value in rule.items() if key != "segmenter"}
        known = rt_sqlite.plugins.segmenters[rule["segmenter"]]
        if params.get("type") in (None, "purchase"):
            assert check_segmenter(known if isinstance(known, type) else type(known), params) == [], rule


#: (rule, words of the refusal)
NONSENSE = [
    ({"segmenter": "event"}, "still to be chosen, such as 'view'"),
    ({"segmenter": "event", "type": "purchas"}, "Did you mean 'purchase'"),
    (e("purchase", op="often"), "none of the questions"),
    (e("purchase", op="count", at_least=-1), "whole number from 0 on"),
    (e("purchase", op="count", at_least=1.5), "whole number from 0 on"),
    (e("purchase", op="count", at_least=3, at_most=2), "is nobody"),
    (e("purchase", op="count", exactly=3, at_most=2), "exactly stands alone"),
    (e("purchase", op="sum"), "Say how much"),
    (e("purchase", op="sum", at_least="much"), "it takes a number"),
    (e("purchase", op="sum", at_least=1e12), "more than can be stored"),
    (e("purchase", within_days=7, since="2026-01-01"), "not both"),
    (e("purchase", within_days=7, before_days=7), "no time at all"),
    (e("purchase", since="2026-02-01", until="2026-01-01"), "no time at all"),
    (e("purchase", since="soon"), "a day such as"),
    (e("purchase", with_in_days=7), "Did you mean 'within_days'"),
    ({"segmenter": "campaign", "campaign": 77}, "No campaign 77"),
    ({"segmenter": "campaign", "campaign": 4}, "No campaign 4"),
    ({"segmenter": "campaign", "outcome": "loved"}, "one of received"),
    ({"segmenter": "campaign", "last": 0}, "from 1 on"),
    ({"segmenter": "link", "link": -1}, "a number or a part"),
    ({"segmenter": "link", "campaign": "x"}, "No campaign"),
    ({"segmenter": "spend"}, "Say how much"),
    ({"segmenter": "spend", "of": "much", "at_least": 1}, "one of net"),
    ({"segmenter": "spend", "top_percent": 0}, "0.01 to 100"),
    ({"segmenter": "place"}, "lat, lon and km"),
    ({"segmenter": "place", "lat": 91, "lon": 0, "km": 1}, "from -90 to 90"),
    ({"segmenter": "place", "lat": 9, "lon": 0}, "km is compared with nothing"),
    ({"segmenter": "place", "city": "Bergen", "region": "West"}, "or a city"),
    ({"segmenter": "place", "city": "Bergen", "source": "guess"}, "one of any"),
    ({"segmenter": "birthday"}, "Say which"),
    ({"segmenter": "birthday", "month": 13}, "from 1 to 12"),
    ({"segmenter": "birthday", "month": 2, "today": True}, "either for a month"),
    ({"segmenter": "birthday", "field": "age", "today": True}, "holds no dates"),
    ({"segmenter": "engagement", "level": "keen"}, "one or several of active"),
    ({"segmenter": "engagement", "level": []}, "one or several of active"),
    ({"segmenter": "sample", "percent": 0}, "begins at 0.01"),
    ({"segmenter": "sample", "percent": 60, "skip": 50}, "more than 100"),
    ({"segmenter": "sample"}, "percent is compared with nothing"),
]


def test_nonsense_is_refused_with_one_sentence(rt_sqlite, people):
    for rule, words in NONSENSE:
        with pytest.raises(Refusal) as refused:
            segments.count(rt_sqlite, rule)
        assert words in str(refused.value), rule
        assert refused.value.field == "rule"


def test_the_rule_of_the_interface_works_as_written(rt):
    rule = {"segmenter": "event", "type": "purchase", "op": "count", "at_least": 2, "within_days": 90}
    labels.ensure("vip")
    assert segments.count(rt, {"all": [rule, {"not": {"segmenter": "label", "label": "vip"}}]})[0] == 0


def test_reasons_say_what_the_contact_did(rt_sqlite, people, monkeypatch):
    contact_id, person = next(
        (cid, p) for cid, p in people.items() if any(ev["type"] == "purchase" for ev in p["events"])
    )
    bought = [ev for ev in person["events"] if ev["type"] == "purchase"]
    day = clock.from_ms(max(ev["at"] for ev in bought)).strftime("%b %-d, %Y")
    why = segments.explain(rt_sqlite, e("purchase", op="did"), contact_id).why
    assert why.startswith(f"Purchase: {len(bought)} time") and f"last on {day}" in why
    never = next(
        kind
        for kind in ("view", "purchase", "refund", "share")
        if kind not in {v["type"] for v in person["events"]}
    )
    assert segments.explain(rt_sqlite, e(never, op="did"), contact_id).why.endswith(": never")
