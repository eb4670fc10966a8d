"""Price tables: the most exact price in force wins."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.sending import accounts, prices
from core.sending.prices import Line

DAY = clock.DAY_MS


@pytest.fixture
def account(rt):
    return accounts.create(rt, "gw", "null", {}).id


def test_the_most_exact_price_wins_then_the_newest(account):
    prices.put(
        account,
        [
            Line(10, "CNY"),
            Line(20, "CNY", cls=Cls.mass),
            Line(30, "CNY", "CN"),
            Line(40, "CNY", "CN", Cls.mass),
            Line(45, "CNY", "CN", Cls.mass, 5 * DAY),
            Line(99, "CNY", "CN", Cls.mass, 9 * DAY),
        ],
    )
    cases = [("US", Cls.otp, 10), ("US", Cls.mass, 20), ("CN", Cls.otp, 30), ("CN", Cls.mass, 45)]
    assert [prices.price_of(account, country, cls, 6 * DAY)[0] for country, cls, _p in cases] == [
        p for *_c, p in cases
    ]
    assert prices.price_of(account, "CN", Cls.mass, 4 * DAY) == (40, "CNY")
    assert prices.price_of(account + 1, "CN", Cls.mass) == (0, "")


def test_a_price_of_the_same_country_class_and_date_is_replaced(account):
    prices.put(account, [Line(10, "CNY", "CN")])
    prices.put(account, [Line(11, "CNY", "CN")])
    assert [line.micros for line in prices.table(account)] == [11]
    prices.remove(account, "CN", prices.ANY, 0)
    assert prices.table(account) == []


def test_two_currencies_in_one_account_are_refused(account):
    prices.put(account, [Line(10, "CNY", "CN")])
    with pytest.raises(Refusal, match="CNY.*USD"):
        prices.put(account, [Line(10, "USD", "US")])


def test_the_audit_log_names_the_price(account):
    prices.put(account, [Line(45_000, "CNY", "CN", Cls.mass)], who="ann")
    prices.put(account, [Line(10, "CNY", "US"), Line(50_000, "CNY", from_at=5 * DAY)], who="ann")
    prices.remove(account, "", prices.ANY, 5 * DAY, who="ann")
    rows = database.query("SELECT detail FROM audit WHERE action = 'account.prices' ORDER BY id")
    assert [detail for (detail,) in rows] == [
        "CN mass 0.045 CNY",
        "2 prices",
        "removed any 0.05 CNY from 1970-01-06",
    ]


CSV = (
    '\ufeffcountry,class,price,currency,from\nCN,mass,0.045,CNY,2026-01-01\n,,0.5,cny,\nus,otp,"1,25",CNY,\n'
)


def test_prices_come_from_a_csv_file(account, cli, tmp_path):
    (tmp_path / "prices.csv").write_text(CSV)
    data = json.loads(cli("account", "prices", "gw", "--file", tmp_path / "prices.csv", "--json").stdout)
    assert data == [
        {"country": "", "class": "", "price": "0.5", "currency": "CNY", "from": ""},
        {"country": "CN", "class": "mass", "price": "0.045", "currency": "CNY", "from": "2026-01-01"},
        {"country": "US", "class": "otp", "price": "1.25", "currency": "CNY", "from": ""},
    ]
    assert prices.price_of(account, "CN", Cls.mass)[0] == 45_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "needs the columns"),
        ("", "needs the columns"),
        ("price,currency\nfree,CNY\n", "Line 2"),
        ("price,currency\n1,CNY\n-1,CNY\n", "Line 3"),
        ("price,currency\n1,yuan\n", "currency"),
        ("price,currency,country\n1,CNY,China\n", "country"),
        ("price,currency,country\n1,CNY,XX\n", "'XX' is no country code"),
        ("price,currency,class\n1,CNY,spam\n", "class"),
        ("price,currency,from\n1,CNY,tomorrow\n", "date"),
        ("price,currency\nNaN,CNY\n", "Line 2"),
        ("price,currency\n1e99,CNY\n", "price"),
    ],
)
def test_a_bad_file_is_refused_with_its_line_and_changes_nothing(text, words):
    with pytest.raises(Refusal, match=words):
        prices.read_csv(text)


def test_a_price_is_given_while_the_account_is_made(cli):
    assert cli("account", "add", "a", "--provider", "null", "--price", "0.045 cny").exit_code == 0
    assert prices.price_of(accounts.get("a").id, "CN", Cls.mass) == (45_000, "CNY")
    done = cli("account", "add", "b", "--provider", "null", "--price", "cheap")
    assert done.exit_code == 1
    assert [account.name for account in accounts.every()] == ["a"]
