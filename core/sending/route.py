"""Through which account a message goes.

A message that was marked on an account stays with it: the same reference may be known there and nowhere else.
Others take the campaign's account, or, in a campaign that names none, what the `choose_account` hook picks
among the accounts that work, else the first of those.  So a campaign without an account of its own fails
over by itself, and only with messages that were never marked elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from core.db.codes import Cls
from core.sending.breaker import OPEN_MS, Account
from core.sending.item import Item

if TYPE_CHECKING:
    from core.runtime import Runtime


def candidates(accounts: Iterable[Account], campaign_account: int | None) -> list[Account]:
    """The accounts a campaign may use at all, in order of preference."""
    return [a for a in accounts if campaign_account in (None, a.id)]


def stuck(accounts: Sequence[Account]) -> str:
    """Why none of these will work again by itself, as a sentence; empty when one works or only rests."""
    if not accounts:
        return "There is no account to send through; add one under Providers."
    if any(a.enabled and not a.halted for a in accounts):
        return ""
    worst = accounts[0]
    return f"Account {worst.name!r} is {'halted: ' + worst.halted if worst.halted else 'switched off'}."


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
    if not usable:
        return None
    if len(usable) > 1:
        offered = [{"id": a.id, "name": a.name, "provider": a.provider} for a in usable]
        answer = rt.plugins.first("choose_account", cls=Cls(cls).name, country=country, accounts=offered)
        picked = answer.get("id") if isinstance(answer, Mapping) else answer
        if picked in {a.id for a in usable}:
            return picked
    return usable[0].id
