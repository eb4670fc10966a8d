"""Pools of senders while a batch is routed: who is free, who keeps whom, and the day they count by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core import clock
from core.db import database
from core.db.sets import among, listed
from core.sending.item import Item
from core.sending.routes.dice import throw
from core.sending.routes.rules import FULL_BP, words
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

_EPOCH = datetime(1970, 1, 1).toordinal()


class Today:
    """Days of the house's zone, numbered since 1970; the caps of senders start anew with each."""

    def __init__(self, rt: Runtime):
        self._rt = rt
        self._day, self._from, self._to = 0, 0, 0

    def at(self, now: int) -> tuple[int, int]:
        """(number of the day, when it ends in epoch ms)."""
        if not self._from <= now < self._to:
            zone = zones.house(self._rt)
            wall = clock.from_ms(now).astimezone(zone).replace(tzinfo=None)
            start = wall.replace(hour=0, minute=0, second=0, microsecond=0)
            self._day = start.toordinal() - _EPOCH
            self._from = zones.wall_to_ms(start, zone.key)
            self._to = zones.wall_to_ms(start + timedelta(days=1), zone.key)
        return self._day, self._to


@dataclass(slots=True)
class Free:
    """A sender as a batch sees it: `left` is what its cap allows today, None for no cap."""

    id: int
    account_id: int
    text: str
    weight: float
    countries: tuple[str, ...]
    left: int | None

    def serves(self, country: str) -> bool:
        """May it text this country, and has it room left today?"""
        return (self.left is None or self.left > 0) and (not self.countries or country in self.countries)


class Pool:
    """The senders of a pool for one batch; a pick counts against what is left of the day."""

    def __init__(self, pool_id: int, items: Sequence[Item], day: int):
        self.id = pool_id
        row = database.one("SELECT sticky FROM sender_pool WHERE id = ?", (pool_id,))
        self.sticky = bool(row and row[0])
        self.senders = _senders(pool_id, day)
        #: {contact: the sender that texted it last}
        self.kept = _kept(pool_id, [item.contact_id for item in items]) if self.sticky else {}

    def pick(self, account_id: int, item: Item) -> Free | None:
        """A sender at this account for a message, counted; None when none is free.

        The one the person knows; else, among those with room, in the proportion of their rates.
        """
        free = [s for s in self.senders if s.account_id == account_id and s.serves(item.country)]
        if not free:
            return None
        known = self.kept.get(item.contact_id)
        chosen = next((s for s in free if s.id == known), None) or self._drawn(free, item)
        if chosen.left is not None:
            chosen.left -= 1
        return chosen

    def _drawn(self, free: Sequence[Free], item: Item) -> Free:
        if len(free) == 1:
            return free[0]
        point = throw(item.contact_id, self.id) / FULL_BP * sum(s.weight for s in free)
        for sender in free:
            point -= sender.weight
            if point < 0:
                return sender
        return free[-1]


def _senders(pool_id: int, day: int) -> list[Free]:
    rows = database.query(
        "SELECT id, account_id, sender, rate_per_s, daily_cap, countries, day, used FROM sender "
        "WHERE pool_id = ? AND enabled ORDER BY id",
        (pool_id,),
    )
    fastest = max((row[3] for row in rows if row[3]), default=1.0)
    return [
        Free(
            id_, account_id, text, rate or fastest, words(countries),
            None if cap is None else cap - (used if on_day == day else 0),
        )
        for id_, account_id, text, rate, cap, countries, on_day, used in rows
    ]  # fmt: skip


def _kept(pool_id: int, contact_ids: Sequence[int]) -> dict[int, int]:
    return dict(
        database.query(
            f"SELECT contact_id, sender_id FROM sender_sticky WHERE pool_id = ? AND contact_id {among()}",
            (pool_id, listed(contact_ids)),
        )
    )


def keep(pool_id: int, sender_id: int, contact_ids: Iterable[int], now: int) -> None:
    """From now on this sender texts these people, inside `write_tx()`."""
    database.executemany(
        "INSERT INTO sender_sticky (contact_id, pool_id, sender_id, at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (contact_id, pool_id) DO UPDATE SET sender_id = excluded.sender_id, at = excluded.at",
        [(contact_id, pool_id, sender_id, now) for contact_id in sorted(contact_ids)],
    )


def bound(message_ids: Iterable[int]) -> dict[int, int]:
    """{message: sender} of messages that went through a pool before; a repeat goes through the same."""
    return dict(
        database.query(
            f"SELECT message_id, sender_id FROM message_route WHERE message_id {among()} AND sender_id <> 0",
            (listed(message_ids),),
        )
    )
