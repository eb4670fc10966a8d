"""Through whom the demo's texts go: four accounts on the simulator, their prices, rules, senders and balances."""

from __future__ import annotations

import math
import random

from core import clock
from core.contract.types import Balance
from core.db import database
from core.db.codes import Cls
from core.db.models import Account
from core.demo import words
from core.i18n import _, _l
from core.runtime import Runtime
from core.sending import accounts, balances, errorkinds, prices
from core.sending.routes import editing, rules, senders

MAIN, DIRECT, RESELLER, WORLD = "main", "direct", "reseller", "world"
NAMES = {
    MAIN: _l("Cloud platform"),
    DIRECT: _l("Carrier direct"),
    RESELLER: _l("Reseller"),
    WORLD: _l("World gateway"),
}
CURRENCY = "CNY"
#: Account → (sender, settings of the simulator, {country: price of a part}).
_ACCOUNTS = {
    MAIN: ("Kola", {"latency_ms": "20"}, {"": "0.045", "GB": "0.31", "DE": "0.52", "FR": "0.48"}),
    DIRECT: ("106901235", {"deliver_rate": "0.98"}, {"": "0.042"}),
    RESELLER: ("106907770", {"deliver_rate": "0.9", "accept_rate": "0.97"}, {"": "0.029"}),
    WORLD: ("Kola", {"deliver_rate": "0.96"}, {"": "0.36", "GB": "0.28", "DE": "0.47", "FR": "0.43"}),
}
#: What some codes of failed texts mean; the others wait for somebody to say so.
_KINDS = {"MK:0012": "handset", "EXPIRED": "handset", "MN:0001": "number"}
#: Account → (warn below, what is left today above or below that, as a share of a payment).
_LEFT = {MAIN: (500.0, 0.453), DIRECT: (150.0, -0.107), RESELLER: (50.0, 0.615), WORLD: (300.0, 0.674)}
#: Somebody pays in so many days' use at a time, rounded to this, and never less than the warning asks for.
_PAID_FOR_DAYS, _ROUND = 12, 100.0
_STEP_H, _DAYS, _RECENT_DAYS = 6, 42, 14


def add(rt: Runtime, seed: int) -> dict[str, Account]:
    """The accounts, the main one first, each with its prices and what its codes mean."""
    made, who = {}, words.who()
    for at, (key, (sender, settings, table)) in enumerate(_ACCOUNTS.items()):
        account = made[key] = accounts.create(
            rt, str(NAMES[key]), "simulator", {"seed": str(seed + at), **settings}, sender=sender, who=who
        )
        lines = [prices.line_of(country, "", price, CURRENCY, "") for country, price in table.items()]
        prices.put(account.id, lines, who=who)
        errorkinds.put(account, _KINDS, who=who)
        balances.set_alarm(account, str(_LEFT[key][0]), "", who=who)
    return made


def route(rt: Runtime, by: dict[str, Account]) -> dict[str, int]:
    """Three rules and a pool of senders; {country of its notices, "" for abroad: id of the rule}."""
    who = words.who()
    pool = senders.put_pool(_("Numbers in China"), sticky=True, who=who)
    for account, sender, rate, cap in (
        (DIRECT, "10690123501", 50, 20_000),
        (DIRECT, "10690123502", 50, 20_000),
        (RESELLER, "10690777001", 20, 5_000),
    ):
        senders.put(rt, pool.id, by[account].id, sender, rate=rate, cap=cap, only=["CN"], who=who)
    to = {key: account.id for key, account in by.items()}
    editing.add(
        {"name": _("Codes: who arrives best"), "cls": Cls.otp, "strategy": "arrival"},
        [rules.Target(to[DIRECT]), rules.Target(to[MAIN])], who=who,
    )  # fmt: skip
    notices = editing.add(
        {"name": _("Notices in China"), "cls": Cls.notice, "countries": ["CN"], "strategy": "weight", "pool_id": pool.id},
        [rules.Target(to[DIRECT], 6), rules.Target(to[RESELLER], 3), rules.Target(to[MAIN], 1)], who=who,
    )  # fmt: skip
    abroad = editing.add(
        {"name": _("Abroad"), "countries": ["GB", "DE", "FR"], "strategy": "order"},
        [rules.Target(to[WORLD]), rules.Target(to[MAIN])], who=who,
    )  # fmt: skip
    return {"CN": notices.id, "": abroad.id}


def balance(by: dict[str, Account], chance: random.Random) -> None:
    """What was left, four times a day, told back from today: what texts cost, and what was paid in."""
    now = clock.now_ms()
    for key, account in by.items():
        cost = _cost(account.id, now)
        recent = sum(spent for step, spent in cost.items() if step < _RECENT_DAYS * 24 // _STEP_H)
        floor, above = _LEFT[key]
        paid = max(round(recent / _RECENT_DAYS * _PAID_FOR_DAYS / _ROUND), math.ceil(floor / _ROUND)) * _ROUND
        left = floor + paid * above
        rows = []
        # Going back, what was spent is there again, and what was paid in is not: somebody pays once it is low.
        for step in range(max(cost, default=0) + 2):
            rows.append(
                (account.id, now - step * _STEP_H * clock.HOUR_MS, int(left * 1_000_000), None, CURRENCY)
            )
            left += cost.get(step, 0.0)
            if left - paid > floor * chance.uniform(0.6, 1.1):
                left -= paid
        with database.write_tx():
            database.copy_rows(
                "balance", ("account_id", "at", "amount_micros", "units", "currency"), rows[::-1]
            )
        accounts.keep_balance(account, Balance(rows[0][2], CURRENCY))


def _cost(account_id: int, now: int) -> dict[int, float]:
    """What the texts of an account cost, by steps of six hours before now."""
    step_ms = _STEP_H * clock.HOUR_MS
    rows = database.query(
        "SELECT (? - submitted_at) / ? AS step, SUM(cost_micros) FROM message "
        "WHERE account_id = ? AND submitted_at > ? GROUP BY step",
        (now, step_ms, account_id, now - _DAYS * clock.DAY_MS),
    )
    return {int(step): float(micros) / 1_000_000 for step, micros in rows}
