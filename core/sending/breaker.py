"""The breaker of an account: after repeated failures it rests, then one message tries it again.

closed → open for 30 s after 5 failures in a row, or when half of the last 20 messages failed → half-open: one
worker sends one message; it decides between closed and open again.  The row in `account` is shared by all
workers; the last 20 are each process's own.  Rows are written only when something changes.

A failure is what says that the account does not work: no connection, no answer, an answer that makes no
sense.  That one number is refused, or that we are too fast, is not.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from core import clock
from core.contract.types import Result
from core.db import database

log = logging.getLogger("cooee.send")

IN_A_ROW = 5
WINDOW, SHARE = 20, 0.5
OPEN_MS = 30_000
#: Failing for so long an account counts as down, and campaigns without another one pause: longer than the ten
#: minutes a gateway may be away before somebody must act, and soon enough that a probe each half minute costs
#: some thirty messages rather than a hundred.
DOWN_MS = 15 * clock.MINUTE_MS
#: `last_ok_at` is a hint for people; written at most so often.
NOTE_OK_MS = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """What routing knows of an account."""

    id: int
    name: str
    provider: str
    sender: str
    enabled: bool
    halted: str
    rate_per_s: float | None
    failures: int
    open_until: int

    def usable(self, now: int) -> bool:
        """May messages go this way now?  Half-open counts: a probe may."""
        return self.enabled and not self.halted and self.open_until <= now

    @property
    def failing(self) -> bool:
        """Does it rest, or wait for its probe, because it failed?"""
        return self.open_until > 0 and self.failures > 0

    @property
    def half_open(self) -> bool:
        """It failed before and rested; only a probe may go."""
        return self.open_until > 0


def load(account_id: int | None = None) -> list[Account]:
    """One account, or all, by id."""
    where, params = ("", ()) if account_id is None else (" WHERE id = ?", (account_id,))
    return [
        Account(id_, name, provider, sender, bool(enabled), halted, rate, failures, open_until)
        for id_, name, provider, sender, enabled, halted, rate, failures, open_until in database.query(
            "SELECT id, name, provider, sender, enabled, halted, rate_per_s, failures, open_until "
            f"FROM account{where} ORDER BY id",
            params,
        )
    ]


def probe(account: Account, now: int) -> bool:
    """Take the one probe of a half-open breaker; False when another worker has it (and has not died)."""
    with database.write_tx():
        return (
            database.execute(
                "UPDATE account SET probe_at = ? WHERE id = ? AND open_until = ? AND (probe_at < ? OR probe_at < ?)",
                (now, account.id, account.open_until, account.open_until, now - OPEN_MS),
            ).rowcount
            == 1
        )


class Health:
    """The last messages of one account in this process; kept by the worker, brought up to date each batch."""

    def __init__(self, account: Account):
        self.account_id = account.id
        self.refresh(account)
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._ok_at = self._opened_at = 0

    def refresh(self, account: Account) -> Health:
        """What all workers together know by now."""
        self.failures, self.half_open = account.failures, account.half_open
        if not account.failures:
            self._down_since = 0
        return self

    @property
    def down_ms(self) -> int:
        """For how long every try has failed, up to the last one; 0 while it works."""
        return self._opened_at - self._down_since if self._down_since else 0

    def note(self, results: Sequence[Result], failed_all: str = "") -> bool:
        """Count a window; True when the breaker is open now.  `failed_all` is the error of a failed call."""
        bad = [failed_all != "" or _failed(result) for result in results[-WINDOW:]]
        self._last.extend(bad)
        good_at = next((at for at, failed in enumerate(reversed(bad)) if not failed), None)
        before = self.failures
        # A failed window is one event, not five hundred: it counts as much as opens the breaker.
        self.failures = min(before, 10_000) + min(len(bad), IN_A_ROW) if good_at is None else good_at
        now = clock.now_ms()
        trip = self.failures >= IN_A_ROW or (
            len(self._last) == WINDOW and sum(self._last) >= WINDOW * SHARE and bad[-1:] == [True]
        )
        if trip or (self.half_open and good_at is None):
            self._open(now, failed_all or _words(results))
            return True
        if self.failures != before or self.half_open or now - self._ok_at > NOTE_OK_MS:
            self._close(now)
        return False

    def _open(self, now: int, error: str) -> None:
        self._last.clear()
        # A night without a try is no outage.
        if not self._down_since or now - self._opened_at > DOWN_MS:
            self._down_since = now
        self._opened_at = now
        with database.write_tx():
            database.execute(
                "UPDATE account SET failures = ?, open_until = ?, probe_at = 0, last_error = ? WHERE id = ?",
                (self.failures, now + OPEN_MS, error[:250], self.account_id),
            )

    def _close(self, now: int) -> None:
        self._ok_at = now
        self.half_open, self._down_since = False, 0
        with database.write_tx():
            database.execute(
                "UPDATE account SET failures = ?, open_until = 0, probe_at = 0, last_ok_at = ? WHERE id = ?",
                (self.failures, now, self.account_id),
            )


def _failed(result: Result) -> bool:
    return result.outcome == "unknown" or (result.outcome == "retry" and result.after_s is None)


def _words(results: Sequence[Result]) -> str:
    return next((r.reason or r.code or "" for r in reversed(results) if _failed(r)), "no answer")


def rest(account_id: int, until: int) -> None:
    """The provider asked for a pause: nothing goes before `until` (epoch ms), then one message tries."""
    with database.write_tx():
        database.execute(
            "UPDATE account SET open_until = ?, probe_at = 0 WHERE id = ? AND open_until < ?",
            (until, account_id, until),
        )


def halt(account_id: int, why: str) -> None:
    """Stop using an account until a person acted: its settings or credentials are wrong."""
    with database.write_tx():
        halted = database.one(
            "UPDATE account SET halted = ?, last_error = ? WHERE id = ? AND halted = '' RETURNING name",
            (why[:250], why[:250], account_id),
        )
    if halted:
        log.error("account %s is halted: %s", halted[0], why)
