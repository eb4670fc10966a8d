"""What is measured of accounts, as routing reads it: arrival by country and carrier, and who is on watch.

The tables are written by the measuring room; nothing here changes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core import clock
from core.db import database
from core.db.sets import among, listed
from core.sending.routes.rules import FULL_BP

#: Shares of an account on its way back, and how long it stays on each.
STEPS_BP = (100, 1_000, 5_000, FULL_BP)
STEP_MS = 30 * clock.MINUTE_MS


@dataclass(frozen=True, slots=True)
class Watch:
    """`share_bp` of what an account would get may go to it now; `reason` says why it is not all."""

    share_bp: int
    reason: str = ""


def watched(now: int) -> dict[int, Watch]:
    """Accounts that get less than they would, with the share they get at `now` (epoch ms).

    On canary an account gets what its row says.  One that was declared well with less than everything
    climbs from there, a step each half hour.
    """
    found = {}
    for account_id, state, since, share_bp, reason in database.query(
        "SELECT account_id, state, since, canary_bp, reason FROM account_watch WHERE state <> 'ok' OR canary_bp < ?",
        (FULL_BP,),
    ):
        share = share_bp if state != "ok" else recovering(share_bp, now - since)
        if share < FULL_BP:
            found[account_id] = Watch(max(0, share), reason)
    return found


def recovering(share_bp: int, well_for_ms: int) -> int:
    """The share of an account that is well again for so long and had `share_bp` before."""
    higher = [step for step in STEPS_BP if step > share_bp]
    done = min(max(0, well_for_ms) // STEP_MS + 1, len(higher))
    return higher[done - 1] if higher else FULL_BP


class Arrival:
    """Measured arrival of some accounts: the most exact figure there is for a country and carrier."""

    def __init__(self, account_ids: Iterable[int]):
        self._rates: dict[tuple[int, str, str], float] = {
            (account_id, country, carrier): rate
            for account_id, country, carrier, rate in database.query(
                f"SELECT account_id, country, carrier, rate FROM arrival_rate WHERE account_id {among()}",
                (listed(account_ids),),
            )
        }

    def rate(self, account_id: int, country: str, carrier: str) -> float | None:
        """0 to 1; None when nothing was measured."""
        for key in ((country, carrier), (country, ""), ("", carrier), ("", "")):
            found = self._rates.get((account_id, *key))
            if found is not None:
                return found
        return None
