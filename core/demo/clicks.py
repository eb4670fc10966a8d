"""Who followed the links of the demo's past campaigns: one in seven, most within the hour."""

from __future__ import annotations

import random

from core import clock, ids
from core.audience import events
from core.db import database
from core.db.codes import ClickKind, State
from core.runtime import Runtime

_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
_PREVIEW = "WhatsApp/2.24.20 A"
_SHARE, _PREVIEWED = 0.14, 0.02
_SEQUENCE_BITS = 20


def write(rt: Runtime, campaign_id: int, chance: random.Random) -> int:
    """Write the clicks of a campaign, judged, with what is counted of them; returns how many."""
    link = database.one("SELECT id FROM link WHERE campaign_id = ? AND kind = 'web'", (campaign_id,))
    if link is None:
        return 0
    people, previews = _drawn(campaign_id, chance)
    with database.write_tx():
        agents = [_agent(text) for text in (_PHONE, _PREVIEW)]
        for drawn, kind, agent in (
            (people, ClickKind.human, agents[0]),
            (previews, ClickKind.agent, agents[1]),
        ):
            database.executemany(
                "INSERT INTO click (id, message_id, contact_id, campaign_id, link_id, at, kind, agent_id, net) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)",
                [
                    (_id(contact_id, at), message_id, contact_id, campaign_id, link[0], at, int(kind), agent)
                    for message_id, contact_id, at in drawn
                ],
            )
            if drawn:
                database.execute(
                    "INSERT INTO click_count (campaign_id, link_id, kind, n) VALUES (?, ?, ?, ?)",
                    (campaign_id, link[0], int(kind), len(drawn)),
                )
        database.executemany(
            "INSERT INTO clicked (campaign_id, link_id, contact_id, first_at, last_at, n) VALUES (?, ?, ?, ?, ?, 1)",
            [(campaign_id, link[0], contact_id, at, at) for _message_id, contact_id, at in people],
        )
        # All of them are judged.
        database.execute("UPDATE click_judged SET upto = ? WHERE id = 1", (ids.allocate(1),))
    events.record(
        rt,
        [
            events.NewEvent("click", at, contact_id=contact_id, key=f"click:{_id(contact_id, at)}", message_id=message_id)
            for message_id, contact_id, at in people
        ],
    )  # fmt: skip
    return len(people) + len(previews)


def _drawn(campaign_id: int, chance: random.Random) -> tuple[list[tuple], list[tuple]]:
    """(people, previews): (message, contact, when) each."""
    people, previews = [], []
    for message_id, contact_id, final_at in database.query(
        "SELECT id, contact_id, final_at FROM message WHERE campaign_id = ? AND state = ? ORDER BY id",
        (campaign_id, int(State.delivered)),
    ):
        draw = chance.random()
        at = min(final_at + int(chance.expovariate(1 / 40) * clock.MINUTE_MS) + 5_000, clock.now_ms())
        if draw < _SHARE:
            people.append((message_id, contact_id, at))
        elif draw < _SHARE + _PREVIEWED:
            previews.append((message_id, contact_id, final_at + 3_000))
    return people, previews


def _id(contact_id: int, at: int) -> int:
    return (at << _SEQUENCE_BITS) + contact_id % (1 << _SEQUENCE_BITS)


def _agent(text: str) -> int:
    database.execute("INSERT INTO click_agent (text) VALUES (?) ON CONFLICT DO NOTHING", (text,))
    return database.scalar("SELECT id FROM click_agent WHERE text = ?", (text,))
