"""Messages as they would have gone, for tests of figures."""

from __future__ import annotations

from core import clock
from core.audience.events import folding
from core.db import database, tally
from core.db.codes import Cls, State
from core.db.models import Campaign
from tests import campaign_kit as kit


def campaign(name: str = "Autumn", *, launched_at: int | None = None, **columns) -> int:
    """A finished campaign without messages."""
    at = launched_at or clock.now_ms() - clock.DAY_MS
    row = {
        "name": name,
        "cls": int(Cls.mass),
        "state": "done",
        "segment_id": 1,
        "created_at": at,
        "launched_at": at,
    }
    with database.write_tx():
        return Campaign.insert(row | columns).execute()


def add(campaign_id: int, rows: list[dict], first_contact: int) -> None:
    """More messages of a campaign, to contacts from this one on."""
    messages(campaign_id, [row | {"contact": first_contact + i} for i, row in enumerate(rows)])


def messages(campaign_id: int, rows: list[dict]) -> None:
    """Write messages and recount: (state, and any column); ids follow the clock."""
    base = clock.now_ms() << 20
    columns = ("id", "campaign_id", "contact_id", "variant", "cls", "state", "reason", "account_id", "parts",
               "cost_micros", "submitted_at", "final_at")  # fmt: skip
    with database.write_tx():
        start = database.scalar("SELECT COUNT(*) FROM message")
        database.copy_rows(
            "message",
            columns,
            [
                (
                    base + start + i, campaign_id, row.get("contact", start + i + 1), row.get("variant", 0), 2,
                    int(row["state"]), row.get("reason"), row.get("account", 1), row.get("parts", 1),
                    row.get("cost", 0), row.get("submitted"), row.get("final"),
                )
                for i, row in enumerate(rows)
            ],
        )  # fmt: skip
        database.execute("DELETE FROM tally WHERE campaign_id = ?", (campaign_id,))
        database.execute(
            "INSERT INTO tally (campaign_id, variant, account_id, hour, state, n, parts, cost_micros, in_5m, in_24h) "
            "SELECT campaign_id, variant, account_id, COALESCE(submitted_at, 0) / 3600000, state, COUNT(*), SUM(parts), "
            "SUM(cost_micros), SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 300000 THEN 1 ELSE 0 END), "
            "SUM(CASE WHEN state = 4 AND final_at - submitted_at <= 86400000 THEN 1 ELSE 0 END) "
            "FROM message WHERE campaign_id = ? GROUP BY 1, 2, 3, 4, 5",
            (campaign_id,),
        )


def sent(state: State, minutes: float | None = None, *, ago_h: float = 2, **more) -> dict:
    """One message submitted `ago_h` hours ago whose receipt came after `minutes`."""
    at = clock.now_ms() - int(ago_h * clock.HOUR_MS)
    final = None if minutes is None else at + int(minutes * clock.MINUTE_MS)
    return {"state": state, "submitted": at, "final": final} | more


def purchases(events: list[tuple[int, int, int, int]]) -> None:
    """Store what people bought: (contact, at, micro-units, type), and what is counted of it."""
    with database.write_tx():
        start = database.scalar("SELECT COUNT(*) FROM event")
        database.copy_rows(
            "event",
            ("contact_id", "key_hash", "type", "at", "amount_micros"),
            [(who, start + n, int(kind), at, micros) for n, (who, at, micros, kind) in enumerate(events)],
        )
        folding.refold({event[0] for event in events})


__all__ = ["add", "campaign", "kit", "messages", "purchases", "sent", "tally"]
