"""The queue: what waits and why, and the stop of everything."""

from __future__ import annotations

import pytest

from core import clock
from core.contract.types import Result
from core.db import database, settings
from core.sending import lanes, stopping, waits
from core.sending.calls import rows
from tests import records_kit
from tests import send_kit as kit
from tests.pages import text


@pytest.fixture
def sent(rt_sqlite):
    return records_kit.sent(rt_sqlite)


def test_the_queue_shows_lanes_and_what_is_held_and_tries_it_now(client, rt_sqlite, sent):
    _tape, campaign, _account = sent
    [lane] = lanes.lanes()
    assert (lane.waiting, lane.later, lane.on_wire, lane.in_doubt) == (1, 1, 0, 0)
    [hold] = waits.held(rt_sqlite, [lane])
    assert (hold.kind, hold.reason, hold.n) == ("retry", "E2", 1)
    page = text(client.get("/messages/queue"))
    assert "Retry now" in page and "E2" in page
    fragment = client.get("/messages/queue", headers={"HX-Request": "true"})
    assert "<html" not in text(fragment) and 'id="queue"' in text(fragment)
    assert client.post(f"/messages/queue/{campaign}/now").status_code == 303
    assert kit.rows(campaign, "not_before")[2][0] <= clock.now_ms()


def test_retry_now_leaves_planned_times_alone(rt):
    campaign, _account = kit.setup(rt, n=3)
    later = clock.now_ms() + clock.HOUR_MS
    with database.write_tx():
        database.execute("UPDATE message SET not_before = ? WHERE campaign_id = ?", (later, campaign))
    assert lanes.hasten(rt, campaign, who="ann") == 0
    assert {row[0] for row in kit.rows(campaign, "not_before")} == {later}


def test_the_rate_and_the_finish_come_from_the_last_minutes(rt):
    campaign, account = kit.setup(rt, n=100)
    now = clock.now_ms()
    with database.write_tx():
        rows.write([rows.Call(account, campaign, "send", now - 10_000, 5, 50, 50)])
    [lane] = lanes.lanes(now)
    assert (lane.per_s, lane.finish_s, lane.next_at <= now) == (5.0, 20.0, True)


def test_a_batch_held_too_long_and_accounts_at_rest_are_shown(rt):
    campaign, account = kit.setup(rt, n=3)
    now = clock.now_ms()
    with database.write_tx():
        database.execute(
            "INSERT INTO worker (id, host, boot_id, pid, pid_start, beat, started_at, ended_at) "
            "VALUES (9, 'box', '', 42, 0, 0, 1, ?)",
            (now,),
        )
        lo, hi = database.one("SELECT MIN(id), MAX(id) FROM message")
        database.execute(
            "INSERT INTO lease (id, worker_id, campaign_id, account_id, lo, hi, taken_at) VALUES (5, 9, ?, 0, ?, ?, ?)",
            (campaign, lo, hi, now - 120_000),
        )
        database.execute("UPDATE message SET state = 1, lease = 5")
        database.execute("UPDATE account SET open_until = ?, last_error = 'down'", (now + 30_000,))
    [one] = lanes.stuck(now)
    assert (one.claimed, one.submitting, one.worker, one.ended) == (3, 0, "box · 42", True)
    [rest] = lanes.resting(now)
    assert (rest.account_id, rest.state, rest.why) == (account, "open", "down")


def test_stop_everything_holds_for_the_next_window_and_start_goes_on(rt):
    tape = kit.Tape(window=2)
    campaign, _account = kit.setup(rt, tape, n=8)

    def act(messages):
        if tape.calls == 2:
            stopping.stop("wrong price", who="ann@example.com")
        return [Result("accepted", f"p-{m.ref}") for m in messages]

    tape.act = act
    kit.send_all(rt, campaign)
    assert len(tape.sent) == 4
    assert kit.states(campaign) == {"accepted": 4, "ready": 4}
    assert stopping.now().who == "ann@example.com"
    assert stopping.start(rt, who="bob@example.com").why == "wrong price"
    kit.send_all(rt, campaign)
    assert kit.states(campaign) == {"accepted": 8}
    assert database.query("SELECT who, action, detail FROM audit WHERE action LIKE 'sending.%' ORDER BY id") == [
        ("ann@example.com", "sending.stopped", "wrong price"), ("bob@example.com", "sending.started", "wrong price"),
    ]  # fmt: skip
    kit.whole(rt)


def test_the_button_asks_for_a_word_and_a_reason_and_a_banner_stands_on_every_page(client, rt_sqlite, sent):
    for typed in ({"confirm": "stop", "why": "x"}, {"confirm": "STOP", "why": " "}):
        assert client.post("/messages/queue/stop", data=typed).status_code == 422
        assert stopping.now() is None
    assert (
        client.post("/messages/queue/stop", data={"confirm": "STOP", "why": "wrong price"}).status_code == 303
    )
    page = text(client.get("/contacts"))
    assert "Nothing is sent: wrong price" in page and "start again" in page and "resume-sending" not in page
    assert "Start again" in text(client.get("/messages/queue"))
    assert client.post("/messages/queue/start").status_code == 303
    assert "Nothing is sent" not in text(client.get("/contacts"))


def test_a_restore_is_not_lifted_by_the_button(client, rt_sqlite, sent):
    settings.put("sending_off", "restored")
    assert "Start again" not in text(client.get("/messages/queue"))
    assert client.post("/messages/queue/start").status_code == 409
    assert stopping.now().why == "restored"


def test_the_commands_stop_show_and_resume(cli, rt):
    kit.setup(rt, n=2)
    assert cli("stop-sending", "wrong price", "--json").exit_code == 0
    shown = cli("queue", "show").output
    assert "Nothing is sent: wrong price" in shown and "Campaign 1" in shown
    assert cli("stop-sending", "again").exit_code == 1
    assert "it was off: wrong price" in cli("resume-sending").output
    assert "was not off" in cli("resume-sending").output
