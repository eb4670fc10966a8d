"""What is left at a provider: asked each hour, kept as a history, told before it runs out.

How fast it goes is read from the readings themselves: what they fell by, a rise being money paid in.  Until
they cover six hours it is what our messages cost in the last seven days.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from core import amounts, clock, mail
from core.contract.errors import CooeeError, Refusal
from core.contract.types import Balance, Provider
from core.db import database, settings
from core.db.models import Account
from core.i18n import _, _n
from core.security import audit
from core.sending import accounts, calls, prices

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.balance")

#: Burn rate: over so long; readings count once they cover this long.
BURN_MS, ENOUGH_MS = 7 * clock.DAY_MS, 6 * clock.HOUR_MS
_ALARM, _MAILED = "balance.alarm:{}", "balance.mailed:{}"


class Reading(NamedTuple):
    """One answer: micro-units of money, or units."""

    at: int
    amount: int


@dataclass(frozen=True, slots=True)
class Burn:
    """How fast it goes.  `per_day` in the unit of the readings; `paid_in` what came on top meanwhile;
    `measured` by the balance itself, else by the cost of messages."""

    per_day: float
    paid_in: int
    measured: bool


@dataclass(frozen=True, slots=True)
class Alarm:
    """When to say so: at this much money or units, or this many days; None asks nothing."""

    amount: float | None = None
    days: float | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """What is known of an account: `amount` of the last reading in micro-units, or in units with `units`."""

    amount: int
    units: bool
    currency: str
    at: int
    burn: Burn | None
    days: float | None
    low: bool


def tells(rt: Runtime, account: Account) -> bool:
    """Does its provider tell a balance at all?"""
    cls = rt.plugins.providers.get(account.provider)
    return cls is not None and cls.balance is not Provider.balance


def ask(rt: Runtime, account: Account) -> Balance | None:
    """Ask what is left now, and keep the answer; None when the provider does not tell.  Raises as it does."""
    provider = accounts.open_provider(rt, account, connect=False)
    with calls.asked(provider, account.id, "balance"):
        left = provider.balance()
    if left is not None:
        accounts.keep_balance(account, left)
        with database.write_tx():
            database.execute(
                "INSERT INTO balance (account_id, at, amount_micros, units, currency) VALUES (?, ?, ?, ?, ?)",
                (account.id, clock.now_ms(), left.amount_micros, left.units, left.currency or ""),
            )
    return left


def poll_due(rt: Runtime) -> None:
    """Job, each hour: ask every account in use whose provider tells, and warn of those that run low."""
    for account in accounts.every():
        if account.enabled and tells(rt, account):
            try:
                ask(rt, account)
            except CooeeError as error:
                log.warning("account %s did not tell its balance: %s", account.name, error)
            except Exception:
                # A provider plugin that raises what it should not: the other accounts are asked all the same.
                log.exception("account %s did not tell its balance", account.name)
    warn(rt)


# --- reading ------------------------------------------------------------------------------------------


def history(account_id: int, since: int) -> tuple[list[Reading], bool, str]:
    """(readings from an instant on, oldest first; are they units; currency)."""
    rows = database.query(
        "SELECT at, amount_micros, units, currency FROM balance WHERE account_id = ? AND at >= ? ORDER BY at, id",
        (account_id, since),
    )
    units = bool(rows) and rows[-1][1] is None
    kept = [(at, count if units else micros) for at, micros, count, _currency in rows]
    return [Reading(at, n) for at, n in kept if n is not None], units, rows[-1][3] if rows else ""


def fall(readings: Sequence[Reading]) -> tuple[int, int]:
    """(what was used, what was paid in) between the first and the last reading."""
    steps = [after.amount - before.amount for before, after in zip(readings, readings[1:], strict=False)]
    return -sum(step for step in steps if step < 0), sum(step for step in steps if step > 0)


def burn(account_id: int, readings: Sequence[Reading], units: bool, now: int) -> Burn | None:
    """How fast it goes; None when nothing was used."""
    recent = [reading for reading in readings if reading.at >= now - BURN_MS]
    if len(recent) > 1 and recent[-1].at - recent[0].at >= ENOUGH_MS:
        used, paid_in = fall(recent)
        days = (recent[-1].at - recent[0].at) / clock.DAY_MS
        return Burn(used / days, paid_in, True) if used else None
    row = database.one(
        "SELECT SUM(parts), SUM(cost_micros) FROM tally WHERE account_id = ? AND hour > ?",
        (account_id, (now - BURN_MS) // clock.HOUR_MS),
    )
    spent = int((row[0] if units else row[1]) or 0)
    return Burn(spent / (BURN_MS / clock.DAY_MS), 0, False) if spent else None


def left(account_id: int, now: int | None = None) -> Left | None:
    """What is left of an account and for how long; None when it never told."""
    now = clock.now_ms() if now is None else now
    readings, units, currency = history(account_id, now - 30 * clock.DAY_MS)
    if not readings:
        return None
    priced = "" if units else prices.currency_of(account_id)
    last, rate = readings[-1], burn(account_id, readings, units, now)
    if rate and not rate.measured and currency and priced and currency != priced:
        rate = None  # What messages cost is in another currency than what is left.
    days = max(0.0, last.amount / rate.per_day) if rate else None
    limit = alarm(account_id)
    floor = None if limit.amount is None else limit.amount * (1 if units else 1_000_000)
    low = (floor is not None and last.amount <= floor) or (
        limit.days is not None and days is not None and days <= limit.days
    )
    if not currency and not units:
        currency = priced
    return Left(last.amount, units, currency, last.at, rate, days, low)


# --- alarm --------------------------------------------------------------------------------------------


def alarm(account_id: int) -> Alarm:
    """When this account is to be called low."""
    return Alarm(**settings.get(_ALARM.format(account_id), {}))


def set_alarm(account: Account, amount: str, days: str, *, who: str = "") -> Alarm:
    """Choose when; empty texts ask nothing.  Raises `Refusal` for what is no number."""
    made = Alarm(_typed(amount, "amount"), _typed(days, "days"))
    with database.write_tx():
        settings.put(_ALARM.format(account.id), {"amount": made.amount, "days": made.days})
        audit.record(who, "account.balance_alarm", account.name, f"amount {made.amount}, days {made.days}")
    return made


def _typed(text: str, field: str) -> float | None:
    if not text.strip():
        return None
    value = amounts.read(text, field)
    if not 0 <= value <= 10**12:
        raise Refusal(_("“%(text)s” is no number from 0 up.", text=text.strip()), field=field)
    return float(value)


def low() -> list[tuple[Account, Left]]:
    """Accounts in use that run low."""
    found = [(account, left(account.id)) for account in accounts.every() if account.enabled]
    return [(account, known) for account, known in found if known and known.low]


def sentence(known: Left) -> str:
    """How much is left, for a notice or a mail."""
    amount = (
        _n("%(n)s part", "%(n)s parts", known.amount, n=f"{known.amount:,}")
        if known.units
        else f"{amounts.rounded(known.amount):,} {known.currency}".strip()
    )
    if known.days is None:
        return _("%(amount)s left.", amount=amount)
    return _("%(amount)s left, enough for about %(days)s days.", amount=amount, days=f"{known.days:.1f}")


def warn(rt: Runtime) -> int:
    """Mail administrators about accounts that run low, once a day each; how many mails were sent."""
    today, mails = clock.now_ms() // clock.DAY_MS, 0
    for account, known in low():
        key = _MAILED.format(account.id)
        if settings.get(key) == today or not mail.configured(rt):
            continue
        settings.put(key, today)
        for email in _admins():
            subject = _("Cooee: %(name)s runs low", name=account.name)
            text = f"{sentence(known)}\n\n{rt.settings.public_url}/providers/{account.id}"
            mail.send_later(rt, email, subject, text)
            mails += 1
    return mails


def _admins() -> list[str]:
    rows: list[tuple[Any, ...]] = database.query(
        "SELECT u.email FROM user_account u JOIN user_role ur ON ur.user_id = u.id "
        "JOIN role r ON r.id = ur.role_id WHERE r.name = 'admin' AND u.active = ? ORDER BY u.email",
        (True,),
    )
    return [row[0] for row in rows]
