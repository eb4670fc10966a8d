"""A number that was merged into another contact leads to the contact that was kept, wherever it is asked for."""

from __future__ import annotations

import json

import pytest

from core.audience import contacts, evidence, search, suppression
from core.audience.quality import merging
from core.audience.segments import store
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.sending import messages
from tests.api_kit import Caller

KEPT, OLD, OLDER = "+8613800138000", "+8613900139000", "+8613700137000"


@pytest.fixture
def two(rt):
    """(kept contact, gone contact): 王芳, who had two numbers, and a third before that."""
    kept, gone = contacts.create(rt, KEPT, name="王芳"), contacts.create(rt, OLD)
    first = contacts.create(rt, OLDER)
    contacts.set_consent(rt, gone, Cls.mass, True, source="form")
    merging.merge(rt, gone, first)
    merging.merge(rt, kept, gone)
    return kept, gone


def test_looking_up_follows_every_merge_and_says_so(rt, two):
    assert contacts.look_up(rt, "138 0013 8000") == (two[0], KEPT, "")
    assert contacts.look_up(rt, OLD) == (two[0], KEPT, OLD)
    assert contacts.look_up(rt, OLDER) == (two[0], KEPT, OLDER)
    with pytest.raises(Refusal, match="no contact with the number"):
        contacts.look_up(rt, "+8613600136000")


def test_what_belongs_to_the_number_is_refused_with_the_contact_that_has_it(rt, two):
    with pytest.raises(Refusal, match=rf"was merged into contact {two[0]}") as refused:
        contacts.need(rt, OLD)
    assert refused.value.status == 409 and OLD not in str(refused.value)


def test_the_list_finds_the_kept_contact_by_a_former_number(rt, two):
    for number in (KEPT, OLD, OLDER, "13900139000"):
        assert [row.id for row in search.find(rt, search.Filter(text=number)).rows] == [two[0]]
    assert search.former(rt, OLD) == search.by_phone(rt, OLDER) == two[0]
    assert search.former(rt, KEPT) is search.former(rt, "王芳") is search.former(rt, "+8613600136000") is None


def test_after_the_undo_each_number_is_its_own_again(rt, two):
    kept, gone = two
    [merge] = [row[0] for row in database.query("SELECT id FROM contact_merge WHERE gone_id = ?", (gone,))]
    merging.unmerge(rt, merge)
    assert contacts.look_up(rt, OLD) == (gone, OLD, "") and contacts.look_up(rt, OLDER) == (gone, OLD, OLDER)
    assert search.by_phone(rt, KEPT) == kept


def test_messages_of_either_number_are_found_by_either(rt, two):
    with database.write_tx():
        for number, contact in enumerate(two, 1):
            database.copy_rows(
                "message", ("id", "campaign_id", "contact_id", "cls", "state"), [(number, 1, contact, 2, 9)]
            )
    found = messages.page(rt, messages.Filter(contact_id=search.by_phone(rt, OLD))).rows
    assert [row.id for row in found] == [2, 1]


def test_the_evidence_of_a_former_number_is_its_own_and_names_the_contact(rt, two):
    proof = evidence.evidence(rt, OLD, who="ann")
    assert (proof["contact"], proof["merged_into"]) == (None, two[0])
    assert [line["action"] for line in proof["ledger"]] == ["opt_in"]
    assert evidence.evidence(rt, KEPT, who="ann")["merged_into"] is None
    assert evidence.subject(rt, OLD, who="ann")["profile"]["id"] == two[0]


def test_the_commands_follow(cli, rt, two):
    shown = json.loads(cli("contact", "show", OLD, "--json").output)
    assert (shown["id"], shown["phone"], shown["former"]) == (two[0], KEPT, OLD)
    assert "former" not in json.loads(cli("contact", "show", KEPT, "--json").output)
    store.save(rt, "All", {"all": []}, "ann")
    told = json.loads(cli("segment", "explain", "All", OLD, "--json").output)
    assert (told["in"], told["merged_into"]) == (True, two[0])
    assert f"{OLD} was merged into contact {two[0]}" in cli("segment", "explain", "All", OLD).output
    assert "merged_into" not in json.loads(cli("segment", "explain", "All", KEPT, "--json").output)
    assert cli("label", "set", "vip", "--phone", OLD).exit_code == 0
    assert "vip" in json.loads(cli("contact", "show", KEPT, "--json").output)["labels"]
    assert cli("consent", "add", OLD, "--class", "mass", "--source", "x").exit_code == 1
    erased = cli("contact", "erase", OLD, "--yes", "--json")
    assert json.loads(erased.output)["erased"] == two[0]
    assert cli("contact", "show", KEPT).exit_code == cli("contact", "show", OLD).exit_code == 1


def test_the_api_reads_the_kept_contact(rt_sqlite):
    rt = rt_sqlite
    kept, gone = contacts.create(rt, KEPT), contacts.create(rt, OLD)
    merging.merge(rt, kept, gone)
    answer = Caller(rt, "contacts.read", "numbers.read")("GET", f"/contacts/{OLD}")
    assert (answer.json["id"], answer.json["phone"], answer.json["former"]) == (kept, KEPT, OLD)
    few = Caller(rt, "contacts.read", name="few")
    masked = few("GET", f"/contacts/{OLD}").json
    assert OLD not in str(masked) and KEPT not in str(masked) and masked["former"]
    assert few("GET", "/contacts/+8613600136000").status_code == 404


def test_the_pages_say_that_the_number_was_merged(client, rt_sqlite):
    rt = rt_sqlite
    kept, gone = contacts.create(rt, KEPT, name="王芳"), contacts.create(rt, OLD)
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, OLD)], reason="manual", who="ann")
    merging.merge(rt, kept, gone)
    listed = client.get("/contacts", query_string={"q": OLD}).get_data(as_text=True)
    assert "王芳" in listed and "This number was merged into the contact below." in listed
    assert "was merged" not in client.get("/contacts", query_string={"q": KEPT}).get_data(as_text=True)
    segment = store.save(rt, "All", {"all": []}, "ann")
    for asked in (OLD, str(gone)):
        why = client.post(f"/segments/{segment.id}/why", data={"who": asked}).get_data(as_text=True)
        assert (
            "王芳" in why
            and "was merged into this contact" in why
            and OLD not in why.replace(f'"{asked}"', "")
        )
    assert "was merged" not in client.post(f"/segments/{segment.id}/why", data={"who": KEPT}).get_data(
        as_text=True
    )
    blocked = client.get("/contacts/suppression", query_string={"q": OLD}).get_data(as_text=True)

    assert "+86139****9000" in blocked
