"""What follows from a window's answers: the breaker, a halted account, a campaign that pauses itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from core import clock
from core.contract.errors import BadConfig, Throttled
from core.contract.types import Result
from core.db import database, settings
from core.sending import breaker, lifecycle, pausing, route
from core.sending.claim import Batch

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker
    from core.sending.wire import Answer

log = logging.getLogger("cooee.send")

#: Setting: so many failures in a row (of calls, or of rejected messages) pause a campaign.
PAUSE_AFTER, PAUSE_AFTER_KEY = 100, "sending.pause_after"


class Judge:
    """Of one batch."""

    def __init__(self, rt: Runtime, worker: Worker, batch: Batch):
        self.rt, self.worker, self.batch = rt, worker, batch
        #: Of the present lane: codes whose refusals another account may still mend (`routes.way.Way.mended`).
        self.mended: frozenset[str] = frozenset()

    def window(
        self,
        account: breaker.Account,
        health: breaker.Health,
        answer: Answer,
    ) -> int:
        """0 to go on, else the instant (epoch ms) before which nothing more goes through this account."""
        results, error, names = answer
        if isinstance(error, BadConfig):
            return self.failed(account, error)
        now = clock.now_ms()
        if isinstance(error, Throttled):
            until = now + int((error.after_s or 1.0) * 1000)
            breaker.rest(account.id, until)
            return until
        opened = health.note(results, str(error) if error else "")
        if self.batch.direct and any(result.outcome == "accepted" for result in results):
            goes_again(self.worker, self.batch.campaign_id)
        self._rejected_in_a_row(results if names is None else results[-1:])
        if health.failures >= self._pause_after():
            self._stop(pausing.say("failing", name=account.name, why=_why(results, error)))
        elif opened:
            self.down(account, health, _why(results, error))
        return now + breaker.OPEN_MS if opened else 0

    def down(self, account: breaker.Account, health: breaker.Health, why: str) -> None:
        """Pause the campaign once the account is down and no other one may carry it.  After a failed try."""
        if health.down_ms < breaker.DOWN_MS or self.batch.direct:
            return
        ways = route.candidates(breaker.load(), self.batch.account_id, self.batch.cls)
        others = [way.id for way in ways if way.enabled and not way.halted and way.id != account.id]
        if others and database.scalar(
            "SELECT 1 FROM account WHERE (open_until = 0 OR last_ok_at > ?) "
            f"AND id IN ({database.in_list(len(others))}) LIMIT 1",
            (clock.now_ms() - breaker.DOWN_MS, *others),
        ):
            return
        minutes = health.down_ms // clock.MINUTE_MS
        if others:
            self._stop(pausing.say("all_down", minutes=minutes, why=why))
        else:
            self._stop(pausing.say("down", name=account.name, minutes=minutes, why=why))

    def failed(self, account: breaker.Account, error: Exception) -> int:
        """Settings or credentials are wrong: halt the account, and the campaign that has no other."""
        breaker.halt(account.id, str(error))
        if self.batch.account_id is not None:
            self._stop(pausing.say("halted", name=account.name, why=error))
        return clock.now_ms() + 1000

    def spent(self) -> None:
        """The budget does not cover another message."""
        self._stop(pausing.say("budget"))

    def _rejected_in_a_row(self, results: Sequence[Result]) -> None:
        """A campaign whose every message is refused stops before all are."""
        key = ("rejected", self.batch.campaign_id)
        row = self.worker.cache.get(key, 0)
        for result in results:
            if result.outcome != "rejected" or result.code not in self.mended:
                row = row + 1 if result.outcome == "rejected" else 0
        if row >= self._pause_after():
            self._stop(pausing.say("rejected", n=row, why=_why(results, None)))
            row = 0
        self.worker.cache[key] = row

    def _pause_after(self) -> int:
        """The setting, read once a worker and minute."""
        minute = clock.now_ms() // clock.MINUTE_MS
        known = self.worker.cache.get("pause_after")
        if known is None or known[0] != minute:
            known = (minute, int(settings.get(PAUSE_AFTER_KEY, PAUSE_AFTER)))
            self.worker.cache["pause_after"] = known
        return known[1]

    def _stop(self, why: str) -> None:
        stop(self.rt, self.batch.campaign_id, why)


def stop(rt: Runtime, campaign_id: int, why: str) -> None:
    """Pause a campaign with the reason; the campaigns of single messages only say it, once, until it changes."""
    name = database.scalar("SELECT name FROM campaign WHERE id = ?", (campaign_id,))
    if not name.startswith("direct:"):
        lifecycle.pause(rt, campaign_id, why)
    elif _say(campaign_id, why[:250]):
        log.error("%s cannot send: %s", name, why)


def goes_again(worker: Worker, campaign_id: int) -> None:
    """Single messages are taken again: what was said is over."""
    if worker.cache.pop(("said", campaign_id), None) and _say(campaign_id, ""):
        log.warning("campaign %s sends single messages again", campaign_id)


def _say(campaign_id: int, why: str) -> bool:
    """Keep why single messages wait, for people who look; True when that is news."""
    with database.write_tx():
        return (
            database.execute(
                "UPDATE campaign SET reason = ? WHERE id = ? AND reason <> ?", (why, campaign_id, why)
            ).rowcount
            == 1
        )


def _why(results: Iterable[Result], error: Exception | None) -> str:
    if error:
        return str(error)
    said = (r.reason or r.code or r.outcome for r in results if r.outcome != "accepted")
    return next(said, pausing.say("silent"))
