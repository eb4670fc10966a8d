"""The check finds what is wrong with the data, and nothing that is right."""

from __future__ import annotations

import pytest

from core import clock
from core.audience import ageing, consent, contacts, events, fields
from core.audience import kinds as field_kinds
from core.audience.quality import duplicates, findings, merged, outliers, scores
from core.db import database
from core.db.codes import Cls
from core.db.models import ImportBatch, ImportReject

NOW = clock.now_ms()
DAY = clock.DAY_MS
COUNT = iter(range(10_000))


def person(rt, name: str = "", **values: str) -> int:
    made = contacts.create(rt, f"+861390000{next(COUNT):04d}", name=name)
    if values:
        contacts.edit(rt, made, values)
    return made


def buys(rt, contact_id: int, amount: int, key: str = "") -> None:
    [outcome] = events.record(
        rt,
        [
            events.NewEvent(
                "purchase", NOW - DAY, contact_id=contact_id, key=key or f"o{contact_id}",
                amount_micros=amount * 1_000_000, currency="CNY",
            )
        ],
    )  # fmt: skip
    assert outcome.status == "stored", outcome


def kinds(contact_id: int) -> set[str]:
    return {kind for kind, _other in findings.of_contact(contact_id)}


def test_the_same_e_mail_is_a_duplicate_whatever_its_case(rt):
    one, two = person(rt, "王芳", email="Fang@Example.com"), person(rt, "王 芳", email="fang@example.com")
    other = person(rt, "李强", email="qiang@example.com")
    found = findings.check(rt)
    assert (found["same_email"], found["sure"]) == (1, 1)
    assert kinds(one) == kinds(two) == {"same_email"} and kinds(other) == set()
    [group] = duplicates.groups(rt, "same_email")
    assert group.sure and [p.id for p in group.people] == [one, two]


def test_name_and_birthday_together_are_a_duplicate_but_never_sure(rt):
    for birthday in ("1990-05-31", "1990-05-31", "1991-05-31"):
        person(rt, "王芳", birthday=birthday)
    found = findings.check(rt)
    assert (found["same_person"], found["sure"]) == (1, 0)
    [group] = duplicates.groups(rt, "same_person")
    assert len(group.people) == 2 and not group.sure


@pytest.mark.parametrize("why", ["name", "birthday", "opt-out", "six"])
def test_a_group_that_disagrees_is_not_sure(rt, why):
    mail = {"email": "a@example.com"}
    one = person(rt, "王芳", **mail, birthday="1990-05-31")
    person(
        rt, "李强" if why == "name" else "王芳", **mail, birthday="1991-01-01" if why == "birthday" else ""
    )
    if why == "opt-out":
        contacts.set_consent(rt, one, Cls.mass, False, source="form")
    if why == "six":
        for _each in range(4):
            person(rt, "王芳", **mail)
    assert findings.check(rt)["sure"] == 0


def test_an_address_of_many_is_no_duplicate(rt):
    for _each in range(duplicates.MAX_GROUP + 1):
        person(rt, email="info@shop.com")
    assert findings.check(rt)["same_email"] == 0


def test_sure_groups_are_merged_into_who_may_be_texted(rt):
    one, two = (person(rt, "王芳", email="fang@example.com") for _each in range(2))
    contacts.set_consent(rt, two, Cls.mass, True, source="form")
    findings.check(rt)
    assert duplicates.merge_groups(rt, [one], who="a@b.c") == (1, 0)
    assert merged.ids_of(two) == [two, one]
    assert duplicates.groups(rt, "same_email") == []
    assert findings.check(rt)["same_email"] == 0


def test_a_group_that_is_no_longer_sure_is_left_alone(rt):
    one, two = (person(rt, "王芳", email="fang@example.com") for _each in range(2))
    findings.check(rt)
    contacts.edit(rt, two, {"name": "李强"})
    assert duplicates.merge_groups(rt, [one], who="a@b.c") == (0, 1)


def test_ages_out_of_the_world_are_outliers(rt):
    fields.define("age", "number")
    unborn, old, aged = person(rt), person(rt), person(rt, age="200")
    with database.write_tx():  # as earlier versions took it
        database.executemany(
            f"UPDATE profile SET {fields.get('birthday').column} = ? WHERE contact_id = ?",
            [
                (field_kinds.convert("date", day), one)
                for day, one in (("2090-01-01", unborn), ("1890-01-01", old))
            ],
        )
    right = person(rt, birthday="1960-01-01", age="65")
    assert findings.check(rt)["age"] == 3
    assert kinds(unborn) == kinds(old) == kinds(aged) == {"age"} and kinds(right) == set()


def test_spend_far_beyond_everybody_elses_is_an_outlier(rt):
    usual = [person(rt) for _each in range(25)]
    for at, one in enumerate(usual):
        buys(rt, one, 80 + at * 2)
    rich = person(rt)
    buys(rt, rich, 900_000)
    assert findings.check(rt)["spend"] == 1 and kinds(rich) == {"spend"}
    [row] = findings.listed(rt, "spend")
    assert (row["id"], row["detail"]) == (rich, str(900_000 * 1_000_000))


def test_few_buyers_say_nothing_of_what_is_usual(rt):
    buys(rt, person(rt), 1)
    buys(rt, person(rt), 1_000_000)
    assert outliers.spend_bound() is None and findings.check(rt)["spend"] == 0


def test_a_flood_of_events_on_one_day_is_an_outlier(rt):
    robot, human = person(rt), person(rt)
    n, day = outliers.FLOOD + 1, NOW // DAY * DAY - 5 * DAY
    events.record(rt, [events.NewEvent("view", day + at, contact_id=robot, key=str(at)) for at in range(n)])
    events.record(
        rt, [events.NewEvent("view", day - at * DAY, contact_id=human, key=str(at)) for at in range(n)]
    )
    assert findings.check(rt)["flood"] == 1 and kinds(robot) == {"flood"}


def test_missing_fields_and_rejected_rows_are_counted(rt):
    person(rt, "王芳", email="a@b.cn"), person(rt, "李强")
    batch = ImportBatch.create(file_name="a.csv", state="done", rejected=3, created_at=NOW)
    for row, reason in enumerate(("invalid_number:12345", "invalid_number:9", "no_number")):
        ImportReject.create(batch_id=batch.id, row=row, reason=reason, raw="[]")
    findings.check(rt)
    found = findings.figures()
    assert (found["people"][""], found["missing"]["name"], found["missing"]["email"]) == (2, 0, 1)
    assert found["rejected"] == {"invalid_number": 2, "no_number": 1}


def test_rejected_rows_count_for_ever_but_not_those_of_an_undone_import(rt):
    old = ImportBatch.create(file_name="old.csv", state="done", rejected=7, created_at=NOW)
    undone = ImportBatch.create(file_name="twice.csv", state="undone", rejected=5, created_at=NOW)
    for batch in (old, undone):
        ImportReject.create(batch_id=batch.id, row=1, reason="no_number", raw="[]")
    assert dict(findings.rejected()) == {"no_number": 1, "not_kept": 6}
    ageing.BY_KEY["rejects"].remove(NOW + DAY)
    assert findings.rejected() == [("not_kept", 7)]


def test_without_a_rejected_row_there_is_nothing_to_list(rt):
    ImportBatch.create(file_name="good.csv", state="done", created_at=NOW)
    assert findings.rejected() == []


def test_a_source_is_scored_by_what_is_wrong_with_it(rt):
    good, bad = (
        ImportBatch.create(file_name=name, state="done", rows=4, rejected=n, created_at=NOW)
        for name, n in (("good.csv", 0), ("bad.csv", 2))
    )
    ids = [person(rt, "王芳", email=f"{at}@b.cn") for at in range(4)]
    twins = [person(rt, "王芳", email="twin@b.cn") for _each in range(2)]
    with database.write_tx():
        for batch, some in ((good, ids), (bad, twins)):
            database.execute(
                f"UPDATE contact SET batch_id = ?, source = 'import' WHERE id IN ({database.in_list(len(some))})",
                (batch.id, *some),
            )
    contacts.set_consent(rt, twins[0], Cls.mass, False, source="STOP")
    findings.check(rt)
    scored = {one["title"]: one for one in findings.sources()}
    assert scored["good.csv"]["score"] == 100 and scored["bad.csv"]["score"] < 50
    assert (scored["bad.csv"]["rejected"], scored["bad.csv"]["duplicates"], scored["bad.csv"]["optouts"]) == (
        0.5, 1.0, 0.5,
    )  # fmt: skip


def test_a_score_is_the_formula_of_the_page():
    worst = scores.Source("import:1", "", 10, 10, 10, 10, 10, 10, 10)
    assert worst.score == 0 and scores.Source("person", "", 10).score == 100
    assert sum(points for points, _worst in scores.WEIGHTS.values()) == 100
    half = scores.Source("person", "", 100, unreachable=10)
    assert half.score == round(100 - 25 * 0.5)


def test_a_second_check_gives_the_same_and_two_at_once_are_one(rt):
    person(rt, "王芳", email="a@b.cn"), person(rt, "王芳", email="a@b.cn")
    first = findings.check(rt)
    again = findings.check(rt)
    assert {**first, "seconds": 0} == {**again, "seconds": 0} and findings.state()["error"] == ""
    from core.db import settings

    settings.put("quality:check", {"started": clock.now_ms()})
    assert findings.running() and findings.check(rt) == {}


def test_lists_are_paged_by_key(rt):
    fields.define("age", "number")
    ids = [person(rt, age="300") for _each in range(5)]
    findings.check(rt)
    first = findings.listed(rt, "age", size=3)
    rest = findings.listed(rt, "age", after=first[-1]["id"], size=3)
    assert [row["id"] for row in first + rest] == ids
    assert consent.check() is None
