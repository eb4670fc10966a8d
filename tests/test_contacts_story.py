"""The contact page tells what a person did: events, clicks, spend, how often we text, the next best facts."""

from __future__ import annotations

import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from core import clock
from core.audience import contacts, events, glance, numbers, timeline
from core.audience.quality import findings, merging
from core.db import database, settings
from core.db.codes import State
from core.db.models import Campaign, InboundText

DAY, HOUR = clock.DAY_MS, clock.HOUR_MS
NOW = clock.now_ms()
SHANGHAI = ZoneInfo("Asia/Shanghai")


def record(rt, contact_id: int, *made: tuple) -> None:
    """Events as (type, days ago, amount, item, category)."""
    new = [
        events.NewEvent(
            kind, NOW - int(days * DAY), contact_id=contact_id, key=f"{kind}-{days}", currency="CNY" if amount else "",
            amount_micros=amount * 1_000_000 if amount else None, item=item, category=category,
        )
        for kind, days, amount, item, category in made
    ]  # fmt: skip
    assert {outcome.status for outcome in events.record(rt, new)} == {"stored"}


def send(contact_id: int, *days_ago: float, state: State = State.delivered) -> None:
    columns = ("id", "campaign_id", "contact_id", "cls", "state", "submitted_at")
    with database.write_tx():
        for n, days in enumerate(days_ago):
            at = NOW - int(days * DAY)
            database.copy_rows(
                "message",
                columns,
                [((at << 20) | n, contact_id * 1_000 + n + 100 * state, contact_id, 2, int(state), at)],
            )


@pytest.fixture
def shopper(rt):
    one = contacts.create(rt, "+8613900138000", name="王芳")
    record(
        rt, one,
        ("view", 400, None, "oolong", "tea"), ("purchase", 390, 100, "oolong", "tea"),
        ("view", 20, None, "cup", "china"), ("view", 19, None, "pot", "china"), ("view", 18, None, "cup", "china"),
        ("purchase", 10, 50, "green", "tea"), ("refund", 9, 20, "green", "tea"), ("cart", 8, None, "cup", "china"),
    )  # fmt: skip
    return one


def test_events_stand_in_the_one_timeline_and_views_in_a_row_are_one_line(rt, shopper):
    items, _more = timeline.page(shopper, kinds=["event"])
    assert [item.what for item in items] == ["cart", "refund", "purchase", "views", "purchase", "view"]
    views = items[3].detail
    assert (views["n"], views["items"]) == (3, ["cup", "pot"])
    assert items[2].detail["amount_micros"] == 50_000_000 and items[2].detail["item"] == "green"


def test_clicks_are_a_kind_of_their_own_with_their_campaign(rt, shopper):
    run = Campaign.insert({"name": "Weekend", "cls": 2, "created_at": NOW}).execute()
    send(shopper, 3)
    message = database.scalar("SELECT id FROM message")
    with database.write_tx():
        database.execute("UPDATE message SET campaign_id = ?", (run,))
    events.record(rt, [events.NewEvent("click", NOW - DAY, contact_id=shopper, key="c", message_id=message)])
    [item] = timeline.page(shopper, kinds=["click"])[0]
    assert item.detail["campaign"] == (run, "Weekend")
    assert "click" not in {item.what for item in timeline.page(shopper, kinds=["event"])[0]}


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_of_events_leave_nothing_out_and_repeat_nothing(rt, shopper, size):
    record(rt, shopper, *[("share", n / 7, None, "", "") for n in range(1, 20)])
    seen, cursor = [], None
    while True:
        items, cursor = timeline.page(shopper, kinds=["event"], before=cursor, size=size)
        seen += items
        if cursor is None:
            break
    assert sum(item.detail.get("n", 1) for item in seen) == 27
    assert [item.at for item in seen] == sorted((item.at for item in seen), reverse=True)


def test_a_merged_contacts_texts_and_replies_are_in_the_story(rt, shopper):
    other = contacts.create(rt, "+8613900138001")
    send(other, 2)
    reply = {"account_id": 1, "contact_id": other, "phone_bidx": b"x", "phone_enc": b"x", "intent": ""}
    InboundText.create(**reply, body="好的", dedupe=b"1", received_at=NOW)
    merging.merge(rt, shopper, other)
    kinds = [item.kind for item in timeline.page(shopper, kinds=["text", "reply"])[0]]
    assert kinds == ["reply", "text"]
    assert timeline.page(shopper, kinds=["import"])[0][0].what == "merged"
    assert glance.of(shopper, SHANGHAI).texts_30d == 1


def test_spend_is_net_of_refunds_and_by_year(rt, shopper):
    seen = glance.of(shopper, SHANGHAI)
    assert (seen.spent, seen.spent_year, seen.orders) == (130_000_000, 30_000_000, 2)
    assert (seen.average, seen.days_since_order, seen.currency) == (65_000_000, 10, "CNY")


def test_the_next_best_facts(rt, shopper):
    seen = glance.of(shopper, SHANGHAI)
    assert (seen.first_item, seen.category) == ("oolong", "china")
    at = clock.from_ms(NOW - 5 * DAY).astimezone(SHANGHAI).replace(hour=21, minute=5)
    events.record(
        rt,
        [
            events.NewEvent("share", clock.to_ms(at - timedelta(days=n)), contact_id=shopper, key=f"s{n}")
            for n in range(12)
        ],
    )
    assert glance.of(shopper, SHANGHAI).hour == 21


def test_how_often_we_text(rt, shopper):
    send(shopper, 1, 2, 40, 300)
    seen = glance.of(shopper, SHANGHAI)
    assert (seen.texts_30d, sum(seen.texts), len(seen.texts), seen.texts[-1]) == (2, 4, 12, 2)


@pytest.mark.parametrize("days", [0, 1, 200])
def test_the_next_birthday(rt_sqlite, days):
    one = contacts.create(rt_sqlite, "+8613900138000")
    then = clock.from_ms(clock.now_ms()).astimezone(SHANGHAI).date() + timedelta(days=days)
    if (then.month, then.day) == (2, 29):
        then += timedelta(days=1)
    contacts.edit(rt_sqlite, one, {"birthday": f"1990-{then:%m-%d}"})
    assert glance.of(one, SHANGHAI).birthday_in == days


def test_someone_who_did_nothing_has_an_empty_glance(rt):
    one = contacts.create(rt, "+8613900138000")
    seen = glance.of(one, SHANGHAI)
    assert (seen.orders, seen.average, seen.days_since_order, seen.first_item, seen.hour) == (
        0,
        None,
        None,
        "",
        None,
    )


def text(answer) -> str:
    return answer.get_data(as_text=True)


def test_the_page_shows_it_all(rt_sqlite, client):
    one = contacts.create(rt_sqlite, "+8613900138000", name="王芳")
    record(
        rt_sqlite,
        one,
        ("purchase", 10, 50, "green", "tea"),
        *[("view", n, None, "cup", "") for n in (1, 2, 3)],
    )
    numbers.fill(rt_sqlite)
    shown = text(client.get(f"/contacts/{one}"))
    for word in ("中国移动", "上海市", "Asia/Shanghai", "Bought first", "3 views", "Purchase", "50.00"):
        assert word in shown, word
    assert "+8613900138000" not in shown
    only = text(client.get(f"/contacts/{one}/timeline?kind=event", headers={"HX-Request": "true"}))
    assert "3 views" in only and "Added by hand" not in only


def test_what_others_typed_is_never_markup(rt_sqlite, client):
    one = contacts.create(rt_sqlite, "+8613900138000")
    record(rt_sqlite, one, ("purchase", 1, 5, "<script>alert(1)</script>", "<b>x</b>"))
    shown = text(client.get(f"/contacts/{one}"))
    assert "<script>alert" not in shown and "&lt;script&gt;" in shown and "<b>x</b>" not in shown


def test_a_contact_that_was_merged_leads_to_the_one_it_is_part_of(rt_sqlite, client):
    one, two = (contacts.create(rt_sqlite, f"+861390013800{n}") for n in range(2))
    merging.merge(rt_sqlite, one, two)
    answer = client.get(f"/contacts/{two}")
    assert answer.status_code == 303 and answer.location.endswith(f"/contacts/{one}")


def test_a_possible_duplicate_is_named_on_the_page(rt_sqlite, client):
    for n in range(2):
        made = contacts.create(rt_sqlite, f"+861390013800{n}", name="王芳")
        contacts.edit(rt_sqlite, made, {"email": "a@b.cn"})
    findings.check(rt_sqlite)
    shown = text(client.get(f"/contacts/{made}"))
    assert re.search(r"/contacts/quality/merge\?keep=\d+&amp;other=\d+", shown)


def test_two_thousand_events_open_quickly(rt_sqlite, client):
    one = contacts.create(rt_sqlite, "+8613900138000")
    new = [
        events.NewEvent(
            "view" if n % 3 else "share", NOW - n * HOUR, contact_id=one, key=str(n), item=f"i{n % 40}"
        )
        for n in range(2_000)
    ]
    events.record(rt_sqlite, new)
    client.get(f"/contacts/{one}")
    took = []
    for _try in range(5):
        began = clock.monotonic()
        assert client.get(f"/contacts/{one}").status_code == 200
        took.append(clock.monotonic() - began)
    assert min(took) < 0.1, took


def test_a_text_a_provider_refused_did_not_go_out(rt, shopper):
    send(shopper, 1, 2)
    send(shopper, 3, 4, 5, state=State.rejected)
    seen = glance.of(shopper, SHANGHAI)
    assert (seen.texts_30d, sum(seen.texts)) == (2, 2)


def test_the_hour_is_told_in_the_zone_of_the_person(rt_sqlite, client):
    settings.put("zone", "Asia/Shanghai")
    noon = clock.from_ms(NOW - 5 * DAY).astimezone(ZoneInfo("America/Los_Angeles")).replace(hour=12, minute=5)
    one = contacts.create(rt_sqlite, "+12133734253")
    at = [clock.to_ms(noon - timedelta(days=n)) for n in range(6)]
    events.record(rt_sqlite, [events.NewEvent("share", ms, contact_id=one, key=str(ms)) for ms in at])
    numbers.fill(rt_sqlite)
    shown = text(client.get(f"/contacts/{one}"))
    assert "<strong>12:00</strong>" in shown and "America/Los_Angeles" in shown and "(your time)" not in shown
    with database.write_tx():
        database.execute("UPDATE number_info SET zone = '' WHERE contact_id = ?", (one,))
    assert "(your time)" in text(client.get(f"/contacts/{one}"))
