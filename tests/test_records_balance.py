"""Balances: days left, the alarm, the hourly question."""

from __future__ import annotations

import pytest

from core import Balance, clock
from core.db import database
from core.security import users
from core.sending import accounts, balances
from tests import records_kit
from tests import send_kit as kit
from tests.pages import text


@pytest.fixture
def sent(rt_sqlite):
    return records_kit.sent(rt_sqlite)


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
    page = text(client.get(f"/providers/{account.id}"))
    assert "at this rate" in page and "It runs low" in page and "Balance, last 30 days" in page
    assert "runs low" in text(client.get("/"))
    assert client.post(f"/providers/{account.id}/balance/alarm", data={"amount": "x"}).status_code == 422
