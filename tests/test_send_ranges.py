"""A batch is claimed, marked and recorded as a range of ids where that says the same as naming each, and only there."""

from __future__ import annotations

import pytest

from core import Result
from core.db import claiming, database
from core.db.codes import State
from core.sending import claim, leases
from core.sending.item import Item, Lane
from tests import campaign_kit as kit
from tests.send_kit import Tape, rows, send_all, set_state, setup, states, whole


def items(*ids: int) -> list[Item]:
    return [Item(id_, id_, 0, 0, None, 0, None) for id_ in ids]


@pytest.mark.parametrize(
    ("claimed", "window", "alone"),
    [((1, 2, 3), (1, 2, 3), True), ((1, 5, 9), (1, 5, 9), True), ((1, 5, 9), (5,), True), ((1, 5, 9), (5, 9), True),
     ((1, 5, 9), (1, 9), False), ((1, 2, 3, 4), (2, 4), False), ((), (1,), False), ((7,), (7,), True)],
)  # fmt: skip
def test_a_window_is_alone_when_the_lease_has_nothing_else_between_its_ends(claimed, window, alone):
    lane = Lane(1, 2, 4, 0, 1, 99, claimed)
    assert lane.alone(items(*window)) is alone


@pytest.mark.parametrize(
    ("ids", "dense"),
    [((1, 2, 3), True), ((1, 3, 5), True), ((1, 4, 9), False), ((7,), True), ((1, 5), False)],
)
def test_a_range_is_read_whole_when_half_of_it_is_meant(ids, dense):
    assert claiming.is_dense(ids) is dense


def test_rows_between_those_due_first_are_claimed_with_them_and_counted(rt):
    campaign, _account = setup(rt, n=12)
    ids = [row[0] for row in rows(campaign)]
    with database.write_tx():
        database.executemany(
            "UPDATE message SET not_before = ? WHERE id = ?",
            [(5 + at % 2, id_) for at, id_ in enumerate(ids)],
        )
    worker = leases.start(rt)
    taken: list[int] = []
    while (batch := claim.claim(rt, worker, campaign, 4)) is not None:
        assert batch.ids == sorted(batch.ids) == [item.id for item in batch.items]
        taken += batch.ids
    assert sorted(taken) == ids
    whole(rt)


def test_those_due_that_lie_far_apart_are_claimed_alone(rt):
    campaign, _account = setup(rt, n=60)
    ids = [row[0] for row in rows(campaign)]
    far = [ids[0], ids[30], ids[59]]
    with database.write_tx():
        database.execute("UPDATE message SET not_before = ? WHERE campaign_id = ?", (1 << 60, campaign))
        database.executemany("UPDATE message SET not_before = 0 WHERE id = ?", [(id_,) for id_ in far])
    batch = claim.claim(rt, leases.start(rt), campaign)
    assert batch.ids == [item.id for item in batch.items] == far
    assert states(campaign) == {"claimed": 3, "ready": 57}


def test_one_in_the_middle_that_may_not_go_is_left_out_and_the_others_go(rt):
    campaign, _account = setup(rt, tape := Tape(window=50), n=20)
    with database.write_tx():
        database.execute("UPDATE message SET not_after = 1 WHERE id = ?", (rows(campaign)[10][0],))
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 19, "expired": 1} and len(tape.sent) == 19
    whole(rt)


@pytest.mark.parametrize("named", [True, False])
def test_one_in_the_middle_that_moved_meanwhile_keeps_its_state(rt, named):
    tape = Tape(window=50, echoes_reference=True)
    campaign, _account = setup(rt, tape, n=20)
    middle = rows(campaign)[10][0]

    def act(messages):
        set_state(middle, State.delivered)
        return [Result("accepted", provider_id=f"p-{m.ref}" if named else None) for m in messages]

    tape.act = act
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 19, "delivered": 1}


def test_campaigns_whose_ids_interleave_do_not_touch_each_other(rt):
    first, account = setup(rt, n=6)
    second = kit.campaign(rt, name="Second", account_id=account, options={"approve": "off"})
    kit.launched(rt, second)
    mixed = sorted(row[0] for campaign in (first, second) for row in rows(campaign))
    with database.write_tx():
        # Ids of both in turn, as when two campaigns are expanded at once.
        database.executemany(
            "UPDATE message SET campaign_id = ?, dedupe = ? WHERE id = ?",
            [((first, second)[at % 2], at, id_) for at, id_ in enumerate(mixed)],
        )
    worker = leases.start(rt)
    batch = claim.claim(rt, worker, first)
    assert batch.ids == mixed[::2]
    assert {row[0] for row in rows(second, "state")} == {State.ready}
