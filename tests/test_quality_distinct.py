"""Duplicates that are none: told apart once, they never come back, until somebody takes it back."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.audience import contacts, erasing
from core.audience.quality import duplicates, findings, merging, sayings
from core.contract.errors import Refusal
from core.db import database

COUNT = iter(range(10_000))


def person(rt, name: str = "王芳", email: str = "fang@example.com", birthday: str = "1990-05-31") -> int:
    made = contacts.create(rt, f"+861390000{next(COUNT):04d}", name=name)
    contacts.edit(rt, made, {"email": email, "birthday": birthday})
    return made


def shown(rt, kind: str = "same_email") -> list[tuple[list[int], bool]]:
    return [(sorted(p.id for p in g.people), g.sure) for g in duplicates.groups(rt, kind)]


def test_two_told_apart_are_gone_at_once_and_after_every_check(rt):
    one, two = person(rt), person(rt)
    findings.check(rt)
    assert shown(rt) == [([one, two], True)] and shown(rt, "same_person") == [([one, two], False)]
    saying = sayings.say([two, one], who="ann")
    assert shown(rt) == shown(rt, "same_person") == []
    assert findings.check(rt)["same_email"] == 0
    assert shown(rt) == shown(rt, "same_person") == []
    sayings.unsay(saying, who="ann")
    assert shown(rt) == [([one, two], True)] and shown(rt, "same_person") == [([one, two], False)]
    assert findings.check(rt)["same_email"] == 1
    assert [row[0] for row in database.query("SELECT action FROM audit WHERE action LIKE 'quality.%' ORDER BY id")] == [
        "quality.not_same", "quality.not_same_undone"]  # fmt: skip


def test_somebody_new_makes_a_group_again_that_is_never_sure(rt):
    one, two = person(rt), person(rt)
    findings.check(rt)
    sayings.say([one, two], who="ann")
    three = person(rt)
    findings.check(rt)
    assert shown(rt) == [([one, two, three], False)]
    assert duplicates.merge_groups(rt, [one], who="ann") == (0, 1)


def test_a_pair_of_a_larger_group_leaves_the_rest_and_the_last_word_empties_it(rt):
    one, two, three = person(rt), person(rt), person(rt)
    findings.check(rt)
    first = sayings.say([one, two], who="ann")
    assert shown(rt) == [([one, two, three], False)]
    sayings.say([one, three], who="ann")
    assert shown(rt) == [([two, three], False)]
    last = sayings.say([two, three], who="ann")
    assert shown(rt) == []
    sayings.unsay(last, who="ann")
    assert [people for people, _sure in shown(rt)] == [[two, three]]
    sayings.unsay(first, who="ann")
    assert [people for people, _sure in shown(rt)] == [[one, two, three]]


def test_who_was_merged_away_speaks_for_the_contact_that_was_kept(rt):
    one, two, same = person(rt), person(rt), person(rt)
    findings.check(rt)
    sayings.say([same, two], who="ann")
    merging.merge(rt, one, same, who="ann")
    findings.check(rt)
    assert shown(rt) == []


def test_an_erased_contact_leaves_no_trace_in_it_and_undo_still_works(rt):
    one, two = person(rt), person(rt)
    findings.check(rt)
    saying = sayings.say([one, two], who="ann")
    erasing.erase(rt, two, who="ann")
    assert database.query("SELECT contact_id FROM not_same_contact") == [(one,)]
    [listed] = sayings.sayings(rt)
    assert [p.id for p in listed.people] == [one]
    sayings.unsay(saying, who="ann")
    assert shown(rt) == [] and sayings.sayings(rt) == []


@pytest.mark.parametrize("ids", [[], [1], [1, 1], list(range(1, 40))])
def test_fewer_than_two_or_too_many_are_refused(rt_sqlite, ids):
    with pytest.raises(Refusal, match="Choose 2 to 20"):
        sayings.say(ids, who="ann")


def test_an_unknown_contact_or_entry_is_refused(rt):
    one = person(rt)
    with pytest.raises(Refusal, match="no contact 999"):
        sayings.say([one, 999], who="ann")
    with pytest.raises(Refusal, match="taken back already"):
        sayings.unsay(5, who="ann")


def test_the_commands_say_list_and_take_back(cli, rt):
    one, two = person(rt), person(rt)
    findings.check(rt)
    said = json.loads(cli("quality", "not-same", one, two, "--json").output)
    assert said["contacts"] == [one, two]
    [listed] = json.loads(cli("quality", "told-apart", "--json").output)
    assert [p["id"] for p in listed["contacts"]] == [one, two]
    assert "王芳" in cli("quality", "told-apart").output
    assert json.loads(cli("quality", "duplicates", "--json").output) == []
    assert cli("quality", "told-apart", "--undo", said["id"]).exit_code == 0
    assert len(json.loads(cli("quality", "duplicates", "--json").output)) == 2
    assert cli("quality", "not-same", one, one).exit_code == 1


def test_the_page_tells_apart_and_undoes_and_a_viewer_may_not(client, login, rt_sqlite):
    rt = rt_sqlite
    one, two = person(rt), person(rt)
    findings.check(rt)
    page = client.get("/contacts/quality/duplicates").get_data(as_text=True)
    assert "Not the same person" in page and f'value="{one},{two}"' in page
    viewer = login("viewer")
    assert viewer.post("/contacts/quality/not-the-same", data={"people": f"{one},{two}"}).status_code == 403
    answer = client.post(
        "/contacts/quality/not-the-same", data={"people": f"{one},{two}", "kind": "same_person"}
    )
    assert answer.status_code == 303 and answer.location.endswith("kind=same_person")
    assert "王芳" not in client.get("/contacts/quality/duplicates").get_data(as_text=True)
    told = client.get("/contacts/quality/not-the-same").get_data(as_text=True)
    assert told.count("王芳") == 2 and "Undo" in told
    assert "Undo" not in viewer.get("/contacts/quality/not-the-same").get_data(as_text=True)
    saying = sayings.sayings(rt)[0].id
    assert client.post(f"/contacts/quality/not-the-same/{saying}/undo").status_code == 303
    assert "Nobody was told apart yet" in client.get("/contacts/quality/not-the-same").get_data(as_text=True)
    assert client.post(f"/contacts/quality/not-the-same/{saying}/undo").status_code == 404
    assert client.post("/contacts/quality/not-the-same", data={"people": "x"}).status_code == 422
    compare = client.get(f"/contacts/quality/merge?keep={one}&other={two}").get_data(as_text=True)
    assert "Not the same person" in compare


def test_what_was_said_is_paged_by_key(rt):
    ids = [person(rt, email=f"{n}@example.com") for n in range(6)]
    said = [sayings.say([ids[0], other], who="ann") for other in ids[1:]]
    first = sayings.sayings(rt, size=2)
    assert [one.id for one in first] == said[:-3:-1]
    assert [one.id for one in sayings.sayings(rt, before=first[-1].id, size=2)] == said[2:0:-1]
    assert all(one.at <= clock.now_ms() for one in first)
