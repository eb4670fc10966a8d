"""Who followed the links of the demo's past campaigns, most within the hour, and who bought: because of it, or anyway."""

from __future__ import annotations

import random
from collections.abc import Sequence

from core import clock, ids
from core.audience import events
from core.db import database
from core.db.codes import ClickKind, State
from core.demo.deeds import RANGE
from core.runtime import Runtime

_PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Mobile/15E148 Safari/604.1"
)
_PREVIEW = "WhatsApp/2.24.20 A"
_PREVIEWED = 0.02
#: Of those who followed it, the share who bought, and within so many minutes.
_BOUGHT, _WITHIN_MIN = 0.11, 90
#: Of everybody, those kept aside included, who buys in those days without having read anything.
_ANYWAY = 0.035
_SEQUENCE_BITS = 20


def write(rt: Runtime, campaign_id: int, shares: Sequence[float], chance: random.Random) -> int:
    """Write the clicks of a campaign until now, judged, with what is counted of them; returns how many.

    `shares` of the delivered follow the link, for each text.
    """
    events.record(rt, _anyway(campaign_id, chance))
    link = database.one("SELECT id FROM link WHERE campaign_id = ? AND kind = 'web'", (campaign_id,))
    if link is None:
        return 0
    people, previews = _drawn(campaign_id, shares, chance)
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
        ]
        + _bought(campaign_id, people, chance),
    )  # fmt: skip
    return len(people) + len(previews)


def _drawn(
    campaign_id: int, shares: Sequence[float], chance: random.Random
) -> tuple[list[tuple], list[tuple]]:
    """(people, previews): (message, contact, when) each."""
    people, previews, now = [], [], clock.now_ms()
    for message_id, contact_id, variant, final_at in database.query(
        "SELECT id, contact_id, variant, final_at FROM message WHERE campaign_id = ? AND state = ? AND final_at < ? "
        "ORDER BY id",
        (campaign_id, int(State.delivered), now),
    ):
        draw = chance.random()
        at = min(final_at + int(chance.expovariate(1 / 40) * clock.MINUTE_MS) + 5_000, now)
        if draw < shares[variant]:
            people.append((message_id, contact_id, at))
        elif draw < shares[variant] + _PREVIEWED:
            previews.append((message_id, contact_id, min(final_at + 3_000, now)))
    return people, previews


def _bought(campaign_id: int, people: Sequence[tuple], chance: random.Random) -> list[events.NewEvent]:
    """What those who followed the link bought."""
    now = clock.now_ms()
    return [
        _order(f"C{campaign_id}", contact_id, min(at + chance.randint(3, _WITHIN_MIN) * clock.MINUTE_MS, now), chance)
        for _message_id, contact_id, at in people
        if chance.random() < _BOUGHT
    ]  # fmt: skip


def _anyway(campaign_id: int, chance: random.Random) -> list[events.NewEvent]:
    """What people bought since the campaign began whether or not they were texted."""
    began, now = (
        database.scalar("SELECT started_at FROM campaign WHERE id = ?", (campaign_id,)),
        clock.now_ms(),
    )
    rows = database.query(
        "SELECT contact_id FROM message WHERE campaign_id = ? AND state <> ? ORDER BY contact_id",
        (campaign_id, int(State.skipped)),
    )
    return [
        _order(f"A{campaign_id}", contact_id, chance.randint(began, now), chance)
        for (contact_id,) in rows
        if chance.random() < _ANYWAY
    ]


def _order(of: str, contact_id: int, at: int, chance: random.Random) -> events.NewEvent:
    category = chance.choice(list(RANGE))
    item, _title, price = chance.choice(RANGE[category])
    return events.NewEvent(
        "purchase", at, contact_id=contact_id, key=f"demo:{of}:{contact_id}", amount_micros=price * 1_000_000,
        currency="CNY", item=item, category=category, props={"order": f"{of}-{contact_id}"},
    )  # fmt: skip


def _id(contact_id: int, at: int) -> int:
    return (at << _SEQUENCE_BITS) + contact_id % (1 << _SEQUENCE_BITS)


def _agent(text: str) -> int:
    database.execute("INSERT INTO click_agent (text) VALUES (?) ON CONFLICT DO NOTHING", (text,))
    return database.scalar("SELECT id FROM click_agent WHERE text = ?", (text,))
