"""How many arrived within five minutes or a day, while texts are young, and where receipts never come."""

import re

import pytest

from core import clock
from core.contract.types import Scope
from core.db import database
from core.db.codes import State
from core.measure import report, stats
from core.measure.arrival import cells, figures
from tests import arrival_kit
from tests.measure_kit import campaign, messages, sent

HALF = clock.HOUR_MS // 2


@pytest.fixture
def now(monkeypatch):
    """Half past an hour, so that minutes ago are of the same hour of the counters."""
    at = clock.now_ms() // clock.HOUR_MS * clock.HOUR_MS + HALF
    monkeypatch.setattr(clock, "now_ms", lambda: at)
    return at


def within(rt, id_: int, name: str = "arrived_5m"):
    return report.metrics(rt, Scope(campaign_id=id_))[name]


def heard_before() -> None:
    """Account 1 has sent receipts."""
    messages(campaign("Before"), [sent(State.delivered, 1, ago_h=200)])


def test_seconds_after_the_launch_there_are_counts_and_no_share(rt, now):
    heard_before()
    id_ = campaign(state="running")
    messages(id_, [sent(State.accepted, ago_h=0.001)] * 380)
    found = within(rt, id_)
    assert (found.value, found.interval, found.numerator, found.denominator) == (None, None, 0, 380)
    assert found.detail == {"young": 380}


def test_few_young_texts_widen_the_interval_instead_of_counting_as_lost(rt, now):
    id_ = campaign(state="running")
    messages(id_, [sent(State.delivered, 1, ago_h=0.2)] * 365 + [sent(State.accepted, ago_h=0.001)] * 15)
    found = within(rt, id_)
    assert found.value == pytest.approx(365 / 380)
    assert found.interval == (stats.wilson(365, 380)[0], stats.wilson(380, 380)[1])


def test_five_minutes_after_the_last_text_the_figure_is_plain(rt, now):
    id_ = campaign(finished_at=now - 6 * clock.MINUTE_MS)
    messages(id_, [sent(State.delivered, 1, ago_h=0.2)] * 300 + [sent(State.accepted, ago_h=0.15)] * 80)
    found = within(rt, id_)
    assert (found.value, found.interval) == (pytest.approx(300 / 380), stats.wilson(300, 380))
    assert within(rt, id_, "arrived_24h").value is None, "a day has not passed"


def test_an_account_that_never_sent_a_receipt_has_no_share(rt, now):
    id_ = campaign()
    messages(id_, [sent(State.accepted, ago_h=90)] * 100)
    for name in ("arrived_5m", "arrived_24h"):
        found = within(rt, id_, name)
        assert (found.value, found.interval, found.detail) == (None, None, {"receipts": 0})
    heard_before()
    assert within(rt, id_).value == 0.0, "of an account that does send them it is an outage"


def test_the_result_page_says_so_in_words(client, now):
    silent, young = campaign(), campaign(state="running")
    messages(silent, [sent(State.accepted, ago_h=90)] * 100)
    page = client.get(f"/campaigns/{silent}/result").text
    assert "sends no receipts" in page and "0.0 %" not in tile(page, "Arrived within 5 minutes")
    heard_before()
    messages(young, [sent(State.accepted, ago_h=0.001, contact=n) for n in range(1_000, 1_100)])
    shown = tile(client.get(f"/campaigns/{young}/result").text, "Arrived within 5 minutes")
    assert "0 / 100" in shown and "left too short a time ago" in shown and "%" not in shown


def tile(page: str, label: str) -> str:
    return re.search(rf'<span class="dim">{label}</span>(.*?)</div>', page, re.DOTALL)[1]


def test_the_page_of_arrival_tells_no_share_of_an_account_without_receipts(client, rt_sqlite, now):
    mute, well = arrival_kit.account("Mute"), arrival_kit.account("Well")
    arrival_kit.carriers("中国移动", n=400)
    rows = [sent(State.accepted, ago_h=20, account=mute)] * 100 + [
        sent(State.delivered, 1, ago_h=90, account=well)
    ] * 100
    messages(campaign(), rows)
    cells.recount(now // clock.HOUR_MS - 100, now // clock.HOUR_MS)
    found = figures.table(("account_id",), figures.Filter())
    assert found[mute,].silent and found[mute,].five is None and found[mute,].day is None
    assert not found[well,].silent and found[well,].five.share == 1.0
    page = client.get("/providers/arrival").text
    assert page.count("sends no receipts") == 3 and ">0.0 %" not in page
    assert "sends no receipts" in client.get(f"/providers/{mute}").text
    assert "sends no receipts" in client.get("/providers").text


def test_texts_all_younger_than_asked_about_tell_nothing_yet(rt, now):
    account = arrival_kit.account()
    rows = [sent(State.delivered, 1, ago_h=30, account=account, contact=n) for n in (1, 3)]
    rows += [sent(State.accepted, ago_h=0.01, account=account, contact=n) for n in range(2, 102, 2)]
    arrival_kit.carriers("移动", "联通", n=102)
    messages(campaign(), rows)
    cells.recount(now // clock.HOUR_MS - 40, now // clock.HOUR_MS)
    found = figures.table(("account_id", "carrier"), figures.Filter())
    assert found[account, "移动"].sent == 50 and found[account, "移动"].five is None
    assert found[account, "联通"].five.share == 1.0


def test_a_very_late_receipt_is_counted_within_minutes(rt, now, monkeypatch):
    account = arrival_kit.account()
    hours = (80, 200, 300)
    messages(
        campaign(), [sent(State.accepted, ago_h=h, account=account) for h in hours for _text in range(9)]
    )
    cells.count(rt)
    with database.write_tx():
        database.execute("UPDATE message SET state = 4, final_at = ? WHERE state = 3", (now,))
        database.execute("UPDATE tally SET state = 4 WHERE state = 3")
    monkeypatch.setattr(clock, "now_ms", lambda: now + 11 * clock.MINUTE_MS)
    assert cells.count(rt) == 3
    assert database.one("SELECT SUM(sent), SUM(delivered) FROM arrival_cell") == (27, 27)
    assert cells.count(rt) == 0


def test_the_hours_read_before_their_time_are_few_a_round(rt, now, monkeypatch):
    account = arrival_kit.account()
    messages(campaign(), [sent(State.accepted, ago_h=h, account=account) for h in range(60, 70)])
    cells.count(rt)
    with database.write_tx():
        database.execute("UPDATE message SET state = 4, final_at = ? WHERE state = 3", (now,))
        database.execute("UPDATE tally SET state = 4 WHERE state = 3")
    monkeypatch.setattr(clock, "now_ms", lambda: now + 11 * clock.MINUTE_MS)
    assert [cells.count(rt) for _round in range(4)] == [4, 4, 2, 0]
