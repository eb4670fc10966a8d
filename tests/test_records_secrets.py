"""Of all that is said and logged, no secret, no number and no words are kept."""

from __future__ import annotations

import logging
from urllib.parse import quote, quote_plus

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import redact
from core.db import database
from core.db import settings as stored
from core.db.codes import Cls
from core.sending import accounts, batch, direct
from core.sending.calls import rows, saying, search
from tests import gateway as peer
from tests import send_kit as kit
from tests.records_kit import lines

SECRET = "canary-key-7-not-seen"


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
