"""Messages with known arrival, for tests of the figures and of the alarm."""

from __future__ import annotations

import random

from core import clock
from core.db import database
from core.db.codes import State
from core.measure.arrival import cells, watch
from tests import measure_kit


def account(name: str = "Wire", provider: str = "null") -> int:
    """An account nothing is sent through; its id."""
    with database.write_tx():
        return database.scalar(
            "INSERT INTO account (name, provider, settings_enc, token, sender, enabled, halted, tat_us, failures, "
            "open_until, probe_at, last_error, created_at) VALUES (?, ?, ?, ?, '', ?, '', 0, 0, 0, 0, '', ?) RETURNING id",
            (name, provider, b"", name, True, clock.now_ms()),
        )


def carriers(*names: str, n: int = 2_000) -> None:
    """Contacts 1…n exist, in China, of these carriers in turn."""
    with database.write_tx():
        database.copy_rows(
            "profile",
            ("contact_id", "country", "language", "line_type", "created_at"),
            [(i, "CN", "", 1, 1) for i in range(1, n + 1)],
        )
        database.copy_rows(
            "number_info",
            (
                "contact_id",
                "region",
                "carrier",
                "zone",
                "line_type",
                "permanent_failures",
                "status",
                "checked_at",
            ),
            [(i, "", names[i % len(names)], "", 1, 0, 0, 1) for i in range(1, n + 1)],
        )


def text(at: int, good: bool | None, *, seconds: float = 5, account: int = 1, **more) -> dict:
    """One message submitted at `at`: arrived, failed, or (None) without a receipt."""
    state = State.accepted if good is None else State.delivered if good else State.undelivered
    final = None if good is None else at + int(seconds * 1000)
    reason = "UNDELIV" if state is State.undelivered else None
    return {
        "state": state,
        "submitted": at,
        "final": final,
        "account": account,
        "reason": reason,
        "cost": 45_000,
    } | more


def stretch(
    n: int,
    share: float,
    *,
    first: int,
    last: int,
    seed: int = 1,
    lost: bool = False,
    exact: bool = False,
    **more,
) -> list[dict]:
    """`n` messages between two instants of which about `share` (or exactly so many, evenly) arrive.

    `lost`: the others have no receipt instead of a bad one.
    """
    rng = random.Random(seed)
    made = []
    for i in range(n):
        good = int((i + 1) * share) > int(i * share) if exact else rng.random() < share
        made.append(text(first + (last - first) * i // n, good or (None if lost else False), **more))
    return made


def send(campaign_id: int, rows: list[dict]) -> None:
    """Store messages that went out."""
    measure_kit.messages(campaign_id, rows)


def look(rt) -> None:
    """What the job does, with rates that are due at once."""
    cells.count(rt)
    watch.run(rt, force=True)


def watched(account_id: int = 1) -> tuple[str, int, str]:
    """(state, canary_bp, reason) of an account."""
    return database.one(
        "SELECT state, canary_bp, reason FROM account_watch WHERE account_id = ?", (account_id,)
    )
