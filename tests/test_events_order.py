"""In whatever order events come, and however often, the same ones end as the same rows and counts."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from core import clock
from core.audience import contacts, erasing, events
from core.audience.events import folding
from core.audience.events.recording import NewEvent
from core.db import database

ANN, BOB, EVE = "+8613800138000", "+8613800138001", "+8613800138002"
TYPES = {"view": 1, "purchase": 3, "refund": 4}
START = 1_790_000_000_000

EVENTS = st.builds(
    NewEvent,
    type=st.sampled_from(sorted(TYPES)),
    at=st.integers(0, 40).map(lambda n: START + n * clock.HOUR_MS * 3),
    phone=st.sampled_from([ANN, BOB, EVE]),
    key=st.sampled_from(["", "k1", "k2", "k3", "k4"]),
    amount_micros=st.integers(0, 3),
    item=st.sampled_from(["", "z", "y", "x"]),
    category=st.sampled_from(["", "b", "a"]),
    props=st.sampled_from([{}, {"order": "7"}, {"order": "8", "place": "west"}]),
)


def content(event: NewEvent) -> tuple:
    props = ",".join(f'"{name}":"{event.props[name]}"' for name in sorted(event.props))
    return (
        event.at, TYPES[event.type], event.amount_micros, event.item, event.category,
        f"{{{props}}}" if props else "",
    )  # fmt: skip


def plain(given_events: list[NewEvent]) -> dict[str, list[tuple]]:
    """Phone → its events, worked out without a database."""
    kept: dict[tuple, NewEvent] = {}
    for event in given_events:
        place = (event.phone, event.key or content(event))
        kept[place] = min(kept.get(place, event), event, key=content)
    found = defaultdict(list)
    for event in kept.values():
        found[event.phone].append(content(event))
    return {phone: sorted(rows) for phone, rows in found.items()}


def stats(rows: list[tuple]) -> dict[int, tuple]:
    found = {}
    for kind in {row[1] for row in rows}:
        mine = sorted((row for row in rows if row[1] == kind), reverse=True)
        latest = ([row[0] for row in mine] + [None] * 4)[:4]
        found[kind] = (len(mine), sum(row[2] for row in mine), mine[-1][0], *latest)
    return found


def stored(table: str, owner: str, value) -> list[tuple]:
    return sorted(
        database.query(
            "SELECT e.at, e.type, e.amount_micros, COALESCE(i.key, ''), COALESCE(c.name, ''), COALESCE(e.props, '') "
            f"FROM {table} e LEFT JOIN item i ON i.id = e.item_id LEFT JOIN category c ON c.id = e.category_id "
            f"WHERE e.{owner} = ?",
            (value,),
        )
    )


def days(rows: list[tuple]) -> dict[tuple, tuple]:
    found = defaultdict(lambda: [0, 0])
    for row in rows:
        found[row[0] // clock.DAY_MS, row[1]][0] += 1
        found[row[0] // clock.DAY_MS, row[1]][1] += row[2]
    return {key: tuple(value) for key, value in found.items()}


def forget_all() -> None:
    with database.write_tx():
        for table in ("event", "event_stat", "event_day", "event_waiting", "touched", "item", "category"):
            database.execute(f"DELETE FROM {table}")
        for phone_table in ("profile", "contact"):
            database.execute(f"DELETE FROM {phone_table}")


def test_any_order_and_any_chunks_give_the_same_database(rt):
    # No shrinking: an example is two dozen transactions.
    @settings(
        max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True,
        phases=(Phase.explicit, Phase.generate),
    )  # fmt: skip
    @given(
        st.lists(EVENTS, max_size=24),
        st.randoms(use_true_random=False),
        st.integers(0, 24),
        st.integers(1, 9),
    )
    def check(some, random, appears, size):
        forget_all()
        ids = {ANN: contacts.create(rt, ANN), BOB: contacts.create(rt, BOB)}
        given_events = some + random.sample(some, len(some) // 3)
        random.shuffle(given_events)
        outcomes = []
        for at in range(0, len(given_events), size):
            if EVE not in ids and at >= appears:
                ids[EVE] = contacts.create(rt, EVE)
            outcomes += events.record(rt, given_events[at : at + size])
        expected = plain(some)
        there = []
        for phone, contact_id in ids.items():
            rows = expected.get(phone, [])
            there += rows
            assert stored("event", "contact_id", contact_id) == rows
            counted = database.query(
                f"SELECT type, {', '.join(folding.COLUMNS)} FROM event_stat WHERE contact_id = ?",
                (contact_id,),
            )
            assert {row[0]: row[1:] for row in counted} == stats(rows)
        if EVE not in ids:
            bidx = rt.keys.blind_index(EVE)
            assert stored("event_waiting", "phone_bidx", bidx) == expected.get(EVE, [])
        else:
            assert database.scalar("SELECT COUNT(*) FROM event_waiting") == 0
        by_day = database.query("SELECT day, type, n, sum_micros FROM event_day")
        assert {row[:2]: row[2:] for row in by_day} == days(there)
        # One "stored" or "waiting" for each different event, whoever brought it first.
        words = [outcome.status for outcome in outcomes]
        assert words.count("stored") + words.count("waiting") == sum(map(len, expected.values()))
        assert list(folding.check_stats(1)) == list(folding.check_days()) == []

    check()


def test_late_events_take_their_place_among_the_latest(rt):
    ann = contacts.create(rt, ANN)
    hours = [5, 1, 9, 3, 7, 2]
    for n in hours:
        events.record(rt, [NewEvent("view", START + n * clock.HOUR_MS, contact_id=ann, key=str(n))])
    row = database.one("SELECT n, first_at, at1, at2, at3, at4 FROM event_stat")
    assert row == (6, *(START + n * clock.HOUR_MS for n in (1, 9, 7, 5, 3)))


def test_a_wrong_count_is_found(rt):
    ann = contacts.create(rt, ANN)
    events.record(rt, [NewEvent("view", START + n, contact_id=ann) for n in range(3)])
    with database.write_tx():
        database.execute("UPDATE event_stat SET at2 = at1")
    assert f"Contact {ann}" in next(folding.check_stats())
    with database.write_tx():
        folding.refold([ann])
        database.execute("UPDATE event_day SET n = 2")
    assert list(folding.check_stats()) == []
    assert "counts 2 events, there are 3" in next(folding.check_days())


def test_erasing_one_leaves_the_counts_of_others(rt):
    ann, bob = contacts.create(rt, ANN), contacts.create(rt, BOB)
    events.record(
        rt, [NewEvent("purchase", START, contact_id=who, amount_micros=5) for who in (ann, ann, bob)]
    )
    erasing.erase(rt, ann, who="test")
    assert database.query("SELECT type, contact_id, n, sum_micros FROM event_stat") == [(3, bob, 1, 5)]
    assert database.query("SELECT type, n, sum_micros FROM event_day") == [(3, 1, 5)]
