"""Who clicked: stored clicks judged once nothing can change the answer any more (docs/links.md).

What a request says of itself (agent, method, prefetch, too early) is known when it comes.  A burst (five
personal links from one network, or by one agent, within ten seconds) and a repeat need its neighbours; so a
click is judged ten seconds after it was stored.  Then, once: its kind, the people of `clicked`, the counts,
and an event for each person's click on a web link.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from core import clock, faults
from core.audience import events
from core.db import database
from core.db.codes import ClickKind
from core.db.sets import among, listed, rows_bound, rows_of
from core.sending.clicks import agents, store

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Links of this many different people from one source within this time are not one person's.
BURST_LINKS, BURST_MS = 5, 10_000
#: The same person and link within this time is one click.
REPEAT_MS = 30_000
CHUNK = 20_000
_ID_BITS = 20


class Row(NamedTuple):
    """One stored click."""

    id: int
    message_id: int
    contact_id: int
    campaign_id: int
    link_id: int
    at: int
    kind: int
    agent_id: int
    net: int


_SELECT = "SELECT id, message_id, contact_id, campaign_id, link_id, at, kind, agent_id, net FROM click"


def run(rt: Runtime) -> int:
    """Periodic: take over what dead processes left, and judge what is due; returns how many clicks."""
    store.leftovers(rt)
    total = 0
    while n := _chunk(rt):
        total += n
    return total


def _chunk(rt: Runtime) -> int:
    upto = database.scalar("SELECT upto FROM click_judged WHERE id = 1")
    edge = (clock.now_ms() - BURST_MS) << _ID_BITS
    rows = [
        Row(*row)
        for row in database.query(
            f"{_SELECT} WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (upto, edge, CHUNK)
        )
    ]
    if not rows:
        return 0
    kinds = _kinds(rows)
    human = _on_web([row for row in rows if kinds[row.id] == ClickKind.human])
    # Before the judgement is stored: after a crash the same clicks give the same events, which then are there.
    _tell(rt, human)
    faults.point("clicks.told")
    database.retry_locked(_store, upto, rows, kinds, human)
    return len(rows)


# --- judging ------------------------------------------------------------------------------------------


def _kinds(rows: Sequence[Row]) -> dict[int, int]:
    """{click id: its kind}."""
    by_net, by_agent = _bursts(_neighbours(rows))
    last = _last_human(rows)
    kinds: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: (row.at, row.id)):
        kind = row.kind
        if kind == ClickKind.human:
            key = (row.link_id, row.contact_id)
            if row.id in by_net:
                kind = ClickKind.burst_net
            elif row.id in by_agent:
                kind = ClickKind.burst_agent
            elif key in last and row.at - last[key] < REPEAT_MS:
                kind = ClickKind.repeat
            else:
                last[key] = row.at
        kinds[row.id] = int(kind)
    return kinds


def _neighbours(rows: Sequence[Row]) -> list[Row]:
    """The clicks with everything stored within ten seconds around them."""
    low = (min(min(row.at for row in rows), rows[0].id >> _ID_BITS) - BURST_MS) << _ID_BITS
    high = rows[-1].id + (BURST_MS << _ID_BITS)
    return [
        Row(*row)
        for row in database.query(f"{_SELECT} WHERE id >= ? AND id <= ? ORDER BY at, id", (low, high))
    ]


def _bursts(rows: Iterable[Row]) -> tuple[set[int], set[int]]:
    """(clicks of networks, clicks of agents) that opened many people's links at once.

    Browsers of phones are left out of the second: each is a string that thousands of people share.
    """
    by_net: dict[int, list[Row]] = defaultdict(list)
    by_agent: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        if row.net:
            by_net[row.net].append(row)
        by_agent[row.agent_id].append(row)
    busy = {agent: some for agent, some in by_agent.items() if len(some) >= BURST_LINKS}
    for agent in _phones(busy):
        del busy[agent]
    return (
        {id_ for some in by_net.values() for id_ in _crowded(some)},
        {id_ for some in busy.values() for id_ in _crowded(some)},
    )


def _crowded(rows: Sequence[Row]) -> set[int]:
    """Clicks, in order of time, inside a window with links of five messages."""
    found: set[int] = set()
    if len(rows) < BURST_LINKS:
        return found
    inside: Counter[int] = Counter()
    first = marked = 0
    for last, row in enumerate(rows):
        inside[row.message_id] += 1
        while row.at - rows[first].at >= BURST_MS:
            gone = rows[first].message_id
            inside[gone] -= 1
            if not inside[gone]:
                del inside[gone]
            first += 1
        if len(inside) >= BURST_LINKS:
            found.update(other.id for other in rows[max(first, marked) : last + 1])
            marked = last + 1
    return found


def _phones(agent_ids: Iterable[int]) -> list[int]:
    found = database.query(f"SELECT id, text FROM click_agent WHERE id {among()}", (listed(agent_ids),))
    return [id_ for id_, text in found if agents.is_phone(text)]


def _last_human(rows: Sequence[Row]) -> dict[tuple[int, int], int]:
    """{(link, contact): when that person last followed it} for those of the rows."""
    keys = {(row.campaign_id, row.link_id, row.contact_id) for row in rows if row.kind == ClickKind.human}
    source = rows_of(("int", "int", "int"), ("campaign_id", "link_id", "contact_id"))
    found = database.query(
        f"SELECT c.link_id, c.contact_id, c.last_at FROM {source} JOIN clicked c "
        "ON c.campaign_id = w.campaign_id AND c.link_id = w.link_id AND c.contact_id = w.contact_id",
        rows_bound(sorted(keys)),
    ) if keys else []  # fmt: skip
    return {(link, contact): at for link, contact, at in found}


# --- storing ------------------------------------------------------------------------------------------


def _store(upto: int, rows: Sequence[Row], kinds: dict[int, int], human: Sequence[Row]) -> None:
    with database.write_tx():
        moved = database.execute(
            "UPDATE click_judged SET upto = ? WHERE id = 1 AND upto = ?", (rows[-1].id, upto)
        )
        if moved.rowcount != 1:
            return  # another worker judged them meanwhile
        changed = [(kinds[row.id], row.id) for row in rows if kinds[row.id] != row.kind]
        if changed:
            database.executemany("UPDATE click SET kind = ? WHERE id = ?", changed)
        if human:
            database.executemany(
                "INSERT INTO clicked (campaign_id, link_id, contact_id, first_at, last_at, n) "
                "VALUES (?, ?, ?, ?, ?, 1) ON CONFLICT (campaign_id, link_id, contact_id) DO UPDATE SET "
                "first_at = CASE WHEN excluded.first_at < clicked.first_at THEN excluded.first_at "
                "ELSE clicked.first_at END, "
                "last_at = CASE WHEN excluded.last_at > clicked.last_at THEN excluded.last_at "
                "ELSE clicked.last_at END, n = clicked.n + 1",
                [(row.campaign_id, row.link_id, row.contact_id, row.at, row.at) for row in human],
            )
        counted = Counter((row.campaign_id, row.link_id, kinds[row.id]) for row in rows)
        database.executemany(
            "INSERT INTO click_count (campaign_id, link_id, kind, n) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (campaign_id, link_id, kind) DO UPDATE SET n = click_count.n + excluded.n",
            [(*key, n) for key, n in sorted(counted.items())],
        )


def _on_web(rows: Sequence[Row]) -> list[Row]:
    """Clicks on what a text offers; opt-out and preference pages tell their own story."""
    asked = listed(sorted({row.link_id for row in rows}))
    web = {
        id_ for (id_,) in database.query(f"SELECT id FROM link WHERE id {among()} AND kind = 'web'", (asked,))
    }
    return [row for row in rows if row.link_id in web]


def _tell(rt: Runtime, human: Sequence[Row]) -> None:
    """An event for each click of a person."""
    events.record(
        rt,
        [
            events.NewEvent(
                type="click",
                at=row.at,
                contact_id=row.contact_id,
                key=f"click:{row.id}",
                message_id=row.message_id,
            )
            for row in human
        ],
    )
