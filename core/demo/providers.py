"""Through whom the demo's texts go: four accounts on the simulator, their prices, rules, senders and balances."""

from __future__ import annotations

import random

from core import clock
from core.contract.types import Balance
from core.db import database
from core.db.codes import Cls
from core.db.models import Account
from core.runtime import Runtime
from core.sending import accounts, balances, prices
from core.sending.routes import editing, rules, senders

MAIN, DIRECT, RESELLER, WORLD = "Cloud platform", "Carrier direct", "Reseller", "World gateway"
WHO = "demo"
CURRENCY = "CNY"
#: Name → (sender, settings of the simulator, {country: price of a part}).
_OTHERS = {
    DIRECT: ("106901235", {"deliver_rate": "0.98"}, {"": "0.042"}),
    RESELLER: ("106907770", {"deliver_rate": "0.9", "accept_rate": "0.97"}, {"": "0.029"}),
    WORLD: ("Kola", {"deliver_rate": "0.96"}, {"": "0.36", "GB": "0.28", "DE": "0.47", "FR": "0.43"}),
}
_MAIN_PRICES = {"": "0.045", "GB": "0.31", "DE": "0.52", "FR": "0.48"}
#: Name → (paid in, what a day takes, days ago it was paid in, warn below).
_BALANCES = {
    MAIN: (4_000.0, 92.0, 12, 500.0),
    DIRECT: (1_500.0, 66.5, 21, 400.0),
    RESELLER: (600.0, 14.0, 21, 100.0),
    WORLD: (2_500.0, 58.0, 9, 300.0),
}
_STEP_H, _DAYS = 6, 24


def add(rt: Runtime, seed: int) -> dict[str, Account]:
    """The accounts by name, the main one first, each with its prices."""
    made = {}
    for at, (name, (sender, settings, table)) in enumerate(
        {MAIN: ("Kola", {"latency_ms": "20"}, _MAIN_PRICES), **_OTHERS}.items()
    ):
        made[name] = accounts.create(
            rt, name, "simulator", {"seed": str(seed + at), **settings}, sender=sender, who=WHO
        )
        lines = [prices.line_of(country, "", price, CURRENCY, "") for country, price in table.items()]
        prices.put(made[name].id, lines, who=WHO)
    return made


def route(rt: Runtime, by: dict[str, Account]) -> dict[str, int]:
    """Three rules and a pool of senders; {name of the rule: id}."""
    pool = senders.put_pool("Numbers in China", sticky=True, who=WHO)
    for account, sender, rate, cap in (
        (DIRECT, "10690123501", 50, 20_000),
        (DIRECT, "10690123502", 50, 20_000),
        (RESELLER, "10690777001", 20, 5_000),
    ):
        senders.put(rt, pool.id, by[account].id, sender, rate=rate, cap=cap, only=["CN"], who=WHO)
    to = {name: account.id for name, account in by.items()}
    made = {
        "Codes: who arrives best": editing.add(
            {"name": "Codes: who arrives best", "cls": Cls.otp, "strategy": "arrival"},
            [rules.Target(to[DIRECT]), rules.Target(to[MAIN])], who=WHO,
        ),
        "Notices in China": editing.add(
            {"name": "Notices in China", "cls": Cls.notice, "countries": ["CN"], "strategy": "weight", "pool_id": pool.id},
            [rules.Target(to[DIRECT], 6), rules.Target(to[RESELLER], 3), rules.Target(to[MAIN], 1)], who=WHO,
        ),
        "Abroad": editing.add(
            {"name": "Abroad", "countries": ["GB", "DE", "FR"], "strategy": "order"},
            [rules.Target(to[WORLD]), rules.Target(to[MAIN])], who=WHO,
        ),
    }  # fmt: skip
    return {name: rule.id for name, rule in made.items()}


def balance(by: dict[str, Account], chance: random.Random) -> None:
    """What was left, four times a day; one account runs low."""
    now = clock.now_ms()
    for name, (paid, a_day, paid_days, floor) in _BALANCES.items():
        account, left, rows = by[name], 0.0, []
        for hours in range(_DAYS * 24, -1, -_STEP_H):
            used = a_day * _STEP_H / 24 * chance.uniform(0.4, 1.6)
            left = paid if hours // 24 == paid_days and hours % 24 == 0 else max(40.0, left - used)
            if hours <= paid_days * 24 or name == MAIN:
                rows.append((account.id, now - hours * clock.HOUR_MS, int(left * 1_000_000), None, CURRENCY))
        with database.write_tx():
            database.copy_rows("balance", ("account_id", "at", "amount_micros", "units", "currency"), rows)
        accounts.keep_balance(account, Balance(rows[-1][2], CURRENCY))
        balances.set_alarm(account, str(floor), "", who=WHO)
