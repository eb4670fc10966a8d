"""The pages of data quality: what was found, what to do about it, who may."""

from __future__ import annotations

import json

import pytest

from core import clock
from core.audience import consent, contacts, erasing, events, numbers, suppression
from core.audience.importing import batch
from core.audience.quality import findings, merged, merging
from core.db import database
from core.db.codes import Cls, NumberStatus
from core.db.models import ImportBatch
from core.web import format

PAGES = (
    "/contacts/quality", "/contacts/quality/list/unreachable", "/contacts/quality/list/recycled",
    "/contacts/quality/list/age", "/contacts/quality/list/spend", "/contacts/quality/list/flood",
    "/contacts/quality/duplicates", "/contacts/quality/duplicates?kind=same_person",
    "/contacts/quality/duplicates?kind=same_email&sure=1", "/contacts/quality/merges",
)  # fmt: skip


def text(answer) -> str:
    return answer.get_data(as_text=True)


@pytest.fixture
def twins(rt_sqlite):
    """Two contacts that are surely one, found by a check."""
    made = [contacts.create(rt_sqlite, f"+861380013800{n}", name="王芳") for n in range(2)]
    for one in made:
        contacts.edit(rt_sqlite, one, {"email": "fang@example.com"})
    contacts.edit(rt_sqlite, made[1], {"city": "上海"})
    findings.check(rt_sqlite)
    return made


@pytest.fixture
def recycled(rt_sqlite):
    one = contacts.create(rt_sqlite, "+8613700137000", name="李强")
    contacts.set_consent(rt_sqlite, one, Cls.mass, True, source="form")
    numbers.fill(rt_sqlite)
    with database.write_tx():
        database.execute(
            "UPDATE number_info SET status = ?, status_at = ?", (int(NumberStatus.recycled), clock.now_ms())
        )
    findings.check(rt_sqlite)
    return one


@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_before_a_check_and_after_one(twins, login, path):
    client = login("viewer")
    assert client.get(path).status_code == 200
    with database.write_tx():
        for table in ("quality_finding", "quality_contact", "quality_source"):
            database.execute(f"DELETE FROM {table}")
    assert client.get(path).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/contacts/quality/list/none", "/contacts/quality/merge?keep=x&other=1", "/contacts/quality/merge"],
)
def test_what_there_is_not_is_not_found(client, path):
    assert client.get(path).status_code == 404


def test_figures_lead_to_their_lists(twins, client):
    shown = text(client.get("/contacts/quality"))
    assert "Duplicates by e-mail" in shown and "1 sure" in shown and "added by hand" in shown
    assert "How the score is worked out" in shown


def test_rejected_rows_are_told_when_their_reasons_are_gone(client, rt_sqlite):
    findings.check(rt_sqlite)
    assert "No row of a file was ever rejected." in text(client.get("/contacts/quality"))
    ImportBatch.create(file_name="old.csv", state="done", rejected=1234, created_at=clock.now_ms())
    findings.check(rt_sqlite)
    shown = text(client.get("/contacts/quality"))
    assert "1,234" in shown and "the reasons are no longer kept" in shown and "was ever rejected" not in shown


def test_a_check_can_be_asked_for(twins, client, rt_sqlite):
    answer = client.post("/contacts/quality/check")
    assert answer.status_code == 303
    assert "The check runs" in text(client.get("/contacts/quality"))


def test_two_are_compared_merged_and_taken_apart_again(twins, client):
    one, two = twins
    shown = text(client.get(f"/contacts/quality/merge?keep={one}&other={two}"))
    assert "上海" in shown and "Keep the other number" in shown
    column = database.scalar("SELECT \"column\" FROM field WHERE key = 'city'")
    answer = client.post(
        "/contacts/quality/merge", data={"keep": one, "other": two, f"take-{column}": "other"}
    )
    assert answer.status_code == 303 and answer.location.endswith(f"/contacts/{one}")
    assert "Merged with contact" in text(client.get(f"/contacts/{one}"))
    assert "上海" in text(client.get(f"/contacts/{one}"))
    merge_id = merged.of(one)[0]["id"]
    assert f"/contacts/quality/merges/{merge_id}/undo" in text(client.get("/contacts/quality/merges"))
    assert client.post(f"/contacts/quality/merges/{merge_id}/undo").location.endswith(f"/contacts/{two}")
    assert client.get(f"/contacts/{two}").status_code == 200


def test_a_no_under_the_other_number_is_pointed_out(twins, client, rt_sqlite):
    one, two = twins
    contacts.set_consent(rt_sqlite, two, Cls.mass, False, source="STOP")
    assert "opted out or is suppressed" in text(client.get(f"/contacts/quality/merge?keep={one}&other={two}"))
    assert "opted out or is suppressed" not in text(
        client.get(f"/contacts/quality/merge?keep={two}&other={one}")
    )


def test_sure_groups_are_merged_together(twins, client):
    one, _two = twins
    client.post("/contacts/quality/duplicates/merge", data={"ids": [one]})
    assert len(merged.of(one)) == 1
    assert client.post("/contacts/quality/duplicates/merge", data={}).status_code == 422


def test_the_same_person_may_be_texted_again(recycled, client, rt_sqlite):
    bidx = contacts.get(rt_sqlite, recycled).phone_bidx
    assert suppression.of(bidx)
    assert "李强" in text(client.get("/contacts/quality/list/recycled"))
    client.post("/contacts/quality/numbers", data={"kind": "recycled", "act": "same", "ids": [recycled]})
    assert suppression.of(bidx) == [] and findings.listed(rt_sqlite, "recycled") == []


def test_a_new_owner_is_asked_again(recycled, client):
    client.post("/contacts/quality/numbers", data={"kind": "recycled", "act": "new", "ids": [recycled]})
    assert consent.state(recycled)[Cls.mass].status == "none"


def test_rules_are_for_admins_and_wrong_ones_are_explained(recycled, client, login):
    form = {"failures": "5", "days": "30", "source": "metadata", "reasons": "absent\n30005\n"}
    assert client.post("/contacts/quality/rules", data=form).status_code == 303
    kept = numbers.rules()
    assert (kept.failures, kept.days, kept.leave_out, kept.reasons) == (5, 30, False, ("absent", "30005"))
    answer = client.post("/contacts/quality/rules", data=form | {"failures": "0"})
    assert answer.status_code == 422 and "from 1 to 100" in text(answer)
    assert login("marketer").post("/contacts/quality/rules", data=form).status_code == 403


@pytest.mark.parametrize(
    "path", ["check", "merge", "duplicates/merge", "numbers", "merges/1/undo"]
)  # fmt: skip
def test_viewers_change_nothing(twins, login, path):
    assert login("viewer").post(f"/contacts/quality/{path}", data={"keep": 1, "other": 2}).status_code == 403


def test_a_file_with_a_former_number_changes_nobody(rt, tmp_path):
    one, two = (contacts.create(rt, f"+861380013800{n}", name="王芳") for n in range(2))
    merging.merge(rt, one, two)
    file = tmp_path / "again.csv"
    file.write_text("phone,name\n+8613800138000,王芳\n+8613800138001,李强\n", "utf-8")
    batch_id = batch.begin(rt, batch.prepare(rt, file), path=file, file_name=file.name, who="t")
    batch.run(rt, batch_id)
    done = batch.report(batch_id)
    assert (done["created"], done["unchanged"], done["rejected"]) == (0, 1, 1)
    assert database.scalar("SELECT reason FROM import_reject") == "merged"
    assert database.scalar("SELECT raw FROM import_reject") == json.dumps([])
    assert contacts.get(rt, one).name == "王芳"


def test_erasing_a_merged_person_forgets_both_and_suppresses_both_numbers(rt):
    one, two = (contacts.create(rt, f"+861380013800{n}", name="王芳") for n in range(2))
    bidxs = [contacts.get(rt, each).phone_bidx for each in (one, two)]
    events.record(rt, [events.NewEvent("view", clock.now_ms(), contact_id=two, key="v")])
    merging.merge(rt, one, two)
    erasing.erase(rt, one, who="a@b.c")
    assert database.scalar("SELECT COUNT(*) FROM event") == 0
    assert {row["reason"] for bidx in bidxs for row in suppression.of(bidx)} == {"erased"}
    assert all(suppression.of(bidx) for bidx in bidxs)
    assert not any(database.scalar("SELECT data_enc FROM contact_merge") or b"")


def test_filled_shares_are_no_figure_of_nobody_and_never_whole_while_someone_lacks_a_value(client, rt_sqlite):
    assert (format.filled(0, 0), format.filled(3, 3, 0), format.filled(0, 3)) == ("–", "100 %", "0.0 %")
    assert (format.filled(9_999, 10_000), format.filled(199, 200, 0)) == ("99.9 %", "99 %")
    findings.check(rt_sqlite)
    page = text(client.get("/contacts/quality"))
    assert '<td class="num">–</td>' in page and "100.0 %" not in page


def test_single_texts_are_a_source_in_words(client, rt_sqlite):
    one = contacts.create(rt_sqlite, "+8613800138000")
    with database.write_tx():
        database.execute("UPDATE contact SET source = 'message' WHERE id = ?", (one,))
    findings.check(rt_sqlite)
    assert "<td>single texts</td>" in text(client.get("/contacts/quality"))


def test_rejected_rows_are_said_to_count_with_each_import(client, rt_sqlite):
    findings.check(rt_sqlite)
    assert "a file imported twice counts twice" in text(client.get("/contacts/quality"))
