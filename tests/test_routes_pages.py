"""Pages of routes and senders, the test of a number, and why a message went its way."""

from __future__ import annotations

import pytest

from core import Result
from core.db import database
from core.sending import accounts, direct, prices
from core.sending.routes import rules, second, senders
from core.sending.routes.rules import Target, every
from tests import routes_kit as kit
from tests.pages import text
from tests.second_kit import known_for_receipts, late, switch_on
from tests.send_kit import send_all

TO = "+8613800138000"


@pytest.fixture
def two(rt_sqlite):
    return kit.ways(rt_sqlite, "one", "two", ERRORS={"ROUTE": "route"})


def rule_given(*placed, **more) -> dict[str, str]:
    given = {
        "name": "China",
        "cls": "-1",
        "segment": "0",
        "share": "100",
        "strategy": "order",
        "pool": "0",
    } | more
    for place, way in enumerate(placed, 1):
        given |= {f"place-{way.id}": str(place), f"weight-{way.id}": "1"}
    return given


# --- rules --------------------------------------------------------------------------------------------


def test_the_empty_page_says_what_a_rule_is_for(client, rt_sqlite):
    page = text(client.get("/providers/routes"))
    assert "A rule says which messages take which account" in page
    assert "/providers/new" in page, "without an account that comes first"
    kit.ways(rt_sqlite, "one")
    assert "/providers/routes/new" in text(client.get("/providers/routes"))


def test_accounts_routes_and_senders_are_tabs_of_one_place(client, two):
    for path in ("/providers", "/providers/routes", "/providers/senders"):
        page = text(client.get(path))
        for other in ("/providers", "/providers/routes", "/providers/senders"):
            assert f'<a href="{other}"' in page


def test_a_rule_is_added_edited_and_shown(client, two):
    a, b = two
    given = rule_given(
        b, a, countries="cn，hk", carriers="中国移动\n中国联通", prefixes="+86 139", cls="2", share="12.5",
        strategy="weight",
    )  # fmt: skip
    assert client.post("/providers/routes/new", data=given).status_code == 303
    (made,) = every()
    assert (made.countries, made.carriers, made.prefixes) == (
        ("CN", "HK"),
        ("中国移动", "中国联通"),
        ("+86139",),
    )
    assert (made.cls, made.share_bp, made.targets) == (2, 1_250, (Target(b.id), Target(a.id)))
    page = text(client.get("/providers/routes"))
    for words in ("CN, HK", "中国移动", "numbers +86139…", "12.50", "marketing"):
        assert words in page
    form = text(client.get(f"/providers/routes/{made.id}"))
    assert 'value="CN, HK"' in form
    assert f'name="place-{b.id}" value="1"' in form
    client.post(f"/providers/routes/{made.id}", data=rule_given(a, name="New"))
    (made,) = every()
    assert (made.name, made.countries, made.targets) == ("New", (), (Target(a.id),))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"name": ""}, "required"),
        ({"countries": "China"}, "is no country code"),
        ({"share": "0"}, "A share is above 0"),
        ({"share": "half"}, "Not a valid decimal"),
        ({"prefixes": "abc"}, "is no beginning of a number"),
        ({"place-1": "first"}, "Place and weight are whole numbers"),
        ({"place-1": ""}, "needs at least one account"),
    ],
)
def test_a_bad_rule_comes_back_with_what_was_typed(client, two, wrong, sentence):
    answer = client.post("/providers/routes/new", data=rule_given(two[0], carriers="kept") | wrong)
    assert sentence in text(answer, 422)
    assert "kept" in text(answer, 422)
    assert every() == []


def test_rules_move_switch_and_go(client, two):
    first, later = kit.rule(two[0], name="first"), kit.rule(two[1], name="later")
    client.post(f"/providers/routes/{later.id}/move", data={"way": "up"})
    assert [rule.name for rule in every()] == ["later", "first"]
    client.post(f"/providers/routes/{later.id}/move", data={"way": "up"})
    client.post(f"/providers/routes/{first.id}/switch", data={"on": "0"})
    assert [rule.name for rule in rules.in_force(2)] == ["later"]
    client.post(f"/providers/routes/{later.id}/remove")
    assert [rule.name for rule in every()] == ["first"]
    assert client.get(f"/providers/routes/{later.id}").status_code == 404
    deeds = [row[0] for row in database.query("SELECT action FROM audit WHERE who LIKE '%@%' ORDER BY id")]
    assert [deed for deed in deeds if deed.startswith("route")] == ["route.move", "route.off", "route.remove"]


def test_only_who_may_edit_providers_changes_rules(login, two):
    made = kit.rule(two[0], name="mine")
    viewer = login("marketer")
    page = text(viewer.get("/providers/routes"))
    assert "mine" in page
    assert "Test this number" not in page
    for path in ("new", str(made.id)):
        assert viewer.get(f"/providers/routes/{path}").status_code == 403
    for path in (f"{made.id}/remove", f"{made.id}/move", "test"):
        assert viewer.post(f"/providers/routes/{path}").status_code == 403
    assert viewer.post("/providers/senders/new").status_code == 403


# --- test this number ---------------------------------------------------------------------------------


def test_a_number_is_tested_and_every_reason_is_told(client, two):
    a, b = two
    prices.put(a.id, [prices.Line(50_000, "CNY")])
    kit.rule(a, b, name="Germany", countries=["DE"])
    kit.rule(a, b, name="Everyone")
    accounts.switch(accounts.get("two"), False)
    page = text(client.post("/providers/routes/test", data={"to": TO, "cls": "notice", "text": "Hello"}))
    for words in (
        "It is for other countries.",
        "decides",
        "<strong>one</strong>",
        "switched off",
        "0.0500",
        TO,
    ):
        assert words in page
    assert database.scalar("SELECT COUNT(*) FROM message") == 0


def test_what_is_no_number_is_said(client, two):
    answer = client.post("/providers/routes/test", data={"to": "12", "cls": "notice"})
    assert 'value="12"' in text(answer, 422)
    assert client.post("/providers/routes/test", data={"to": TO, "cls": "spam"}).status_code == 422


# --- senders ------------------------------------------------------------------------------------------


def test_senders_are_added_edited_switched_and_removed(client, rt_sqlite, two):
    assert "A pool spreads messages over several numbers" in text(client.get("/providers/senders"))
    given = {
        "pool": "shop", "sticky": "y", "account": str(two[0].id), "sender": "1069", "rate": "2.5", "cap": "10",
        "countries": "CN", "enabled": "y",
    }  # fmt: skip
    assert client.post("/providers/senders/new", data=given).status_code == 303
    (made,) = senders.every(rt_sqlite)
    assert (made.pool, made.sender, made.rate_per_s, made.daily_cap) == ("shop", "1069", 2.5, 10)
    page = text(client.get("/providers/senders"))
    assert "1069" in page
    assert "contacts keep their sender" in page
    assert client.post(f"/providers/senders/{made.id}", data=given | {"cap": "20"}).status_code == 303
    assert senders.every(rt_sqlite)[0].daily_cap == 20
    client.post(f"/providers/senders/{made.id}/switch", data={"on": "0"})
    assert not senders.every(rt_sqlite)[0].enabled
    bad = client.post("/providers/senders/new", data=given)
    assert "already" in text(bad, 422)
    client.post(f"/providers/senders/{made.id}/remove")
    assert "This pool has no sender yet" in text(client.get("/providers/senders"))
    client.post(f"/providers/senders/pools/{made.pool_id}/remove")
    assert senders.pools() == []


def test_a_pool_a_rule_names_is_not_removed(client, two):
    pool = senders.put_pool("shop")
    kit.rule(two[0], pool_id=pool.id)
    assert client.post(f"/providers/senders/pools/{pool.id}/remove").status_code == 422
    assert senders.pools() == [pool]


# --- a message ----------------------------------------------------------------------------------------


def test_a_message_tells_why_it_went_its_way(client, rt_sqlite, two):
    a, b = two
    pool = senders.put_pool("shop")
    senders.put(rt_sqlite, pool.id, a.id, "S1")
    senders.put(rt_sqlite, pool.id, b.id, "S2")
    made = kit.rule(a, b, name="in order", pool_id=pool.id)
    a.answers = lambda message: Result("rejected", code="ROUTE")
    sent = direct.send(rt_sqlite, TO, "notice", "Hello")
    send_all(rt_sqlite, sent["campaign_id"])
    page = text(client.get(f"/messages/{sent['message_id']}"))
    for words in ("Why this way", "in order", "refused the route (ROUTE)", "S2", "Not one"):
        assert words in page
    client.post(f"/providers/routes/{made.id}/remove")
    assert "a rule that was deleted" in text(client.get(f"/messages/{sent['message_id']}"))


def test_without_rules_a_message_says_nothing_of_them(client, rt_sqlite, two):
    sent = direct.send(rt_sqlite, TO, "notice", "Hello")
    send_all(rt_sqlite, sent["campaign_id"])
    assert "Why this way" not in text(client.get(f"/messages/{sent['message_id']}"))


def test_both_texts_name_each_other(client, rt_sqlite, two):
    a, b = two
    kit.rule(a, b)
    known_for_receipts(rt_sqlite, a)
    switch_on()
    first = direct.send(rt_sqlite, TO, "notice", "Hello")["message_id"]
    send_all(rt_sqlite, direct.show(rt_sqlite, first)["campaign_id"])
    late()
    assert second.send(rt_sqlite) == 1
    other = database.scalar("SELECT second_id FROM second_text")
    assert f"/messages/{other}" in text(client.get(f"/messages/{first}"))
    page = text(client.get(f"/messages/{other}"))
    assert f"/messages/{first}" in page
    assert "no receipt came from there" in page
