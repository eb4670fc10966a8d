"""Through which account a message goes, as long as no rule has a say (`core.sending.routes` has them).

A message that was marked on an account stays with it: the same reference may be known there and nowhere else.
Others take the campaign's account, or, in a campaign that names none, what the `choose_account` hook picks
among the accounts that work, else the first of those.  So a campaign without an account of its own fails
over by itself, and only with messages that were never marked elsewhere.

With rules one exception is made, and only here is it proven that nothing goes twice: a message whose *first*
mark was answered with "not sent" (it never left us; the provider put it off; the provider refuses the route, a
refusal of the kind "route") forgets the account, in the transaction that records that answer, and may be
marked on another one (`core.sending.routes.way.Way.frees`).  A message that is in doubt, that was repeated
under its reference, or whose account somebody named never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import TYPE_CHECKING

from core.db import classes
from core.db.codes import Cls
from core.sending import pausing
from core.sending.breaker import OPEN_MS, Account
from core.sending.dossiers import barring
from core.sending.item import Item

if TYPE_CHECKING:
    from core.runtime import Runtime


def candidates(
    accounts: Iterable[Account], campaign_account: int | None, cls: int, barred: Set[int] | None = None
) -> list[Account]:
    """The accounts a campaign of a class may use at all, in order of preference.

    `barred` are those without papers, where the caller knows them already.
    """
    allowed = classes.allowed_accounts(cls)
    barred = barring.barred(cls) if barred is None else barred
    return [
        a
        for a in accounts
        if campaign_account in (None, a.id) and (allowed is None or a.id in allowed) and a.id not in barred
    ]


def with_papers(every: Mapping[int, Account], barred: Set[int]) -> Mapping[int, Account]:
    """The same accounts; the `barred`, whose papers do not do for the class, are as if switched off.

    So messages that are bound to one of them wait, whatever brought them there.
    """
    return (
        {id_: replace(a, enabled=False) if id_ in barred else a for id_, a in every.items()}
        if barred
        else every
    )


def fitting(rt: Runtime, accounts: Sequence[Account], cls: int) -> list[Account]:
    """Of these the accounts for the class's channel: texts never go where only calls are made, and voice goes to
    those that call, where there are any."""
    channels = {
        a.id: frozenset(getattr(rt.plugins.providers.get(a.provider), "channels", ())) for a in accounts
    }
    if cls == Cls.voice:
        kept = [a for a in accounts if "voice" in channels[a.id]]
    else:
        kept = [a for a in accounts if channels[a.id] != {"voice"}]
    return kept or list(accounts)


def stuck(accounts: Sequence[Account], campaign_account: int | None = None, cls: int = Cls.notice) -> str:
    """Why none of these will work again by itself, as a sentence; empty when one works or only rests.

    They are the `candidates` of a campaign; its account and class tell why there may be none.
    """
    if not accounts:
        barred = barring.barred(cls)
        named = barred if campaign_account is None else barred & {campaign_account}
        if named:
            return " ".join(barring.why_barred(id_) for id_ in sorted(named))
        return pausing.say("no_account")
    if any(a.enabled and not a.halted for a in accounts):
        return ""
    worst = accounts[0]
    if worst.halted:
        return pausing.say("halted", name=worst.name, why=worst.halted)
    return pausing.say("off", name=worst.name)


def rest_until(accounts: Sequence[Account], now: int) -> int:
    """When the first of these may be tried again (epoch ms)."""
    return min(
        (max(a.open_until, now) for a in accounts if a.enabled and not a.halted), default=now + OPEN_MS
    )


def assign(
    rt: Runtime,
    cls: int,
    items: Sequence[Item],
    allowed: Sequence[Account],
    every: Mapping[int, Account],
    now: int,
) -> tuple[dict[int, list[Item]], list[tuple[Item, int]]]:
    """({account: its messages}, [(message, not before) that must wait]) in the order of `items`."""
    usable = [a for a in allowed if a.usable(now)]
    if len(usable) == 1 and not any(item.account_id for item in items):
        return {usable[0].id: list(items)}, []
    chosen: dict[str, int | None] = {}
    lanes: dict[int, list[Item]] = {}
    parked: list[tuple[Item, int]] = []
    for item in items:
        if item.account_id:
            bound = every.get(item.account_id)
            target = item.account_id if bound and bound.usable(now) else None
        else:
            if item.country not in chosen:
                chosen[item.country] = _choose(rt, cls, item.country, usable)
            target = chosen[item.country]
        if target is None:
            tried = (
                [every[item.account_id]] if item.account_id in every else [] if item.account_id else allowed
            )
            parked.append((item, max(rest_until(tried, now), now + 1000)))
        else:
            lanes.setdefault(target, []).append(item)
    return lanes, parked


def _choose(rt: Runtime, cls: int, country: str, usable: Sequence[Account]) -> int | None:
    return pick(rt, cls, country, usable)[0]


def pick(rt: Runtime, cls: int, country: str, usable: Sequence[Account]) -> tuple[int | None, str]:
    """(one of the accounts that work, or None when there is none, who picked it: "hook" or "first")."""
    if not usable:
        return None, "first"
    if len(usable) > 1:
        offered = [{"id": a.id, "name": a.name, "provider": a.provider} for a in usable]
        answer = rt.plugins.first("choose_account", cls=Cls(cls).name, country=country, accounts=offered)
        picked = answer.get("id") if isinstance(answer, Mapping) else answer
        if picked in {a.id for a in usable}:
            return picked, "hook"
    return usable[0].id, "first"
