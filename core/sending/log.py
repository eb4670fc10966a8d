"""What happened to a campaign, for people to read."""

from __future__ import annotations

from core import clock
from core.db import database


def write(campaign_id: int, who: str, what: str, detail: str = "") -> None:
    """Add a line inside the caller's `write_tx()`.  `what` is a short code such as "launched"."""
    database.execute(
        "INSERT INTO campaign_log (campaign_id, at, who, what, detail) VALUES (?, ?, ?, ?, ?)",
        (campaign_id, clock.now_ms(), who, what, detail),
    )


def lines(campaign_id: int, limit: int = 100) -> list[tuple[int, str, str, str]]:
    """(at, who, what, detail), newest first."""
    return database.query(
        "SELECT at, who, what, detail FROM campaign_log WHERE campaign_id = ? ORDER BY id DESC LIMIT ?",
        (campaign_id, limit),
    )


def people(campaign_id: int, *what: str) -> set[str]:
    """Who did any of these things to a campaign."""
    rows = database.query(
        f"SELECT DISTINCT who FROM campaign_log WHERE campaign_id = ? AND what IN ({database.in_list(len(what))})",  # noqa: S608, E501
        (campaign_id, *what),
    )
    return {who for (who,) in rows}
