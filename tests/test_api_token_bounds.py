"""What holds a token back besides its scopes: where it may be used from, and what it may spend a day."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from core import clock, housekeeping
from core.contract.errors import Refusal
from core.db import classes, database, settings
from core.db.codes import Cls
from core.security import networks, spending, tokens
from core.sending import accounts, atmost, batch, drafts, expand, lifecycle, prices
from core.sending.routes import editing
from core.sending.routes.rules import Target
from core.web.application import make_app
from tests import campaign_kit as kit
from tests.api_kit import Caller, problem
from tests.otp_kit import Phone
from tests.send_kit import Tape, crowd, setup, whole

#: A text of one part at 0.05.
PRICE = 50_000
TEXT = {"to": "+8613800138000", "class": "notice", "text": "Your parcel is here."}


def caller(rt, cap: str | None = None, *sources: str, name: str = "shop", app=None) -> Caller:
    """A program whose token has bounds."""
    made = Caller.__new__(Caller)
    made.rt, made.app = rt, app or make_app(rt)
    bounds = {"sources": sources, "cap": atmost.cap(cap) if cap else None}
    made.token, made.row = tokens.create("test", name, tokens.SCOPES, **bounds)
    return made


def spent(call: Caller) -> int:
    """Micro-units its token ordered today."""
    return spending.spent([call.row.id], "UTC").get(call.row.id, 0)


def paid(rt, name: str = "main", price: int = PRICE, currency: str = "CNY"):
    """An account on which each part costs something."""
    made = accounts.create(rt, name, "null", {})
    prices.put(made.id, [prices.Line(price, currency)])
    return made


@pytest.fixture
def utc(rt):
    """Days begin at midnight in UTC."""
    settings.put("zone", "UTC")
    return rt


# --- where from -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "address", "status"),
    [
        (["192.0.2.0/24"], "192.0.2.77", 200),
        (["192.0.2.0/24"], "192.0.3.1", 403),
        (["192.0.2.7", "2001:db8::/32"], "2001:db8:1::5", 200),
        (["192.0.2.7", "2001:db8::/32"], "2001:db9::5", 403),
        (["192.0.2.7"], "::ffff:192.0.2.7", 200),
        (["::ffff:192.0.2.0/120"], "192.0.2.9", 200),
        (["fe80::/10"], "fe80::1%eth0", 200),
        (["0.0.0.0/0"], "2001:db8::1", 403),
        ([], "203.0.113.9", 200),
    ],
)
def test_a_token_works_only_from_its_networks(rt_sqlite, sources, address, status):
    call = caller(rt_sqlite, None, *sources)
    answer = call.app.test_client().get(
        "/api/v1/segments",
        headers={"Authorization": f"Bearer {call.token}"},
        environ_base={"REMOTE_ADDR": address},
    )
    assert answer.status_code == status
    if status == 403:
        assert problem(answer) == (403, "forbidden", "") and "does not work from" in answer.json["detail"]


def test_behind_a_proxy_the_callers_address_counts_and_nobody_forges_one(rt_sqlite):
    rt_sqlite.settings.proxy_hops = 1
    call = caller(rt_sqlite, None, "192.0.2.7")
    assert call("GET", "/segments", X_Forwarded_For="192.0.2.7").status_code == 200
    assert call("GET", "/segments", X_Forwarded_For="203.0.113.9").status_code == 403
    # What stands further left was written by the caller.
    assert call("GET", "/segments", X_Forwarded_For="192.0.2.7, 203.0.113.9").status_code == 403
    rt_sqlite.settings.proxy_hops = 0
    call.app = make_app(rt_sqlite)
    assert call("GET", "/segments", X_Forwarded_For="192.0.2.7").status_code == 403


def test_calls_from_elsewhere_are_no_use_of_the_token_and_are_limited(rt_sqlite, monkeypatch):
    now = clock.now_ms() // 3_600_000 * 3_600_000 + 90_000
    monkeypatch.setattr(clock, "now_ms", lambda: now)
    call = caller(rt_sqlite, None, "192.0.2.7")
    answers = [call("GET", "/segments").status_code for _ in range(22)]
    assert answers == [403] * 20 + [429] * 2
    assert tokens.listed()[0].last_used_at is None


@pytest.mark.parametrize("source", ["example.com", "192.0.2.0/33", "192.0.2", "", "2001:db8::g"])
def test_a_source_that_is_no_network_is_refused(rt_sqlite, source):
    with pytest.raises(Refusal, match="no address or network") as refused:
        tokens.create("test", "shop", ["segments.read"], sources=[source])
    assert refused.value.field == "networks" and tokens.listed() == []


def test_networks_are_stored_tidily_and_once():
    assert networks.tidy(["192.0.2.7/24", "192.0.2.0/24", " 10.0.0.1/32 ", "2001:DB8::/32"]) == (
        "192.0.2.0/24", "10.0.0.1", "2001:db8::/32",
    )  # fmt: skip
    with pytest.raises(Refusal, match="at most 50"):
        networks.tidy(f"10.0.0.{n}" for n in range(51))


# --- how much: single messages --------------------------------------------------------------------------


def test_messages_are_sent_until_the_cap_and_again_the_next_day(utc, monkeypatch):
    rt = utc
    now = [clock.to_ms(datetime(2026, 11, 22, 23, 59, 30, tzinfo=UTC))]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    paid(rt)
    call = caller(rt, "0.12 CNY")
    assert [call("POST", "/messages", TEXT).status_code for _ in range(3)] == [202, 202, 429]
    answer = call("POST", "/messages", TEXT)
    assert problem(answer)[:2] == (429, "spend-cap")
    assert "0.02 CNY are left" in answer.json["detail"] and "0.12 CNY" in answer.json["detail"]
    assert answer.headers["Retry-After"] == "31"
    assert spent(call) == 100_000
    assert database.scalar("SELECT COUNT(*) FROM message") == 2
    now[0] += 31_000
    assert call("POST", "/messages", TEXT).status_code == 202
    assert database.query("SELECT micros FROM token_spend ORDER BY day") == [(100_000,), (50_000,)]
    whole(rt)


def test_the_day_is_that_of_the_house(rt, monkeypatch):
    settings.put("zone", "Asia/Shanghai")
    now = [clock.to_ms(datetime(2026, 11, 22, 15, 59, tzinfo=UTC))]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    paid(rt)
    call = caller(rt, "0.05 CNY")
    assert call("POST", "/messages", TEXT).status_code == 202
    answer = call("POST", "/messages", TEXT)
    assert answer.status_code == 429 and "midnight in Asia/Shanghai" in answer.json["detail"]
    now[0] += 60_000
    assert call("POST", "/messages", TEXT).status_code == 202


def test_what_was_spent_long_ago_is_forgotten(utc):
    today = clock.now_ms() // clock.DAY_MS
    with database.write_tx():
        database.executemany(
            "INSERT INTO token_spend (token_id, day, micros) VALUES (1, ?, 1)",
            [(today - 402,), (today - 398,)],
        )
    housekeeping.run(utc)
    assert database.query("SELECT day FROM token_spend") == [(today - 398,)]


def test_calls_at_the_same_moment_never_take_more_than_there_is(utc):
    rt = utc
    paid(rt)
    call = caller(rt, "0.25 CNY")
    call("POST", "/messages", TEXT)  # the contact and the campaign that carries notices are there

    def send(_n: int) -> int:
        try:
            return call("POST", "/messages", TEXT).status_code
        finally:
            database.proxy.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(16)))
    assert sorted(answers) == [202] * 4 + [429] * 12
    assert spent(call) == 250_000 and database.scalar("SELECT COUNT(*) FROM message") == 5
    whole(rt)


def test_a_message_given_again_for_its_key_costs_nothing(utc):
    paid(utc)
    call = caller(utc, "0.05 CNY")
    first, again = (call("POST", "/messages", TEXT, key="order-1") for _ in range(2))
    assert first.data == again.data and spent(call) == PRICE
    with database.write_tx():  # the process died before the answer was kept
        database.execute("DELETE FROM api_answer")
    assert call("POST", "/messages", TEXT, key="order-1").status_code == 202 and spent(call) == PRICE


def test_a_refused_order_is_taken_the_next_day_under_the_same_key(utc, monkeypatch):
    now = [clock.now_ms()]
    monkeypatch.setattr(clock, "now_ms", lambda: now[0])
    paid(utc)
    call = caller(utc, "0.05 CNY")
    call("POST", "/messages", TEXT)
    refused = call("POST", "/messages", TEXT, key="order-2")
    assert refused.status_code == 429
    assert call("POST", "/messages", TEXT, key="order-2").status_code == 429
    now[0] += int(refused.headers["Retry-After"]) * 1000
    assert call("POST", "/messages", TEXT, key="order-2").status_code == 202
    assert call("POST", "/messages", TEXT, key="order-2").headers["Idempotent-Replayed"] == "true"


def test_a_text_that_is_not_even_tried_costs_nothing(utc):
    paid(utc)
    call = caller(utc, "0.05 CNY")
    assert call("POST", "/messages", TEXT | {"to": "+861088888888"}).json["reason"] == "landline"
    assert spent(call) == 0


def test_the_dearest_account_that_could_take_it_counts_and_a_named_one_alone(utc):
    paid(utc)
    paid(utc, "dear", 400_000)
    call = caller(utc, "0.45 CNY")
    assert call("POST", "/messages", TEXT | {"account": "main"}).status_code == 202 and spent(call) == 50_000
    assert call("POST", "/messages", TEXT).status_code == 202 and spent(call) == 450_000


def test_every_part_counts(utc):
    paid(utc)
    call = caller(utc, "1 CNY")
    long = TEXT | {"to": "+14155550123", "text": "x" * 161}
    assert call("POST", "/messages", long).status_code == 202 and spent(call) == 2 * PRICE


def test_the_text_that_may_follow_without_a_receipt_counts(utc):
    paid(utc)
    classes.save(Cls.notice, {"second_after_s": 60})
    call = caller(utc, "1 CNY")
    assert call("POST", "/messages", TEXT).status_code == 202 and spent(call) == 2 * PRICE


def test_what_is_sent_never_costs_more_than_was_taken(rt):
    tape = Tape(echoes_reference=True)
    _campaign, account_id = setup(rt, tape, 1, price=PRICE)
    call = caller(rt, "0.20 CNY")
    taken = [
        call("POST", "/messages", TEXT | {"text": f"{n} " + "好" * 40 * n}).status_code for n in (1, 2, 3)
    ]
    assert taken == [202, 202, 429]
    direct = database.scalar("SELECT id FROM campaign WHERE name = 'direct:notice'")
    batch.send(rt, direct)
    costs = database.scalar(
        "SELECT SUM(cost_micros) FROM message WHERE campaign_id = ? AND account_id = ?", (direct, account_id)
    )
    assert costs == spent(call) == 3 * PRICE
    whole(rt)


def test_without_a_price_nothing_is_sent(utc):
    paid(utc)
    call = caller(utc, "1 CNY")
    accounts.create(utc, "free", "null", {})
    answer = call("POST", "/messages", TEXT)
    assert problem(answer) == (422, "invalid", "account") and "“free” has no price" in answer.json["detail"]
    assert call("POST", "/messages", TEXT | {"account": "main"}).status_code == 202
    prices.put(accounts.get("free").id, [prices.Line(0, "CNY")])
    assert call("POST", "/messages", TEXT).status_code == 202
    paid(utc, "abroad", 1, "USD")
    assert problem(call("POST", "/messages", TEXT))[1] == "invalid"


def test_a_token_without_a_cap_spends_as_before(utc):
    accounts.create(utc, "free", "null", {})
    call = caller(utc)
    assert call("POST", "/messages", TEXT).status_code == 202
    assert database.scalar("SELECT COUNT(*) FROM token_spend") == 0


# --- how much: codes ------------------------------------------------------------------------------------


def test_codes_are_counted_with_the_call_that_may_follow(utc):
    phone = Phone(utc)
    prices.put(phone.texter, [prices.Line(PRICE, "CNY")])
    prices.put(phone.caller, [prices.Line(300_000, "CNY")])
    call = caller(utc, "0.40 CNY")
    assert call("POST", "/otp", {"to": "+8613800138000"}).status_code == 202 and spent(call) == PRICE
    assert call("POST", "/otp", {"to": "+8613800138001", "channel": "auto"}).status_code == 202
    assert spent(call) == 2 * PRICE + 300_000
    answer = call("POST", "/otp", {"to": "+8613800138002"})
    assert problem(answer)[:2] == (429, "spend-cap")
    assert database.scalar("SELECT COUNT(*) FROM otp") == 2


def test_a_code_that_is_said_at_once_costs_the_call(utc):
    phone = Phone(utc)
    prices.put(phone.texter, [prices.Line(PRICE, "CNY")])
    prices.put(phone.caller, [prices.Line(300_000, "CNY")])
    call = caller(utc, "1 CNY")
    assert call("POST", "/otp", {"to": "+8613800138000", "channel": "voice"}).status_code == 202
    assert spent(call) == 300_000


# --- how much: campaigns --------------------------------------------------------------------------------


def draft(rt, call: Caller, name: str = "Winter", **more) -> int:
    """A draft over everyone through the account `main`, at any hour."""
    given = {"name": name, "segment": "Everyone", "templates": ["Hello"], "account": "main"} | more
    answer = call("POST", "/campaigns", given)
    assert answer.status_code == 201, answer.get_data(as_text=True)
    with database.write_tx():
        database.execute(
            'UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (answer.json["id"],)
        )
    return answer.json["id"]


@pytest.fixture
def shop(utc):
    """20 people, a text of one part, and an account at 0.05 a part: a campaign costs 1 CNY."""
    crowd(utc, 20)
    kit.segment("Everyone")
    kit.template("Hello")
    paid(utc)
    return utc


def test_a_campaign_is_launched_when_it_fits_into_what_is_left(shop):
    call = caller(shop, "1.50 CNY")
    first, second = draft(shop, call), draft(shop, call, "Spring")
    assert call("POST", f"/campaigns/{first}/launch", key="go").json["state"] == "expanding"
    assert spent(call) == drafts.get(first).budget_micros == 1_000_000
    assert (
        call("POST", f"/campaigns/{first}/launch", key="go").status_code == 200 and spent(call) == 1_000_000
    )
    answer = call("POST", f"/campaigns/{second}/launch")
    assert problem(answer)[:2] == (429, "spend-cap") and "0.5 CNY are left" in answer.json["detail"]
    assert drafts.get(second).state == "draft" and drafts.get(second).budget_micros is None
    small = draft(shop, call, "Small", budget=0.3)
    assert call("POST", f"/campaigns/{small}/launch").status_code == 200
    assert spent(call) == 1_300_000


def test_a_campaign_no_day_is_enough_for_is_refused_for_good(shop):
    call = caller(shop, "0.99 CNY")
    answer = call("POST", f"/campaigns/{draft(shop, call)}/launch")
    assert problem(answer)[:2] == (429, "spend-cap") and "Retry-After" not in answer.headers
    assert "may spend 0.99 CNY a day" in answer.json["detail"] and spent(call) == 0


def test_people_who_come_after_the_launch_do_not_raise_what_it_costs(shop):
    call = caller(shop, "1 CNY")
    campaign = draft(shop, call, at="2099-01-01T00:00Z")
    assert call("POST", f"/campaigns/{campaign}/launch").json["state"] == "scheduled"
    for n in range(5):
        kit.person(shop, n, country="US")
    with database.write_tx():  # its hour has come
        database.execute(
            "UPDATE campaign SET state = 'expanding', send_at = NULL, cursor_end = 1000000 WHERE id = ?",
            (campaign,),
        )
    expand.run(shop, campaign)
    for _round in range(5):
        batch.send(shop, campaign)
    row = drafts.get(campaign)
    assert (row.state, row.spent_micros) == ("paused", 1_000_000)
    assert kit.states(campaign) == {"accepted": 20, "ready": 5}


def test_two_launches_at_the_same_moment_do_not_both_fit(shop):
    call = caller(shop, "1.50 CNY")
    both = [draft(shop, call, name) for name in ("One", "Two")]

    def launch(campaign: int) -> int:
        try:
            return call("POST", f"/campaigns/{campaign}/launch").status_code
        finally:
            database.proxy.close()

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(launch, both)) == [200, 429]
    assert spent(call) == 1_000_000


def test_a_campaign_through_an_account_without_a_price_is_refused(shop):
    accounts.create(shop, "free", "null", {})
    call = caller(shop, "5 CNY")
    answer = call("POST", f"/campaigns/{draft(shop, call, account='free')}/launch")
    assert problem(answer) == (422, "invalid", "account") and "no price" in answer.json["detail"]


def test_a_campaign_by_the_routes_counts_at_the_dearest_of_their_accounts(shop):
    dear = paid(shop, "dear", 100_000)
    editing.add({"name": "cheap, then dear"}, [Target(accounts.get("main").id), Target(dear.id)])
    call = caller(shop, "2 CNY")
    campaign = draft(shop, call)
    with database.write_tx():
        database.execute("UPDATE campaign SET account_id = NULL WHERE id = ?", (campaign,))
    assert call("POST", f"/campaigns/{campaign}/launch").status_code == 200
    assert spent(call) == drafts.get(campaign).budget_micros == 2_000_000


def test_a_campaign_counts_the_texts_that_may_follow_without_a_receipt(shop):
    kit.template("Parcel", Cls.notice, en="Your parcel is here.")
    classes.save(Cls.notice, {"second_after_s": 60})
    paid(shop, "dear", 100_000)
    call = caller(shop, "3 CNY")
    campaign = draft(shop, call, templates=["Parcel"])
    assert call("POST", f"/campaigns/{campaign}/launch").status_code == 200
    assert spent(call) == 20 * (PRICE + 100_000) and drafts.get(campaign).budget_micros == 1_000_000


def test_what_was_taken_stays_taken_when_a_campaign_is_cancelled(shop):
    call = caller(shop, "1 CNY")
    campaign = draft(shop, call)
    assert call("POST", f"/campaigns/{campaign}/launch").status_code == 200
    lifecycle.cancel(shop, campaign, "ann@example.com")
    assert spent(call) == 1_000_000


def test_a_launch_by_a_person_or_a_token_without_a_cap_gets_no_budget(shop):
    call = caller(shop)
    campaign = draft(shop, call)
    assert call("POST", f"/campaigns/{campaign}/launch").status_code == 200
    assert drafts.get(campaign).budget_micros is None


def test_a_token_with_a_cap_starts_no_trial(rt_sqlite):
    paid(rt_sqlite)
    call = caller(rt_sqlite, "5 CNY")
    made = call("POST", "/trials", {
        "name": "Spring", "accounts": ["main"], "agreed": True, "phones": [{"phone": "+8613800138000"}],
    })  # fmt: skip
    answer = call("POST", f"/trials/{made.json['id']}/start")
    assert problem(answer)[:2] == (403, "forbidden") and "spend cap" in answer.json["detail"]


# --- making one -----------------------------------------------------------------------------------------


def test_the_command_makes_and_lists_bounds(cli, utc):
    paid(utc)
    made = cli("token", "add", "shop", "--scope", "messages.write", "--from", "192.0.2.0/24", "2001:db8::/32",
               "--spend-cap", "50", "--json")  # fmt: skip
    assert made.exit_code == 0, made.stderr
    line = json.loads(made.stdout)
    assert line["networks"] == ["192.0.2.0/24", "2001:db8::/32"]
    assert (line["spend_cap"], line["spend_currency"], line["spent_today"]) == (50.0, "CNY", 0.0)
    cli("token", "add", "till", "--scope", "segments.read")
    till, shop = json.loads(cli("token", "list", "--json").stdout)
    assert (till["networks"], till["spend_cap"], till["spend_currency"], till["spent_today"]) == (
        [],
        None,
        None,
        None,
    )
    assert shop["networks"] == line["networks"]
    human = cli("token", "list").stdout
    assert "192.0.2.0/24 2001:db8::/32" in human and "0 of 50 CNY" in human
    said = database.scalar("SELECT detail FROM audit WHERE action = 'token.add' AND detail LIKE 'shop%'")
    assert said == "shop: messages.write from 192.0.2.0/24 2001:db8::/32 up to 50.0 CNY a day"


@pytest.mark.parametrize(
    ("cap", "words"),
    [
        ("0", "no amount"),
        ("fifty", "no amount"),
        ("50 EUR", "prices in CNY, USD"),
        ("50", "Say the currency"),
    ],
)
def test_a_cap_that_means_nothing_is_refused(cli, rt, cap, words):
    paid(rt)
    paid(rt, "abroad", 1, "USD")
    made = cli("token", "add", "shop", "--scope", "messages.write", "--spend-cap", cap)
    assert made.exit_code == 1 and words in made.stderr
    assert cli("token", "add", "shop", "--scope", "messages.write", "--spend-cap", "50usd").exit_code == 0


def test_a_cap_needs_prices_to_count_with(rt_sqlite):
    with pytest.raises(Refusal, match="enter prices first"):
        atmost.cap("50 CNY")
