"""Numbers people type are taken as they mean them, or refused."""

from decimal import Decimal

import pytest

from core import amounts
from core.contract.errors import Refusal
from core.db import settings
from core.db.models import Account
from core.sending import atmost, balances, monthly, prices
from tests import campaign_kit as kit


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("1000", "1000"), ("1,000", "1000"), ("12,000", "12000"), ("1,000,000", "1000000"), ("1,000.50", "1000.50"),
        ("1.000,50", "1000.50"), ("1.000.000", "1000000"), ("1 000", "1000"), ("1 000,5", "1000.5"),
        ("1\u00a0000", "1000"), ("1\u202f000.25", "1000.25"), ("1'000.50", "1000.50"), ("1’000", "1000"),
        ("１，０００", "1000"), ("１０００．５", "1000.5"), ("0,045", "0.045"), ("0.045", "0.045"), (",5", "0.5"),
        (".5", "0.5"), ("12,5", "12.5"), ("1,50", "1.5"), ("1234,567", "1234.567"), ("1.000", "1"), ("0,0079", "0.0079"),
        (" 7 ", "7"), ("-3", "-3"), ("−1,000", "-1000"), ("+5", "5"), ("1e3", "1000"), ("0", "0"), ("0,000", "0"),
    ],
)  # fmt: skip
def test_a_number_is_what_its_writer_means(typed, meant):
    assert amounts.read(typed) == Decimal(meant)


@pytest.mark.parametrize(
    "typed",
    ["", "lots", "1,0000", "12,3456", "1,00,000", "1,000,50", "1.000.50", "1 00", "1,000,", "--1", "1e999", "nan", "inf",
     "01,000", "¥5", "1_000", "٣", "1000 000", "1,000 000"],
)  # fmt: skip
def test_what_is_no_number_or_may_be_two_is_refused(typed):
    with pytest.raises(Refusal, match="write it like 1000.50") as refused:
        amounts.read(typed, "budget")
    assert refused.value.field == "budget"


def test_money_is_rounded_with_a_half_up():
    assert [str(amounts.rounded(n)) for n in (145_000, 135_000, 144_999, -145_000, -1)] == [
        "0.15", "0.14", "0.14", "-0.15", "0.00",
    ]  # fmt: skip
    assert str(amounts.rounded(123_450, 4)) == "0.1235"


def test_an_alarm_at_a_thousand_is_kept_as_a_thousand(rt):
    account = Account.get_by_id(kit.account(rt))
    for typed in ("1,000", "1 000", "1.000,00", "１，０００"):
        assert balances.set_alarm(account, typed, "2,5") == balances.Alarm(1000.0, 2.5)
    assert balances.alarm(account.id) == balances.Alarm(1000.0, 2.5)
    with pytest.raises(Refusal) as refused:
        balances.set_alarm(account, "1,0000", "")
    assert refused.value.field == "amount"


def test_prices_and_caps_are_read_by_the_same_rule(rt):
    assert prices.micros_of("0,045") == prices.micros_of("0.045") == 45_000
    assert prices.parse("1,000.5 cny") == (1_000_500_000, "CNY")
    assert prices.micros_of("0.0000005") == 1
    prices.put(kit.account(rt), [prices.Line(45_000, "CNY")])
    for typed in ("1,000 CNY", "1,000", "1 000 cny", "1.000,00CNY"):
        assert atmost.cap(typed) == (1_000_000_000, "CNY")
    for typed in ("CNY", "", "-5", "0", "5 EUR"):
        with pytest.raises(Refusal):
            atmost.cap(typed)


def test_budgets_of_forms_take_thousands_and_say_one_sentence_of_nonsense(client, rt_sqlite):
    prices.put(kit.account(rt_sqlite), [prices.Line(45_000, "CNY")])

    page = client.get("/settings/rules").get_data(as_text=True)
    assert 'inputmode="decimal"' in page
    form = {
        "four_eyes": "9",
        "four_eyes_cost": "0",
        "month_currency": "CNY",
        "pause_after": "9",
        "stop_scope": "all",
    }
    assert client.post("/settings/rules", data=form | {"month_budget": "1,000.50"}).status_code == 303
    assert settings.get(monthly.KEY) == {"micros": 1_000_500_000, "currency": "CNY"}
    wrong = client.post("/settings/rules", data=form | {"month_budget": "1,0000"})
    assert wrong.status_code == 422
    assert wrong.get_data(as_text=True).count("cannot be read as one number") == 1
    kept = client.get("/settings/rules").get_data(as_text=True)
    assert (
        'value="1000.5"' in kept and 'id="four_eyes_cost" inputmode="decimal" name="four_eyes_cost"' in kept
    )
    assert 'value="0.0"' not in kept
