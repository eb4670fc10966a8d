"""What waits says for what: hours, a planned start, the rate, an account at rest, a pause before the next try."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core import Result, clock, hookimpl
from core.contract.errors import Throttled, Unreachable
from core.db import classes, database
from core.sending import calls, direct, lanes, lifecycle, waits
from core.timing import hours, zones
from tests import send_kit as kit


def held(rt) -> dict[str, waits.Hold]:
    """{kind: what waits for it}; no kind twice."""
    found = waits.held(rt, lanes.lanes())
    assert len({hold.kind for hold in found}) == len(found), found
    return {hold.kind: hold for hold in found}


def raising(error: Exception):
    def act(messages):
        raise error

    return act


def closed_now() -> None:
    """Allow an hour of the day that no law forbids and that is not now, where the people of the tests live."""
    local = clock.now().astimezone(zones.zone_info("Asia/Shanghai"))
    start = 15 if 8 <= local.hour < 12 else 10
    hours.set_house_hours(f"{start}:00", f"{start + 1}:00")


def test_a_campaign_that_was_scheduled_waits_for_its_planned_time(rt):
    start = clock.now_ms() + clock.HOUR_MS
    campaign, _account = kit.setup(rt, n=4, at=clock.from_ms(start).isoformat())
    hold = held(rt)["plan"]
    assert (hold.campaign_id, hold.n, hold.first_at, hold.last_at) == (campaign, 4, start, start)


def test_what_was_expanded_outside_the_hours_waits_for_them(rt):
    closed_now()
    campaign, _account = kit.setup(rt, n=3, quiet_hours="on")
    [due] = set(kit.rows(campaign, "not_before"))
    hold = held(rt)["hours"]
    assert (hold.n, hold.first_at, hold.reason) == (3, due[0], "")


def test_what_the_hours_closed_on_while_it_was_sent_waits_for_them_too(rt):
    campaign, _account = kit.setup(rt, n=3)
    with database.write_tx():
        database.execute(
            "UPDATE campaign SET options = ? WHERE id = ?", (json.dumps({"approve": "off"}), campaign)
        )
    closed_now()
    kit.send_all(rt, campaign, 1)
    assert kit.states(campaign) == {"ready": 3}
    assert held(rt)["hours"].n == 3


def test_more_than_the_rate_allows_waits_for_its_turn(rt):
    tape = kit.Tape()
    campaign, _account = kit.setup(rt, tape, n=5, rate=0.01)
    kit.send_all(rt, campaign, 1)
    assert len(tape.sent) == 1
    assert (held(rt)["rate"].n, held(rt)["rate"].reason) == (4, "")


@pytest.mark.parametrize("error", [Unreachable("down"), Throttled("slow", after_s=120)])
def test_an_account_at_rest_holds_what_has_no_other(rt, error):
    tape = kit.Tape()
    campaign, account = kit.setup(rt, tape, n=9)
    tape.act = raising(error)
    kit.send_all(rt, campaign)
    name, until = database.one("SELECT name, open_until FROM account WHERE id = ?", (account,))
    assert kit.states(campaign) == {"ready": 9}
    hold = held(rt)["account"]
    assert (hold.detail, hold.n, hold.last_at <= until + 1000) == (name, 9, True)


def test_a_refusal_for_now_waits_before_the_next_try_with_its_code_or_without(rt):
    tape = kit.Tape(window=10)
    campaign, _account = kit.setup(rt, tape, n=3)
    tape.act = lambda messages: [
        Result("accepted", "p-1"), Result("retry", code="E2", after_s=900), Result("retry", after_s=900)
    ][: len(messages)]  # fmt: skip
    kit.send_all(rt, campaign, 1)
    holds = waits.held(rt, lanes.lanes())
    assert sorted((hold.kind, hold.reason, hold.n) for hold in holds) == [
        ("retry", "", 1),
        ("retry", "E2", 1),
    ]


def test_what_a_plugin_holds_is_told_in_its_words(rt):
    campaign, _account = kit.setup(rt, n=3)
    first = kit.rows(campaign)[0][0]

    @hookimpl
    def hold_messages(cls, message_ids):
        return {first: (clock.now() + timedelta(hours=1), "frequency")}

    rt.plugins.register(SimpleNamespace(hold_messages=hold_messages), "holder")
    kit.send_all(rt, campaign, 1)
    assert (held(rt)["held"].reason, held(rt)["held"].n) == ("frequency", 1)


def test_what_is_too_dear_waits_for_a_cheaper_price(rt):
    campaign, _account = kit.setup(rt, n=2, price=5_000)
    classes.save("mass", {"price_max_micros": 900})
    kit.send_all(rt, campaign, 1)
    assert held(rt)["price"].n == 2


def test_a_paused_campaign_and_a_halted_account_wait_for_a_person(rt):
    tape = kit.Tape()
    campaign, _account = kit.setup(rt, tape, n=3)
    lifecycle.pause(rt, campaign, "lunch", who="ann")
    hold = held(rt)["paused"]
    assert (hold.n, hold.detail, hold.first_at) == (3, "lunch", None)
    lifecycle.resume(rt, campaign, who="ann")
    with database.write_tx():
        database.execute("UPDATE account SET halted = 'wrong password'")
    hold = held(rt)["halted"]
    assert (hold.n, "wrong password" in hold.detail, hold.last_at) == (3, True, None)


def test_a_single_message_put_off_for_a_halted_account_waits_for_a_person(rt):
    _campaign, account = kit.setup(rt, n=1)
    kit.send_all(rt, _campaign, 1)
    sent = direct.send(rt, "+8613800000000", "notice", "Your parcel is here.", account)
    with database.write_tx():
        database.execute("UPDATE account SET halted = 'wrong password'")
    kit.send_all(rt, sent["campaign_id"], 1)
    hold = held(rt)["halted"]
    assert (hold.n, "wrong password" in hold.detail, hold.first_at) == (1, True, None)


def test_what_is_due_and_on_its_way_waits_for_nothing(rt):
    kit.setup(rt, n=3)
    assert held(rt) == {}


def test_the_page_tells_the_kinds_apart(client, rt_sqlite):
    rated, _account = kit.setup(rt_sqlite, n=3, rate=0.01)
    kit.send_all(rt_sqlite, rated, 1)
    with database.write_tx():
        last = kit.rows(rated)[-1][0]
        database.execute("UPDATE message SET not_before = 0 WHERE id = ?", (last,))
    lifecycle.pause(rt_sqlite, rated, "lunch", who="ann")
    page = client.get("/messages/queue").get_data(as_text=True)
    assert "The rate: its turn has not come" in page
    assert "The campaign is paused" in page and "lunch" in page and "when somebody resumes it" in page


def test_a_paused_campaign_is_not_due_and_has_no_end(client, rt_sqlite):
    campaign, account = kit.setup(rt_sqlite, n=4)
    with database.write_tx():
        calls.write([calls.Call(account, campaign, "send", clock.now_ms() - 60_000, 5, 2, 2)])

    def cells() -> list[str]:
        page = client.get("/messages/queue").get_data(as_text=True)
        row = page.split("<tbody hx-disable>")[1].split("</tr>")[0]
        return re.findall(r"<td[^>]*wide-only[^>]*>(.*?)</td>", row)

    _on_wire, due, _rate, left = cells()
    assert due == "now" and left != "–"
    lifecycle.pause(rt_sqlite, campaign, "lunch", who="ann")
    _on_wire, due, _rate, left = cells()
    assert due == left == "–"


def test_the_command_shows_them(cli, rt):
    campaign, _account = kit.setup(rt, n=3)
    lifecycle.pause(rt, campaign, "lunch", who="ann")
    [hold] = json.loads(cli("queue", "show", "--json").output)["held"]
    assert (hold["kind"], hold["n"], hold["first_at"]) == ("paused", 3, None)
    assert "paused" in cli("queue", "show").output
