"""Pools of senders and their senders: making, changing, listing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from peewee import IntegrityError

from core import clock
from core.contract.errors import Refusal
from core.db import database, onlyonce
from core.db.models import Account, RouteRule, Sender, SenderPool
from core.i18n import _
from core.security import audit
from core.sending.routes.editing import countries
from core.sending.routes.pools import Today
from core.sending.routes.rules import words

if TYPE_CHECKING:
    from core.runtime import Runtime

MAX_NAME, MAX_SENDER = 60, 40
MAX_RATE, MAX_CAP = 1_000_000, 1_000_000_000


@dataclass(frozen=True, slots=True)
class Shown:
    """A sender as people see it; `used` is what it sent today."""

    id: int
    pool_id: int
    pool: str
    account: str
    sender: str
    rate_per_s: float | None
    daily_cap: int | None
    countries: tuple[str, ...]
    enabled: bool
    used: int


def pools() -> list[SenderPool]:
    """All pools by name."""
    return list(SenderPool.select().order_by(SenderPool.name))


def pool(name_or_id: str | int) -> SenderPool:
    """The pool of a name or number.  Raises `Refusal` (404)."""
    column = SenderPool.id if isinstance(name_or_id, int) else SenderPool.name
    found = SenderPool.get_or_none(column == name_or_id)
    if found is None:
        names = ", ".join(each.name for each in pools()) or _("none yet")
        raise Refusal(
            _("There is no pool %(name)s; there are: %(names)s.", name=repr(name_or_id), names=names),
            field="pool",
            status=404,
        )
    return found


def put_pool(name: str, sticky: bool = True, *, who: str = "") -> SenderPool:
    """The pool of this name, made when there is none; `sticky` as given.  Raises `Refusal`."""
    tidy = name.strip()
    if not 1 <= len(tidy) <= MAX_NAME:
        raise Refusal(_("A pool needs a name of 1 to %(max)s characters.", max=MAX_NAME), field="pool")
    with database.write_tx():
        found = SenderPool.get_or_none(SenderPool.name == tidy)
        if found is None:
            found = SenderPool.create(
                **onlyonce.new_id("sender_pool"), name=tidy, sticky=sticky, created_at=clock.now_ms()
            )
            audit.record(who, "pool.add", tidy, "sticky" if sticky else "")
        elif found.sticky != sticky:
            SenderPool.update(sticky=sticky).where(SenderPool.id == found.id).execute()
            audit.record(who, "pool.edit", tidy, "sticky" if sticky else "not sticky")
    return pool(tidy)


def remove_pool(pool_id: int, *, who: str = "") -> None:
    """Remove a pool with its senders.  Raises `Refusal` while a rule names it."""
    found = pool(pool_id)
    rule = RouteRule.get_or_none(RouteRule.pool_id == pool_id)
    if rule is not None:
        raise Refusal(
            _("Rule %(rule)s uses the pool %(pool)s; take it out there first.",
              rule=repr(rule.name), pool=repr(found.name)),
            field="pool",
        )  # fmt: skip
    with database.write_tx():
        last = database.scalar("SELECT MAX(id) FROM sender WHERE pool_id = ?", (pool_id,))
        for table in ("sender_sticky", "sender"):
            database.execute(f"DELETE FROM {table} WHERE pool_id = ?", (pool_id,))
        database.execute("DELETE FROM sender_pool WHERE id = ?", (pool_id,))
        onlyonce.gone("sender", last or 0)
        onlyonce.gone("sender_pool", pool_id)
        audit.record(who, "pool.remove", found.name)


def every(rt: Runtime) -> list[Shown]:
    """All senders, by pool, account and text."""
    today = Today(rt).at(clock.now_ms())[0]
    rows = database.query(
        "SELECT s.id, s.pool_id, p.name, a.name, s.sender, s.rate_per_s, s.daily_cap, s.countries, s.enabled, "
        "CASE WHEN s.day = ? THEN s.used ELSE 0 END FROM sender s JOIN sender_pool p ON p.id = s.pool_id "
        "LEFT JOIN account a ON a.id = s.account_id ORDER BY p.name, a.name, s.sender",
        (today,),
    )
    return [
        Shown(*row[:3], row[3] or "–", row[4], row[5], row[6], words(row[7]), bool(row[8]), row[9])
        for row in rows
    ]


def get(rt: Runtime, sender_id: int) -> Shown:
    """One sender.  Raises `Refusal` (404)."""
    found = next((each for each in every(rt) if each.id == sender_id), None)
    if found is None:
        raise Refusal(_("There is no sender %(id)s any more.", id=sender_id), field="sender", status=404)
    return found


def put(
    rt: Runtime, pool_id: int, account_id: int, sender: str, *, sender_id: int | None = None, rate: Any = None,
    cap: Any = None, only: Iterable[str] = (), enabled: bool = True, who: str = "",
) -> Shown:  # fmt: skip
    """Add a sender, or change the one of `sender_id`.  Raises `Refusal` with the field at fault."""
    text = sender.strip()
    if not 1 <= len(text) <= MAX_SENDER or not text.isprintable():
        raise Refusal(_("A sender has 1 to %(max)s characters.", max=MAX_SENDER), field="sender")
    if not Account.select().where(Account.id == account_id).exists():
        raise Refusal(_("There is no account %(id)s.", id=account_id), field="account")
    values = {
        "pool_id": pool(pool_id).id, "account_id": account_id, "sender": text,
        "rate_per_s": _number(rate, "rate", MAX_RATE), "daily_cap": _whole(cap),
        "countries": "\n".join(countries(only)), "enabled": enabled,
    }  # fmt: skip
    try:
        with database.write_tx():
            if sender_id is None:
                values |= onlyonce.new_id("sender") | {"created_at": clock.now_ms()}
                sender_id = Sender.create(**values).id
                audit.record(who, "sender.add", text, pool(pool_id).name)
            else:
                get(rt, sender_id)
                Sender.update(**values).where(Sender.id == sender_id).execute()
                audit.record(who, "sender.edit", text, pool(pool_id).name)
    except IntegrityError:
        raise Refusal(
            _("The pool has the sender %(sender)s of this account already.", sender=repr(text)),
            field="sender",
        ) from None
    return get(rt, sender_id)


def switch(rt: Runtime, sender_id: int, on: bool, *, who: str = "") -> None:
    """Use a sender, or not."""
    found = get(rt, sender_id)
    with database.write_tx():
        Sender.update(enabled=on).where(Sender.id == sender_id).execute()
        audit.record(who, "sender.on" if on else "sender.off", found.sender, found.pool)


def remove(rt: Runtime, sender_id: int, *, who: str = "") -> Shown:
    """Remove a sender; people it texted get another one of the pool."""
    found = get(rt, sender_id)
    with database.write_tx():
        database.execute("DELETE FROM sender WHERE id = ?", (sender_id,))
        onlyonce.gone("sender", sender_id)
        audit.record(who, "sender.remove", found.sender, found.pool)
    return found


def _number(value: Any, field: str, most: float) -> float | None:
    if value in (None, ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number <= most:
        raise Refusal(
            _("A rate is a number of texts a second above 0, not %(rate)s.", rate=repr(value)), field=field
        )
    return number


def _whole(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= MAX_CAP:
        raise Refusal(_("A daily cap is a whole number above 0, not %(cap)s.", cap=repr(value)), field="cap")
    return number
