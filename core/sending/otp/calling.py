"""Through which account a code is said: of those that call and may carry codes, the one the routes of class voice
choose.  The account's own number calls: a code is one call, and pools of senders are for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from core import clock
from core.db import classes
from core.db.codes import Cls
from core.sending import breaker
from core.sending.breaker import Account
from core.sending.item import Item
from core.sending.routes import decision
from core.sending.routes.choosing import Choice
from core.sending.routes.router import Router

if TYPE_CHECKING:
    from core.runtime import Runtime


class Person(NamedTuple):
    """Who is called: `die` is what dice are thrown with; `contact_id` 0 for a number we never met."""

    die: int
    contact_id: int
    number: str
    country: str


class Call(NamedTuple):
    """The account of a call, and what is kept of the decision; `why` "" where no rule had a say."""

    account_id: int
    rule_id: int
    why: str

    def keep(self, message_id: int) -> None:
        """Store the decision with the message, inside `write_tx()`."""
        if self.why:
            decision.store([message_id], self.rule_id, self.account_id, 0, self.why, clock.now_ms())


def able(rt: Runtime) -> dict[int, Account]:
    """Accounts that may carry codes and can call, also those that rest."""
    allowed = classes.allowed_accounts(Cls.otp)
    return {
        account.id: account
        for account in breaker.load()
        if account.enabled
        and not account.halted
        and (allowed is None or account.id in allowed)
        and "voice" in getattr(rt.plugins.providers.get(account.provider), "channels", ())
    }


def choose(rt: Runtime, people: Sequence[Person]) -> list[Call | None]:
    """The account for each, one that works first; None where the routes leave none."""
    callers = able(rt)
    if not callers or not people:
        return [None] * len(people)
    router = Router(rt, Cls.voice, None, callers, clock.now_ms())
    # The message is of class otp: what class voice may use is not asked.
    router.allowed = callers
    router.rules = [replace(rule, pool_id=None) for rule in router.rules]
    items = [Item(one.die, one.contact_id, 0, 0, None, 0, None, one.number, one.country) for one in people]
    router.decide(items, {})
    return [_call(router, item.choice) for item in items]


def _call(router: Router, choice: Choice) -> Call | None:
    # Where all rest the call waits for the first that is up again: a code is not offered a second time.
    resting = min(choice.others, key=lambda id_: (router.allowed[id_].open_until, id_), default=None)
    account_id = choice.account_id or resting
    if account_id is None:
        return None
    return Call(account_id, choice.rule_id, choice.why if router.active else "")
