"""What a token may spend a day.

A call takes what it will cost at most out of the day's purse in the transaction that stores its messages, so that
calls at the same moment never take more than there is.  What is left over when a message costs less stays taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from core import clock
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.sets import among, listed
from core.i18n import _
from core.security.tokens import Token
from core.zones import zone_info

MICROS = 1_000_000
_EPOCH = datetime(1970, 1, 1).toordinal()


class Spent(Refusal):
    """A call would cost more than is left.  `wait_s` is how long until the next day, 0 when no day is enough."""

    kind = "spend-cap"

    def __init__(self, sentence: str, wait_s: int = 0):
        super().__init__(sentence, status=429)
        self.wait_s = wait_s


@dataclass(frozen=True, slots=True)
class Purse:
    """The purse of a token that has a cap, in micro-units of `currency`; its days are those of `zone`."""

    token_id: int
    micros: int
    currency: str
    zone: str

    def take(self, micros: int) -> None:
        """Take what a call costs at most, inside the `write_tx()` that orders it.  Raises `Spent`."""
        if micros > self.micros:
            raise Spent(
                _(
                    "This costs up to %(cost)s, and the token may spend %(cap)s a day; send less, or make a token "
                    "that may spend more.",
                    cost=money(micros, self.currency),
                    cap=money(self.micros, self.currency),
                )
            )
        now = clock.now().astimezone(zone_info(self.zone))
        taken = database.scalar(
            "INSERT INTO token_spend (token_id, day, micros) VALUES (?, ?, ?) ON CONFLICT (token_id, day) "
            "DO UPDATE SET micros = token_spend.micros + excluded.micros "
            "WHERE token_spend.micros + excluded.micros <= ? RETURNING micros",
            (self.token_id, _day(now), micros, self.micros),
        )
        if taken is None:
            left = self.micros - (spent([self.token_id], self.zone).get(self.token_id) or 0)
            raise Spent(
                _(
                    "This costs up to %(cost)s, and of the %(cap)s this token may spend a day only %(left)s are left; "
                    "the next day begins at midnight in %(zone)s.",
                    cost=money(micros, self.currency),
                    cap=money(self.micros, self.currency),
                    left=money(left, self.currency),
                    zone=self.zone,
                ),
                _to_midnight_s(now),
            )


def purse(token: Token, zone: str) -> Purse | None:
    """The purse of a token; None when it may spend without an end.  `zone` is the configured one."""
    if token.cap_micros is None:
        return None
    return Purse(token.id, token.cap_micros, token.cap_currency, settings.house_zone(zone))


def spent(token_ids: Iterable[int], zone: str) -> dict[int, int]:
    """{token: micro-units it ordered today}, those who ordered nothing left out."""
    day = _day(clock.now().astimezone(zone_info(zone)))
    return dict(
        database.query(
            f"SELECT token_id, micros FROM token_spend WHERE day = ? AND token_id {among()}",
            (day, listed(token_ids)),
        )
    )


def money(micros: int, currency: str) -> str:
    """An amount as people write it: 12.5 CNY, not 12.500000."""
    return f"{micros / MICROS:,.6f}".rstrip("0").rstrip(".") + f" {currency}"


def _day(now: datetime) -> int:
    return now.toordinal() - _EPOCH


def _to_midnight_s(now: datetime) -> int:
    tomorrow = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return max(1, int(tomorrow.timestamp() - now.timestamp()) + 1)
