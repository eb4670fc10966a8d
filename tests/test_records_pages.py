"""Pages of the records: error codes, calls, queue, bills, balance, messages; who may do what."""

from __future__ import annotations

import io

import pytest

from core import Balance, clock, ids
from core.contract.types import Result
from core.db import database, settings
from core.db.codes import State
from core.security import users
from core.sending import accounts, balances, batch, errorkinds, lanes, receipts, stopping, waits
from core.sending.calls import rows
from tests import receiving
from tests import send_kit as kit


def html(answer) -> str:
    return answer.get_data(as_text=True)


@pytest.fixture
def sent(rt_sqlite):
    """(tape, campaign, account) of three messages: one accepted, one rejected with X9, one put off."""
    tape = kit.Tape(window=10, ERRORS={"E1": "number"})
    tape.act = lambda messages: [
        Result("accepted", "p-1"), Result("rejected", code="X9", reason="<b>no</b>"),
        Result("retry", code="E2", after_s=900),
    ][: len(messages)]  # fmt: skip
    campaign, account = kit.setup(rt_sqlite, tape, n=3)
    kit.send_all(rt_sqlite, campaign, rounds=1)
    return tape, campaign, account


# --- error codes --------------------------------------------------------------------------------------


def test_the_page_of_codes_has_unknown_ones_first_and_takes_a_kind(client, rt_sqlite, sent):
    _tape, _campaign, account = sent
    page = html(client.get(f"/providers/{account}/errors"))
    assert page.index("<code>X9</code>") < page.index("<code>E1</code>")
    assert "2 codes came that nobody knows" in page
    assert (
        client.post(f"/providers/{account}/errors", data={"code": "X9", "kind": "content"}).status_code == 303
    )
    assert accounts.open_provider(rt_sqlite, account).kind("X9") == "content"
    assert "changed" in html(client.get(f"/providers/{account}/errors"))
    client.post(f"/providers/{account}/errors/reset")
    assert errorkinds.changed(account) == {}
    refused = client.post(f"/providers/{account}/errors", data={"code": "X9", "kind": "zzz"})
    assert refused.status_code == 422 and "zzz" in html(refused)


def test_a_viewer_reads_and_changes_nothing(login, sent):
    _tape, campaign, account = sent
    viewer = login("viewer")
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    for path in (f"/providers/{account}/errors", "/providers/calls", f"/providers/calls/{call}", "/messages/queue",
                 f"/providers/{account}/invoices"):  # fmt: skip
        assert viewer.get(path).status_code == 200
    for path in (f"/providers/{account}/errors", f"/providers/calls/{call}/again", "/messages/queue/stop",
                 f"/messages/queue/{campaign}/now", "/messages/queue/start", f"/providers/{account}/invoices",
                 f"/providers/{account}/balance/alarm", "/providers/calls/settings"):  # fmt: skip
        assert viewer.post(path).status_code == 403, path


# --- calls --------------------------------------------------------------------------------------------


def test_the_log_lists_searches_and_shows_one_call(client, sent):
    page = html(client.get("/providers/calls"))
    assert "X9" in page and "<b>no</b>" not in page
    assert "X9" not in html(client.get("/providers/calls?kind=poll"))
    assert "No call fits" in html(client.get("/providers/calls?q=nowhere"))
    assert "is no kind of call" in html(client.get("/providers/calls?kind=zzz"))
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    one = html(client.get(f"/providers/calls/{call}"))
    assert "Send again" in one and "Send 2 messages again?" in one
    assert client.get("/providers/calls/999").status_code == 404


def test_a_call_is_sent_again_by_the_button(client, sent):
    call = database.scalar("SELECT MAX(id) FROM provider_call")
    assert client.post(f"/providers/calls/{call}/again").status_code == 303
    assert client.post(f"/providers/calls/{call}/again").status_code == 422
    assert (
        database.scalar(
            "SELECT COUNT(*) FROM message m JOIN campaign c ON c.id = m.campaign_id WHERE c.name = 'direct:mass'"
        )
        == 1
    )


def test_how_long_calls_are_kept_is_a_setting(client, sent):
    assert client.post("/providers/calls/settings", data={"days": "7", "words": "1"}).status_code == 303
    assert (settings.get("calls.days"), settings.get("calls.words")) == (7, True)
    assert client.post("/providers/calls/settings", data={"days": "0"}).status_code == 422


# --- queue --------------------------------------------------------------------------------------------


def test_the_queue_shows_lanes_and_what_is_held_and_tries_it_now(client, rt_sqlite, sent):
    _tape, campaign, _account = sent
    [lane] = lanes.lanes()
    assert (lane.waiting, lane.later, lane.on_wire, lane.in_doubt) == (1, 1, 0, 0)
    [hold] = waits.held(rt_sqlite, [lane])
    assert (hold.kind, hold.reason, hold.n) == ("retry", "E2", 1)
    page = html(client.get("/messages/queue"))
    assert "Retry now" in page and "E2" in page
    fragment = client.get("/messages/queue", headers={"HX-Request": "true"})
    assert "<html" not in html(fragment) and 'id="queue"' in html(fragment)
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
    page = html(client.get("/contacts"))
    assert "Nothing is sent: wrong price" in page and "start again" in page and "resume-sending" not in page
    assert "Start again" in html(client.get("/messages/queue"))
    assert client.post("/messages/queue/start").status_code == 303
    assert "Nothing is sent" not in html(client.get("/contacts"))


def test_a_restore_is_not_lifted_by_the_button(client, rt_sqlite, sent):
    settings.put("sending_off", "restored")
    assert "Start again" not in html(client.get("/messages/queue"))
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


# --- balance ------------------------------------------------------------------------------------------


def reading(account: int, at: int, amount: float | None = None, units: int | None = None) -> None:
    micros = None if amount is None else int(amount * 1_000_000)
    with database.write_tx():
        database.execute(
            "INSERT INTO balance (account_id, at, amount_micros, units, currency) VALUES (?, ?, ?, ?, 'CNY')",
            (account, at, micros, units),
        )


def test_days_left_come_from_what_was_used_and_money_paid_in_is_told_apart(rt):
    now, day = clock.now_ms(), clock.DAY_MS
    for ago, amount in ((4, 100), (3, 80), (2, 60), (1, 560), (0, 540)):
        reading(7, now - ago * day, amount)
    left = balances.left(7, now)
    assert (left.amount, left.currency, left.burn.paid_in, left.burn.measured) == (
        540_000_000,
        "CNY",
        500_000_000,
        True,
    )
    assert left.burn.per_day == pytest.approx(15_000_000) and left.days == pytest.approx(36)


def test_without_enough_readings_the_cost_of_messages_tells(rt):
    campaign, account = kit.setup(rt, kit.Tape(), n=7, price=1_000_000)
    kit.send_all(rt, campaign)
    reading(account, clock.now_ms(), 10)
    left = balances.left(account)
    assert (left.burn.measured, left.days) == (False, pytest.approx(10))
    assert balances.left(99) is None


def test_a_count_of_parts_is_a_balance_too(rt):
    now = clock.now_ms()
    reading(7, now - clock.DAY_MS, units=1000)
    reading(7, now, units=400)
    left = balances.left(7, now)
    assert (left.units, left.amount, left.days) == (True, 400, pytest.approx(2 / 3))
    assert "400 parts" in balances.sentence(left)


@pytest.mark.parametrize(
    ("amount", "days", "low"),
    [("", "", False), ("500", "", False), ("540", "", True), ("", "35", False), ("", "36,5", True)],
)
def test_the_alarm_is_by_amount_or_by_days(rt_sqlite, amount, days, low):
    kit.setup(rt_sqlite, n=1)
    account, now = accounts.every()[0], clock.now_ms()
    for ago, left in ((4, 600), (0, 540)):
        reading(account.id, now - ago * clock.DAY_MS, left)
    balances.set_alarm(account, amount, days, who="ann")
    assert balances.left(account.id).low is low
    assert [one.id for one, _left in balances.low()] == ([account.id] if low else [])


def test_the_hourly_job_asks_keeps_warns_once_a_day_and_a_failing_one_stops_nobody(rt, monkeypatch):
    from core import mail

    tape = kit.Tape()
    said = iter([Balance(5_000_000, "CNY"), RuntimeError("odd"), Balance(4_000_000, "CNY")])

    def balance(self):
        one = next(said)
        if isinstance(one, Exception):
            raise one
        return one

    tape.provider.balance = balance
    kit.setup(rt, tape, n=1)
    account, mails = accounts.every()[0], []
    monkeypatch.setattr(mail, "configured", lambda rt: True)
    monkeypatch.setattr(mail, "send_later", lambda rt, *what: mails.append(what))
    users.add("test", "root@example.com", "admin", "a long enough secret 77")
    balances.set_alarm(account, "10", "")
    for _hour in range(3):
        balances.poll_due(rt)
    assert [n for (n,) in database.query("SELECT amount_micros FROM balance ORDER BY id")] == [
        5_000_000,
        4_000_000,
    ]
    assert accounts.get(account.id).balance_micros == 4_000_000
    assert [one[0] for one in mails] == ["root@example.com"] and "5.00 CNY left" in mails[0][2]


def test_the_account_page_and_the_overview_show_the_balance(client, rt_sqlite, sent):
    account = accounts.every()[0]
    for hour in range(48):
        reading(account.id, clock.now_ms() - (48 - hour) * clock.HOUR_MS, 100 - hour)
    assert (
        client.post(f"/providers/{account.id}/balance/alarm", data={"amount": "60", "days": ""}).status_code
        == 303
    )
    page = html(client.get(f"/providers/{account.id}"))
    assert "at this rate" in page and "It runs low" in page and "Balance, last 30 days" in page
    assert "runs low" in html(client.get("/"))
    assert client.post(f"/providers/{account.id}/balance/alarm", data={"amount": "x"}).status_code == 422


# --- bills --------------------------------------------------------------------------------------------


def test_a_bill_is_taken_in_and_its_differences_downloaded(client, sent):
    _tape, _campaign, account = sent
    file = (io.BytesIO(b"id,date,price\np-1,2026-11-22,0.05\nzz,2026-11-22,0.05\n"), "march.csv")
    answer = client.post(f"/providers/{account}/invoices", data={"file": file})
    assert answer.status_code == 303
    page = html(client.get(answer.location))
    assert "billed, not ours" in page and "<code>zz</code>" in page
    listed = html(client.get(f"/providers/{account}/invoices"))
    assert "march.csv" in listed
    csv = html(client.get(f"{answer.location}/export"))
    assert '"zz"' in csv
    assert client.post(f"{answer.location}/remove").status_code == 303
    wrong = client.post(f"/providers/{account}/invoices", data={"file": (io.BytesIO(b"a,b\n1,2\n"), "x.csv")})
    assert wrong.status_code == 422 and "a, b" in html(wrong)


# --- messages -----------------------------------------------------------------------------------------


def test_messages_are_found_by_code_day_reference_and_the_providers_id(client, rt_sqlite, sent):
    _tape, campaign, account = sent
    ids_ = [row[0] for row in kit.rows(campaign, "id")]
    href = lambda id_: f'href="/messages/{id_}"'  # noqa: E731
    found = lambda query: [id_ for id_ in ids_ if href(id_) in html(client.get(f"/messages?{query}"))]  # noqa: E731
    today = clock.now().date().isoformat()
    assert found("code=X9") == ids_[1:2]
    assert found(f"from={today}&to={today}") == ids_
    assert found("to=2020-01-01") == []
    assert found(f"q={ids.References(rt_sqlite.keys).of(ids_[2])}") == ids_[2:]
    assert found("q=p-1") == ids_[:1]
    assert found(f"q={ids_[0]}") == ids_[:1]
    assert "is no date" in html(client.get("/messages?from=soon"))


def test_a_message_shows_its_calls_and_its_receipts_as_they_came(client, rt_sqlite):
    account = receiving.gateway(rt_sqlite)
    campaign, _other = kit.setup(rt_sqlite, n=1)
    kit.send_all(rt_sqlite, campaign)
    [(id_, submitted_at)] = kit.rows(campaign, "id, submitted_at")
    account = accounts.create(rt_sqlite, "gw2", "http", {"url": "https://g.example/", "ref_path": "ref"})
    with database.write_tx():
        database.execute("UPDATE message SET account_id = ? WHERE id = ?", (account.id, id_))
        database.execute("UPDATE provider_call SET account_id = ?", (account.id,))
    ref = ids.References(rt_sqlite.keys).of(id_)
    receiving.store(
        rt_sqlite, account, {"ref": ref, "status": "failed", "to": "+8613800000000", "code": "E3"}
    )
    receipts.apply(rt_sqlite)
    page = html(client.get(f"/messages/{id_}"))
    assert "Calls of the provider" in page
    raw = html(client.get(f"/messages/{id_}/raw", headers={"HX-Request": "true"}))
    assert "86138••••0000" in raw and "E3" in raw and "+8613800000000" not in raw
    assert State.undelivered == kit.rows(campaign, "state")[0][0] and batch
