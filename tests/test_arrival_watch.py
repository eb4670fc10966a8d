"""The watch: a drop rests an account, proof brings it back, and late receipts are no drop."""

from email import message_from_string, policy

import pytest

from core import clock, housekeeping, mail
from core.db import database, settings
from core.measure.arrival import alarm, cells, job, rates, rows, store, watch
from core.security import users
from tests import arrival_kit as kit
from tests import measure_kit
from tests.mailbox import Mailbox

H, M = clock.HOUR_MS, clock.MINUTE_MS


@pytest.fixture
def at(monkeypatch):
    """`at(ms)`: what time it is for everyone who asks."""

    def set_to(ms: int) -> None:
        monkeypatch.setattr(clock, "now_ms", lambda: ms)

    return set_to


@pytest.fixture
def wire(rt, at):
    """An account with three good days behind it, watched; (runtime, account, campaign, the hour it is)."""
    now = clock.now_ms() // H * H
    at(now)
    account = kit.account()
    kit.carriers("中国移动", "中国联通", n=4_000)
    campaign = measure_kit.campaign()
    kit.send(
        campaign, kit.stretch(600, 0.95, first=now - 60 * H, last=now - 30 * H, exact=True, account=account)
    )
    kit.look(rt)
    watch_from = store.load(0, {})[0][0]
    assert watch_from.baseline == pytest.approx(0.95, abs=0.01)
    return rt, account, campaign, now


def _more(wire, rows):
    rt, _account, campaign, _now = wire
    kept = database.scalar("SELECT COUNT(*) FROM message")
    measure_kit.add(campaign, rows, first_contact=kept + 1)


def test_a_drop_leaves_an_account_one_percent_and_says_why(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(200, 0.95, first=now, last=now + 10 * M, exact=True, account=account))
    at(now + 20 * M)
    kit.look(rt)
    assert kit.watched(account)[:2] == ("ok", 10_000)
    _more(wire, kit.stretch(150, 0.4, first=now + 10 * M, last=now + 20 * M, exact=True, account=account))
    at(now + 30 * M)
    kit.look(rt)
    state, bp, reason = kit.watched(account)
    assert (state, bp) == ("canary", 100)
    assert reason == "Only 20 of 50 texts arrived in time where 94.9 % usually do; 0 have no receipt."
    (made,) = store.alarms(account)
    assert made.cusum > alarm.THRESHOLD and made.arrived < made.sent * 0.7
    assert made.began_at >= now
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'account.drop'") == 1


def test_an_account_whose_receipts_take_an_hour_holds_nobody_up(wire, at, monkeypatch):
    rt, account, _campaign, now = wire
    slow = kit.account("Slow")
    kit.look(rt)
    with database.write_tx():
        database.execute("UPDATE account_watch SET wait_ms = ? WHERE account_id = ?", (H, slow))
    _more(wire, kit.stretch(200, 0.95, first=now, last=now + 10 * M, exact=True, account=slow))
    _more(wire, kit.stretch(200, 0.3, first=now, last=now + 10 * M, exact=True, account=account))
    # So busy that a quarter of an hour is read at a time: the slow account has nothing to judge in any of them.
    monkeypatch.setattr(rows, "LIMIT", 100)
    monkeypatch.setattr(watch, "_LOOK_S", 3600)
    read, between = [], rows.between

    def counted(*asked):
        read.append(asked)
        assert len(read) < 100, "it goes round and round"
        return between(*asked)

    monkeypatch.setattr(rows, "between", counted)
    at(now + 20 * M)
    kit.look(rt)
    assert kit.watched(account)[0] == "canary"
    assert kit.watched(slow)[0] == "ok"


def test_an_account_on_canary_comes_back_step_by_step(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(100, 0.2, first=now, last=now + 10 * M, exact=True, account=account))
    t = now + 20 * M
    at(t)
    kit.look(rt)
    seen = []
    for _step in range(3):
        assert kit.watched(account)[0] == "canary"
        _more(wire, kit.stretch(200, 0.95, first=t, last=t + 10 * M, exact=True, account=account))
        t += 20 * M
        at(t)
        kit.look(rt)
        seen.append(kit.watched(account)[:2])
    assert seen == [("canary", 1_000), ("canary", 5_000), ("ok", 10_000)]
    assert store.alarms(account)[0].ending == "proved"


def test_a_canary_that_still_fails_goes_back_to_one_percent(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(100, 0.2, first=now, last=now + 10 * M, exact=True, account=account))
    t = now + 20 * M
    at(t)
    kit.look(rt)
    _more(wire, kit.stretch(200, 0.95, first=t, last=t + 10 * M, exact=True, account=account))
    at(t := t + 20 * M)
    kit.look(rt)
    assert kit.watched(account)[1] == 1_000
    _more(wire, kit.stretch(200, 0.6, first=t, last=t + 10 * M, exact=True, account=account))
    at(t + 20 * M)
    kit.look(rt)
    assert kit.watched(account)[:2] == ("canary", 100)


def test_messages_whose_receipts_had_no_time_yet_are_not_judged(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(300, 0.0, first=now, last=now + 4 * M, lost=True, account=account))
    at(now + 4 * M)
    kit.look(rt)
    assert kit.watched(account)[0] == "ok"


def test_receipts_that_were_only_late_take_the_alarm_back(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(100, 0.0, first=now, last=now + 10 * M, lost=True, account=account))
    at(now + 20 * M)
    kit.look(rt)
    assert kit.watched(account)[0] == "canary"
    assert store.alarms(account)[0].silent >= 50
    with database.write_tx():
        database.execute(
            "UPDATE message SET state = 4, final_at = ? WHERE state = 3 AND submitted_at >= ?",
            (now + 30 * M, now),
        )
    at(now + 31 * M)
    kit.look(rt)
    assert kit.watched(account)[:2] == ("ok", 10_000)
    assert store.alarms(account)[0].ending == "late"


def test_receipts_that_always_come_late_are_waited_for(rt, at):
    now = clock.now_ms() // H * H
    at(now)
    account, campaign = kit.account(), measure_kit.campaign()
    kit.send(
        campaign,
        kit.stretch(
            600, 0.95, first=now - 60 * H, last=now - 30 * H, exact=True, account=account, seconds=1_500
        ),
    )
    kit.look(rt)
    (watched, _series), *_ = store.load(0, {})
    assert watched.wait_ms == 1_800_000
    assert watched.baseline == pytest.approx(0.95, abs=0.01)


def test_a_drop_of_one_carrier_is_told_and_leaves_the_account(rt, at):
    now = clock.now_ms() // H * H
    at(now)
    account, campaign = kit.account(), measure_kit.campaign()
    kit.carriers("中国移动", "中国联通", n=8_000)
    kit.send(campaign, kit.stretch(5_000, 0.95, first=now - 60 * H, last=now - 30 * H, account=account))
    kit.look(rt)
    rows = kit.stretch(1_000, 0.97, first=now, last=now + 10 * M, exact=True, account=account)
    # Contacts follow on: every second one is with 中国联通.
    for i, row in enumerate(rows):
        if i % 2 == 0 and i % 10 < 4:
            row |= kit.text(row["submitted"], False, account=account)
    measure_kit.add(campaign, rows, first_contact=5_001)
    at(now + 20 * M)
    kit.look(rt)
    made = store.alarms(account)
    assert {one.carrier for one in made} >= {"中国联通"}
    assert "中国移动" not in {one.carrier for one in made}


def test_by_hand_an_account_rests_and_is_trusted_again(wire):
    _rt, account, _campaign, _now = wire
    watch.rest(account, "me@shop.example", "the vendor repairs its line")
    assert kit.watched(account) == ("canary", 100, "the vendor repairs its line")
    watch.trust(account, "me@shop.example")
    assert kit.watched(account) == ("ok", 10_000, "")
    deeds = [
        row[0] for row in database.query("SELECT action FROM audit WHERE who = 'me@shop.example' ORDER BY id")
    ]
    assert deeds == ["account.rest", "account.trust"]


def test_looking_twice_changes_nothing(wire, at):
    rt, account, _campaign, now = wire
    _more(wire, kit.stretch(130, 0.9, first=now, last=now + 10 * M, exact=True, account=account))
    at(now + 20 * M)
    kit.look(rt)
    before = database.query("SELECT * FROM arrival_cusum ORDER BY account_id, carrier")
    cells.count(rt)
    watch.run(rt)
    assert database.query("SELECT * FROM arrival_cusum ORDER BY account_id, carrier") == before


def test_rates_are_worked_out_every_ten_minutes_only(wire, at):
    rt, _account, _campaign, now = wire
    assert not rates.refresh(rt)
    at(now + 11 * M)
    assert rates.refresh(rt)


def test_a_drop_is_written_to_the_administrators_in_their_language(rt_sqlite, at, monkeypatch):
    box, threads, later = Mailbox(), [], mail.send_later
    rt_sqlite.settings.smtp_url = box.url
    monkeypatch.setattr(mail, "send_later", lambda *a: threads.append(later(*a)))
    for address, role in (("li@shop.example", "admin"), ("eve@shop.example", "viewer")):
        users.add("test", address, role, "a long password of hers")
    with database.write_tx():
        database.execute("UPDATE user_account SET language = 'zh_Hans'")
    now = clock.now_ms() // H * H
    at(now)
    account, campaign = kit.account("Aliyun"), measure_kit.campaign()
    kit.send(
        campaign, kit.stretch(600, 0.95, first=now - 60 * H, last=now - 30 * H, exact=True, account=account)
    )
    kit.look(rt_sqlite)
    measure_kit.add(
        campaign, kit.stretch(100, 0.2, first=now, last=now + 10 * M, exact=True, account=account), 601
    )
    at(now + 20 * M)
    kit.look(rt_sqlite)
    for thread in threads:
        thread.join(10)
    (letter,) = (message_from_string(text, policy=policy.default) for text in box.letters)
    assert letter["To"] == "li@shop.example"
    assert letter["Subject"] == "Aliyun 的到达率下降了"
    assert "50 条短信只有 10 条按时到达" in letter.get_content()
    assert f"/providers/arrival?account={account}" in letter.get_content()


def test_the_minutely_job_rests_after_a_long_run(wire, at, monkeypatch):
    rt, _account, _campaign, now = wire
    settings.put("arrival:job", {"ended": now, "took": 60_000})
    at(now + 19 * M)
    job.run(rt)
    assert settings.get("arrival:job")["ended"] == now
    at(now + 21 * M)
    job.run(rt)
    assert settings.get("arrival:job")["ended"] == now + 21 * M


def test_cells_of_long_ago_are_thrown_away(wire, at):
    rt, _account, _campaign, now = wire
    assert database.scalar("SELECT COUNT(*) FROM arrival_cell") > 0
    at(now + 396 * 24 * H)
    housekeeping.run(rt)
    assert database.scalar("SELECT COUNT(*) FROM arrival_cell") > 0
    at(now + 403 * 24 * H)
    housekeeping.run(rt)
    assert database.scalar("SELECT COUNT(*) FROM arrival_cell") == 0
    assert database.scalar("SELECT COUNT(*) FROM arrival_hour") == 0
