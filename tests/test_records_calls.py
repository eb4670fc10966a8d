"""Every call of a provider leaves a line; secrets, numbers and words never do."""

from __future__ import annotations

import logging
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import Balance, Throttled, clock, housekeeping, redact
from core.contract.errors import Refusal
from core.contract.types import Result
from core.db import database
from core.db import settings as stored
from core.db.codes import Cls, State
from core.sending import accounts, balances, batch, direct, receipts
from core.sending.calls import again, rows, saying, search
from tests import gateway as peer
from tests import receiving
from tests import send_kit as kit

SECRET = "canary-key-7-not-seen"


def lines(kind: str = "") -> list[search.Row]:
    return search.page(search.Filter(kind=kind))[0]


# --- one row a window ---------------------------------------------------------------------------------


def test_a_send_leaves_one_row_a_window_with_its_figures(rt):
    tape = kit.Tape(window=4)
    campaign, account = kit.setup(rt, tape, n=10)
    kit.send_all(rt, campaign)
    found = lines("send")
    assert [(row.n, row.accepted, row.outcome) for row in found] == [(2, 2, "ok"), (4, 4, "ok"), (4, 4, "ok")]
    assert {(row.account_id, row.campaign_id) for row in found} == {(account, campaign)}
    assert database.scalar("SELECT COUNT(*) FROM provider_call WHERE detail IS NOT NULL") == 0
    for _id, submitted_at in kit.rows(campaign, "id, submitted_at"):
        assert search.of_message(account, submitted_at)


def test_a_window_counts_each_outcome_and_names_what_was_not_accepted(rt):
    tape = kit.Tape(window=10)
    said = [
        Result("accepted", "p-1"),
        Result("rejected", code="E1", reason="no"),
        Result("retry", code="E2"),
        Result("unknown"),
    ]
    tape.act = lambda messages: said[: len(messages)]
    campaign, _account = kit.setup(rt, tape, n=4)
    kit.send_all(rt, campaign, rounds=1)
    [row] = lines("send")
    assert (row.n, row.accepted, row.rejected, row.retried, row.unknown, row.code) == (4, 1, 1, 1, 1, "E1")
    named = rows.detail_of(search.get(row.id)[1])["messages"]
    assert [outcome for _id, outcome, _code in named] == ["rejected", "retry", "unknown"]


def test_a_call_that_raises_is_a_row_with_the_sentence(rt):
    tape = kit.Tape(window=10)

    def act(messages):
        raise Throttled("too quick for +8613800138000", after_s=30)

    tape.act = act
    campaign, _account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign, rounds=1)
    [row] = lines("send")
    assert (row.n, row.retried, row.code, row.error) == (3, 3, "Throttled", "too quick for +86138••••8000")


def test_webhooks_leave_a_row_a_batch_and_one_for_each_that_makes_no_sense(rt):
    account = receiving.gateway(rt)
    ids_ = receiving.messages(rt, account, 3)
    from core import ids

    refs = [ids.References(rt.keys).of(id_) for id_ in ids_]
    receiving.store(
        rt, account, *[{"ref": ref, "status": "delivered"} for ref in refs], b"<html>+8613912345678"
    )
    receipts.apply(rt)
    fine, bad = sorted(lines("webhook"), key=lambda row: row.unknown)
    assert (fine.n, fine.accepted, bad.n, bad.code) == (3, 3, 1, "not_understood")
    assert "13912345678" not in str(database.query("SELECT * FROM provider_call"))
    assert "13912345678" not in str(database.query("SELECT error FROM inbox"))


def test_polls_balances_and_look_ups_leave_rows(rt):
    tape = kit.Tape(can_look_up=True, settle_s=0)

    def balance(self):
        return Balance(12_000_000, "CNY")

    tape.provider.balance = balance
    tape.act = lambda messages: [Result("unknown") for _ in messages]
    campaign, id_ = kit.setup(rt, tape, n=1)
    kit.send_all(rt, campaign)
    from core.contract.types import Found
    from core.sending import doubt

    tape.found = lambda ref: Found(True, "p-9")
    doubt.climb(rt)
    balances.ask(rt, accounts.get(id_))
    assert [(row.kind, row.outcome) for row in lines()] == [
        ("balance", "ok"),
        ("look_up", "ok"),
        ("send", "unknown"),
    ]


# --- what was said ------------------------------------------------------------------------------------


def http_account(rt, url: str, **given):
    return accounts.create(
        rt,
        "gw",
        "http",
        {"url": url, "headers": f"Authorization: Bearer {SECRET}", "secret": SECRET, **given},
    )


def test_what_went_wrong_is_kept_as_it_was_said_but_masked(rt, monkeypatch):
    body = {"error": f"bad key {SECRET}", "to": "8613800000000", "echo": "hello there"}
    monkeypatch.setattr(rt.settings, "http_allow", "127.0.0.1")
    monkeypatch.setattr(rt.settings, "http_plain", True)
    with peer.gateway(lambda call, connection: peer.answer(400, body)) as server:
        account = http_account(rt, server.url)
        direct.send(rt, "+8613800000000", "notice", "hello there", account.id)
        batch.send(rt, direct.campaign(Cls.notice))
    row = lines("send")[-1]
    detail = rows.detail_of(search.get(row.id)[1])
    one = detail["exchanges"][0]
    assert one["request"].startswith("POST http://127.0.0.1")
    assert one["status"] == 400
    assert any(line.startswith("Authorization: ••••") for line in one["headers"])
    assert orjson.loads(one["answer"])["to"] == "86138••••0000"
    assert orjson.loads(one["body"])["text"].startswith("‹")
    whole = str(database.query("SELECT * FROM provider_call"))
    assert SECRET not in whole and "8613800000000" not in whole


def test_the_token_of_the_webhooks_is_not_kept_and_old_rows_do_not_show_it(rt_sqlite, login, monkeypatch):
    monkeypatch.setattr(rt_sqlite.settings, "http_allow", "127.0.0.1")
    monkeypatch.setattr(rt_sqlite.settings, "http_plain", True)
    body = '{"to": "{to}", "text": "{text}", "tell": "{callback}"}'
    with peer.gateway(lambda call, connection: peer.answer(400, {"error": "no"})) as server:
        account = http_account(rt_sqlite, server.url, body=body)
        direct.send(rt_sqlite, "+8613800000000", "notice", "hello there", account.id)
        batch.send(rt_sqlite, direct.campaign(Cls.notice))
    [row] = lines("send")
    stored_now = str(database.query("SELECT * FROM provider_call"))
    assert "/hooks/••••/receipt" in stored_now and account.token not in stored_now
    with database.write_tx():
        database.execute(
            "UPDATE provider_call SET error = ?, detail = replace(detail, '••••/receipt', ?)",
            (f"no answer for /hooks/{account.token}/inbound", f"{account.token}/receipt"),
        )
    viewer = login("viewer")
    for page in (viewer.get("/providers/calls").text, viewer.get(f"/providers/calls/{row.id}").text):
        assert "/hooks/••••/" in page and account.token not in page


PHONE = st.integers(10_000_000_000, 999_999_999_999_999).map(str)
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Nd"]), min_size=6, max_size=60)
KEY = st.text("abcdefghijklmnopqrstuvwxyzABCDEFG0123456789+/=_-", min_size=6, max_size=40)
SHAPES = (
    lambda s, p, t: orjson.dumps({"k": s, "n": p, "x": t, "deep": [{"to": int(p), "y": f"{t} {p}"}]}),
    lambda s, p, t: (
        f"apikey={quote_plus(s)}&dest={quote_plus('+' + p)}&sms={quote_plus(t)}&z={quote_plus(t)}".encode()
    ),
    lambda s, p, t: f"<m><auth>{s}</auth><to>+{p}</to><b>{t}</b></m>".encode(),
    lambda s, p, t: f"{t}: number {p[:3]} {p[3:7]}-{p[7:]} refused, key {quote(s, safe='')}".encode(),
)


@settings(derandomize=True, max_examples=150, deadline=None)
@given(KEY, PHONE, WORDS, st.sampled_from(SHAPES))
def test_no_secret_no_number_and_no_words_pass_the_mask(secret, phone, words, shape):
    raw = shape(secret, phone, words)
    kept = redact.Mask([secret], [words]).body(raw)
    assert secret not in kept and quote(secret, safe="") not in kept
    digits = "".join(char for char in kept if char.isdigit())
    assert phone not in kept and phone not in digits
    assert words not in kept


@settings(derandomize=True, max_examples=100, deadline=None)
@given(PHONE, st.sampled_from(["to %s failed", "number=+%s", "'%s'", "a%sb"]))
def test_no_number_passes_the_filter_of_the_log(phone, shape):
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, shape.replace("%s", "%%s").replace("%%s", "%s"), (phone,), None
    )
    redact.LogFilter().filter(record)
    assert phone not in record.getMessage()


def logged(message: str, error: Exception | None = None, stack: str | None = None) -> str:
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, message, (), error and (type(error), error, error.__traceback__)
    )
    record.stack_info = stack
    redact.LogFilter().filter(record)
    return logging.Formatter().format(record)


def test_no_number_passes_in_a_traceback_and_its_lines_stay():
    try:
        raise ValueError("cannot send to +86 138-0013-8000")
    except ValueError as error:
        text = logged(
            "it broke", error, 'Stack:\n  File "/srv/1380013/a.py", line 13800138, in x 13800138000'
        )
    assert "8000" in text and "138-0013" not in text and "13800138000" not in text
    assert f'File "{__file__}", line ' in text
    assert 'File "/srv/1380013/a.py", line 13800138, in x' in text


@pytest.mark.parametrize("spelling", ["+86 138 0013 8000", "(415) 555-2671", "138.0013.8000"])
def test_a_number_with_separators_is_masked_in_the_log(spelling):
    assert spelling not in logged(f"to {spelling}: no")


def test_dates_and_addresses_of_machines_stay_in_the_log():
    line = "2026-11-22 02:01:03 from 192.168.100.200 port 8080"
    assert logged(line) == line


def test_ids_of_messages_pass_the_filter_of_the_log():
    record = logging.LogRecord(
        "x", logging.INFO, "", 0, "lease %s of %s", (4_611_686_018_427_387_904, 7), None
    )
    redact.LogFilter().filter(record)
    assert record.getMessage() == "lease 4611686018427387904 of 7"


def test_what_a_provider_raises_by_mistake_is_logged_without_number_and_words(rt, caplog):
    tape = kit.Tape(window=10)

    def act(messages):
        raise ValueError(f"cannot send to {messages[0].to}: {messages[0].text}")

    tape.act = act
    campaign, _account = kit.setup(rt, tape, n=3)
    kit.send_all(rt, campaign, rounds=1)
    [record] = [record for record in caplog.records if record.name == "cooee.wire"]
    text = logging.Formatter().format(record)
    sent = tape.sent[0]
    assert sent.text not in text and sent.to not in text
    assert "ValueError: cannot send to" in text and f'File "{__file__}", line ' in text


def test_a_code_never_stands_in_the_log(rt):
    from core.contract.types import Outgoing

    mask = saying.mask_for(accounts.open_provider(rt, http_account(rt, "https://g.example/")), [
        Outgoing("r", "+8613800138000", "Your code is 482913", cls="otp")
    ])  # fmt: skip
    assert "482913" not in mask.text("spoken: 482913") + mask.body(b'{"x": "482913", "n": 482913}')


def test_words_are_kept_by_a_setting(rt):
    from core.contract.types import Outgoing

    stored.put(saying.WORDS_KEY, True)
    mask = saying.mask_for(accounts.open_provider(rt, http_account(rt, "https://g.example/")), [
        Outgoing("r", "+8613800138000", "Hello you")
    ])  # fmt: skip
    assert mask.body(b'{"text": "Hello you"}') == '{"text":"Hello you"}'


def test_dates_stay_readable():
    assert redact.numbers("at 2026-11-22 02:01:17, 5 of 12") == "at 2026-11-22 02:01:17, 5 of 12"


# --- searching and keeping ----------------------------------------------------------------------------


def made(account: int, **given) -> None:
    row = rows.Call(account, 0, "send", clock.now_ms(), 5, 3, 3)._replace(**given)
    with database.write_tx():
        rows.write([row])


def test_calls_are_found_by_account_kind_time_outcome_code_and_text(rt):
    now = clock.now_ms()
    made(1)
    made(
        2, kind="poll", accepted=0, unknown=3, code="X1", error="100% Timeout_of peer", at=now - clock.DAY_MS
    )
    made(1, accepted=0, rejected=3, code="E7")
    pick = lambda **k: [row.id for row in search.page(search.Filter(**k))[0]]  # noqa: E731
    assert pick() == [3, 2, 1]
    assert pick(account_id=1) == [3, 1]
    assert pick(kind="poll") == pick(code="X1") == pick(text="timeout_OF") == pick(text="100%") == [2]
    assert pick(text="100_") == []
    assert pick(outcome="failed") == [3, 2]
    assert (pick(outcome="ok"), pick(outcome="rejected"), pick(outcome="unknown")) == ([1], [3], [2])
    assert pick(since=now - 1000) == [3, 1] and pick(until=now - 1000) == [2]
    with pytest.raises(Refusal):
        pick(kind="nonsense")


def test_pages_go_by_key_both_ways(rt):
    with database.write_tx():
        rows.write([rows.Call(1, 0, "poll", n, 1, 1, 1) for n in range(120)])
    first, newer, older = search.page(search.Filter())
    assert (len(first), newer, older) == (50, False, True)
    second, newer, older = search.page(search.Filter(), before=first[-1].id)
    assert (second[0].id, newer, older) == (first[-1].id - 1, True, True)
    back, newer, older = search.page(search.Filter(), after=second[0].id)
    assert ([row.id for row in back], newer, older) == ([row.id for row in first], False, True)


def test_housekeeping_takes_old_calls_away(rt):
    made(1, at=clock.now_ms() - 31 * clock.DAY_MS)
    made(1)
    housekeeping.run(rt)
    assert len(lines()) == 1
    stored.put(saying.DAYS_KEY, 1)
    made(1, at=clock.now_ms() - 2 * clock.DAY_MS)
    housekeeping.run(rt)
    assert len(lines()) == 1


# --- again --------------------------------------------------------------------------------------------


def refused(rt, **said):
    tape = kit.Tape(window=10)
    answers = [
        Result("rejected", code="E1"),
        Result("retry", code="E2", after_s=600),
        Result("unknown", code="E3"),
    ]
    tape.act = lambda messages: answers[: len(messages)]
    campaign, account = kit.setup(rt, tape, n=3, **said)
    kit.send_all(rt, campaign, rounds=1)
    tape.act = lambda messages: [Result("accepted", f"p-{m.ref}") for m in messages]
    return tape, campaign, lines("send")[0].id


def test_only_what_is_proven_not_sent_goes_again_and_once(rt):
    tape, campaign, call = refused(rt)
    assert again.what(call) == (1, 1, 1)
    assert again.again(rt, call, "ann@example.com") == (1, 1, 1)
    direct = database.scalar("SELECT id FROM campaign WHERE name = 'direct:mass'")
    with database.write_tx():
        # Whatever the hour of the test.
        database.execute('UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (direct,))
    for one in (campaign, direct):
        kit.send_all(rt, one)
    assert kit.states(campaign) == {"rejected": 1, "accepted": 1, "in_doubt": 1}
    assert kit.states(direct) == {"accepted": 1}
    assert len(tape.sent) == 5
    with pytest.raises(Refusal):
        again.again(rt, call, "ann@example.com")
    assert database.scalar("SELECT who FROM audit WHERE action = 'call.again'") == "ann@example.com"
    kit.whole(rt)


def test_a_message_in_doubt_is_never_sent_by_it(rt):
    tape = kit.Tape(window=10)
    tape.act = lambda messages: [Result("unknown") for _ in messages]
    campaign, _account = kit.setup(rt, tape, n=4)
    kit.send_all(rt, campaign, rounds=1)
    with pytest.raises(Refusal):
        again.again(rt, lines("send")[0].id, "ann")
    assert {row[1] for row in kit.rows(campaign)} == {State.in_doubt}
    assert len(tape.sent) == 4


def test_a_webhook_nobody_understood_is_read_again(rt):
    account = receiving.gateway(rt)
    (id_,) = receiving.messages(rt, account, 1)
    from core import ids

    ref = ids.References(rt.keys).of(id_)
    receiving.store(rt, account, {"ref": ref, "status": "GONE_THROUGH"})
    receipts.apply(rt)
    assert receiving.state_of([id_]) == ["accepted"]
    accounts.edit(rt, account, {"status_map": "GONE_THROUGH=delivered"})
    [call] = lines("webhook")
    again.again(rt, call.id, "ann")
    receipts.apply(rt)
    assert receiving.state_of([id_]) == ["delivered"]
    with pytest.raises(Refusal):
        again.again(rt, call.id, "ann")
