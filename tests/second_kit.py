"""Second texts: an account known to send receipts, a class that wants them, a wait that is over."""

from __future__ import annotations

from core import Receipt, clock
from core.db import classes, database
from core.sending import direct, receipts
from core.sending.inbox import Sink
from tests import routes_kit as kit
from tests.send_kit import send_all


def known_for_receipts(rt, way: kit.Way) -> None:
    """One of its texts was delivered."""
    before = direct.send(rt, "+8613800138000", "notice", "before", account_id=way.id)
    send_all(rt, before["campaign_id"])
    Sink(rt, way.id).put([Receipt("delivered", provider_id=f"one-{way.refs[-1]}")])
    receipts.apply(rt)
    assert direct.show(rt, before["message_id"])["state"] == "delivered"


def switch_on(cls: str = "notice", seconds: int | None = 30) -> None:
    classes.save(cls, {"second_after_s": seconds}, "me")
    classes._every.cache_clear()


def late() -> None:
    """The wait is over."""
    with database.write_tx():
        database.execute("UPDATE second_text SET due_at = ? WHERE second_id IS NULL", (clock.now_ms() - 1,))
