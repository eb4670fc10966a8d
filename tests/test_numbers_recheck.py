"""Dead and recycled numbers: from receipts and imports to the list never to text, and back."""

from __future__ import annotations

import pytest

from core import clock
from core.audience import consent, contacts, numbers, suppression
from core.audience.numbers import Rules
from core.audience.quality import recheck, renamed
from core.audience.quality.recheck import Known, judge
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, NumberStatus, State
from core.db.models import ImportBatch, ImportChange

DAY = clock.DAY_MS
NOW = 1_795_000_000_000
RULES = Rules()


@pytest.fixture
def person(rt):
    one = contacts.create(rt, "+8613800138000", name="王芳")
    contacts.set_consent(rt, one, Cls.mass, True, source="form")
    return one


def text(contact_id: int, at: int, state: State, reason: str | None = None) -> None:
    """A message of this contact that ended so."""
    columns = ("id", "campaign_id", "contact_id", "cls", "state", "reason", "submitted_at", "final_at")
    n = database.scalar("SELECT COUNT(*) FROM message") + 1
    with database.write_tx():
        database.copy_rows(
            "message", columns, [((at << 20) | n, n, contact_id, 2, int(state), reason, at, at)]
        )


def fails(contact_id: int, *days_ago: int, reason: str = "absent") -> None:
    for days in days_ago:
        text(contact_id, clock.now_ms() - days * DAY, State.undelivered, reason)


def status(contact_id: int) -> str:
    found = numbers.of(contact_id)
    return found["status"] if found else ""


def test_three_failures_over_two_weeks_make_a_number_unreachable(rt, person):
    fails(person, 20, 10, 1)
    assert recheck.run(rt) == {"unreachable": 1, "recycled": 0}
    found = numbers.of(person)
    assert (found["status"], found["permanent_failures"]) == ("unreachable", 3)
    assert round((found["last_failure_at"] - found["failing_since"]) / DAY) == 19


@pytest.mark.parametrize("days", [(20, 1), (5, 3, 1)], ids=["too few", "too soon"])
def test_fewer_or_younger_failures_do_not(rt, person, days):
    fails(person, *days)
    recheck.run(rt)
    assert status(person) == "ok"


def test_a_delivery_between_begins_the_count_anew(rt, person):
    fails(person, 40, 30)
    text(person, clock.now_ms() - 20 * DAY, State.delivered)
    fails(person, 15, 1)
    recheck.run(rt)
    assert numbers.of(person)["permanent_failures"] == 2 and status(person) == "ok"


def test_failures_that_pass_do_not_count(rt, person):
    fails(person, 20, 10, 1, reason="ttl")
    recheck.run(rt)
    assert status(person) == ""


def test_marketing_leaves_a_dead_number_out_and_a_delivery_brings_it_back(rt, person):
    fails(person, 20, 10, 1)
    recheck.run(rt)
    [row] = suppression.of(contacts.get(rt, person).phone_bidx)
    assert (row["reason"], row["note"], row["classes"]) == ("invalid", "unreachable", [Cls.mass, Cls.voice])
    assert suppression.check() is None
    text(person, clock.now_ms(), State.delivered)
    recheck.run(rt)
    assert status(person) == "ok" and suppression.of(contacts.get(rt, person).phone_bidx) == []
    assert contacts.get(rt, person).blocked_bits == 0


def test_without_the_rule_nobody_is_left_out(rt, person):
    fails(person, 20, 10, 1)
    recheck.run(rt)
    numbers.set_rules(Rules(leave_out=False))
    recheck.run(rt)
    assert status(person) == "unreachable" and contacts.get(rt, person).blocked_bits == 0


def test_a_number_a_person_put_on_the_list_stays_there(rt, person):
    bidx = contacts.get(rt, person).phone_bidx
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(bidx, note="wrong number")], reason="invalid", who="a@b.c")
    fails(person, 20, 10, 1)
    recheck.run(rt)
    text(person, clock.now_ms(), State.delivered)
    recheck.run(rt)
    [row] = suppression.of(bidx)
    assert (row["who"], row["note"]) == ("a@b.c", "wrong number")


def test_a_number_a_service_called_dead_is_alive_once_a_text_arrives(rt, person):
    numbers.fill(rt)
    with database.write_tx():
        database.execute("UPDATE number_info SET status = ?", (int(NumberStatus.unreachable),))
    assert recheck.run(rt)["unreachable"] == 1
    text(person, clock.now_ms(), State.delivered)
    assert recheck.run(rt)["unreachable"] == 0


def test_running_it_again_changes_nothing(rt, person):
    fails(person, 20, 10, 1)
    recheck.run(rt)
    before = numbers.of(person)
    recheck.run(rt)
    assert numbers.of(person) == before


def test_a_number_that_works_again_after_three_months_is_recycled_until_someone_looks(rt, person):
    fails(person, 150, 120, 100)
    recheck.run(rt)
    text(person, clock.now_ms() - DAY, State.delivered)
    recheck.run(rt)
    assert status(person) == "recycled"
    text(person, clock.now_ms(), State.delivered)
    recheck.run(rt)
    assert status(person) == "recycled"
    assert recheck.same_person(rt, [person], who="a@b.c") == 1
    recheck.run(rt)
    assert status(person) == "ok" and consent.state(person)[Cls.mass].status == "opted_in"
    assert contacts.get(rt, person).blocked_bits == 0


def test_a_new_owner_must_be_asked_again(rt, person):
    fails(person, 150, 120, 100)
    recheck.run(rt)
    text(person, clock.now_ms() - DAY, State.delivered)
    recheck.run(rt)
    assert recheck.new_owner(rt, [person], who="a@b.c") == 1
    assert consent.state(person)[Cls.mass].status == "none" and consent.check() is None


def test_another_name_after_a_long_silence_is_recycled(rt, person):
    with database.write_tx():
        database.execute("UPDATE contact SET created_at = ?", (clock.now_ms() - 200 * DAY,))
        batch = ImportBatch.create(file_name="new.csv", state="done", created_at=clock.now_ms())
        ImportChange.create(
            batch_id=batch.id, contact_id=person, before='{"contact": {"name": ["王芳", "李强"]}}'
        )
    assert recheck.run(rt)["recycled"] == 1


@pytest.mark.parametrize("names", [("王芳", "王 芳"), ("Fang", "Fang Wang"), (None, "李强")])
def test_a_tidier_name_is_no_other_person(rt, person, names):
    assert not renamed.another(*names)


def test_another_name_of_someone_active_is_a_correction(rt, person):
    text(person, clock.now_ms() - 10 * DAY, State.delivered)
    with database.write_tx():
        database.execute("UPDATE contact SET created_at = ?", (clock.now_ms() - 200 * DAY,))
        batch = ImportBatch.create(file_name="new.csv", state="done", created_at=clock.now_ms())
        ImportChange.create(
            batch_id=batch.id, contact_id=person, before='{"contact": {"name": ["王芳", "李强"]}}'
        )
    assert recheck.run(rt)["recycled"] == 0


def test_rules_out_of_bounds_are_refused(rt_sqlite):
    with pytest.raises(Refusal, match="from 1 to 100"):
        numbers.set_rules(Rules(failures=0))
    with pytest.raises(Refusal, match="reason"):
        numbers.set_rules(Rules(reasons=()))


def test_judging_is_a_matter_of_what_was_and_what_is():
    dead = Known(3, NOW - 20 * DAY, NOW - DAY)
    assert judge(Known(), dead, RULES, NOW).status == NumberStatus.unreachable
    was = Known(3, NOW - 20 * DAY, NOW - DAY, None, NumberStatus.unreachable, NOW - DAY)
    assert judge(was, dead, RULES, NOW).status_at == NOW - DAY
    assert judge(was, Known(0, None, NOW - DAY, NOW), RULES, NOW).status == NumberStatus.ok
