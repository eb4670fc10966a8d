"""Papers are kept whole or not at all, and say what state they are in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as rules
from hypothesis import strategies as st
from peewee import PeeweeException

from core import housekeeping
from core.contract.errors import Refusal
from core.db import database
from core.sending.dossiers import files, needs, standing, store
from tests import dossier_kit as kit
from tests.dossier_kit import WHO


def keys(countries) -> set[str]:
    return {one.key for one in needs.of(countries)}


def test_china_asks_for_licence_permit_number_certificate_and_signatures(rt_sqlite):
    found = keys(["CN"])
    assert {"CN/licence", "CN/vats", "CN/code", "CN/terms", "CN/signature", "any/contract"} <= found
    assert "any/terms" not in found, "PIPL terms stand for the general ones"
    assert not any(key.startswith(("US", "EU", "GB")) for key in found)


def test_a_country_nobody_listed_asks_for_the_general_papers(rt_sqlite):
    assert keys(["JP"]) == {"any/contract", "any/terms", "any/prices", "any/support"}
    assert "any/terms" in keys(["JP", "CN"])


def test_the_union_counts_once_and_britain_by_itself(rt_sqlite):
    assert keys(["DE", "FR"]) == keys(["IT"])
    assert {"EU/terms", "GB/terms"} <= keys(["DE", "GB"])


def test_every_shipped_paper_has_a_source_and_a_day(rt_sqlite):
    for one in needs.every():
        assert str(one.title) and str(one.source), one.key
        assert standing.date.fromisoformat(one.as_of)


def test_people_change_what_is_asked_and_add_their_own(rt):
    needs.edit("CN/signature", {"required": False, "as_of": "2027-01-02"}, WHO)
    changed = needs.get("CN/signature")
    assert (changed.required, changed.as_of) == (False, "2027-01-02")
    assert str(changed.title).startswith("Signature"), "the rest follows the shipped list"
    own = needs.add("CN", {"title": "保证金收据", "why": "deposit"}, WHO)
    assert own.key in keys(["CN"])
    needs.reset(own.key, WHO)
    needs.reset("CN/signature", WHO)
    assert own.key not in keys(["CN"])
    assert needs.get("CN/signature").required
    for bad in ({"title": ""}, {"as_of": "soon"}, {"title": "x" * 200}):
        with pytest.raises(Refusal):
            needs.edit("CN/licence", bad, WHO)


def test_a_paper_goes_from_missing_to_present_checked_expiring_and_expired(rt):
    made = kit.begin(rt)
    assert kit.paper(made, "CN/licence").state == "missing"
    kit.put(rt, made, "CN/licence", number="9133")
    assert kit.paper(made, "CN/licence").state == "present"
    store.check(made, "CN/licence", WHO)
    assert kit.paper(made, "CN/licence").state == "checked"
    assert kit.paper(made, "CN/licence").checked_by == WHO
    for days, state in ((61, "present"), (60, "expiring"), (0, "expiring"), (-1, "expired")):
        store.save(rt, made, "CN/licence", {"expires": kit.day(days)}, WHO)
        assert kit.paper(made, "CN/licence").state == state, days


def test_a_number_alone_does_where_no_document_is_needed(rt):
    made = kit.begin(rt, countries=("US",))
    store.save(rt, made, "US/brand", {"number": "BXYZ123"}, WHO)
    store.save(rt, made, "any/contract", {"number": "C-1"}, WHO)
    assert kit.paper(made, "US/brand").state == "present"
    assert kit.paper(made, "any/contract").state == "missing", "a contract is a document"


def test_what_changes_on_a_paper_has_to_be_checked_again(rt):
    made = kit.begin(rt)
    kit.put(rt, made, "CN/licence")
    store.check(made, "CN/licence", WHO)
    store.save(rt, made, "CN/licence", {"note": "looked fine"}, WHO)
    assert kit.paper(made, "CN/licence").state == "checked", "a note changes nothing"
    store.save(rt, made, "CN/licence", {"number": "2"}, WHO)
    assert kit.paper(made, "CN/licence").state == "present"


def test_an_upload_can_be_taken_back_and_put_back(rt):
    made = kit.begin(rt)
    file_id = kit.put(rt, made, "CN/licence")
    store.take_back(made, file_id, WHO)
    one = kit.paper(made, "CN/licence")
    assert (one.state, len(one.taken_back)) == ("missing", 1)
    with pytest.raises(Refusal, match="no such file"):
        files.read(rt, file_id)
    store.put_back(made, file_id, WHO)
    assert kit.paper(made, "CN/licence").state == "present"
    assert [event["what"] for event in store.events(made, "CN/licence")] == [
        "restored",
        "removed",
        "uploaded",
    ]


def test_what_was_taken_back_is_gone_for_good_after_thirty_days(rt):
    made = kit.begin(rt)
    old, young = kit.put(rt, made, "CN/licence"), kit.put(rt, made, "CN/vats")
    kept = kit.put(rt, made, "CN/code")
    for file_id in (old, young):
        store.take_back(made, file_id, WHO)
    with database.write_tx():
        database.execute(
            "UPDATE paper_file SET removed_at = removed_at - ? WHERE id = ?", (files.UNDO_MS + 1, old)
        )
    housekeeping.run(rt)
    assert {row[0] for row in database.query("SELECT id FROM paper_file")} == {young, kept}
    with pytest.raises(Refusal):
        store.put_back(made, old, WHO)
    assert "removed" in {event["what"] for event in store.events(made, "CN/licence")}, "the history stays"


def test_files_are_kept_encrypted_and_read_back_as_they_were(rt):
    made = kit.begin(rt)
    file_id = kit.put(rt, made, "CN/licence")
    blob = bytes(database.scalar("SELECT content_enc FROM paper_file WHERE id = ?", (file_id,)))
    assert b"%PDF" not in blob
    name, media, content = store.content(rt, standing.get(made), file_id, WHO)
    assert (name, media, content) == ("CN-licence.pdf", "application/pdf", kit.pdf(salt="CN/licence").data)


def test_history_cannot_be_changed(rt):
    made = kit.begin(rt)
    for sql in ("UPDATE dossier_event SET who = 'x'", "DELETE FROM dossier_event"):
        with pytest.raises(PeeweeException, match="append-only"), database.write_tx():
            database.execute(sql)
    assert store.events(made)


BAD_FILES = {
    "empty": ("a.pdf", b""),
    "a type by its name only": ("a.pdf", b"<html><script>alert(1)</script></html>"),
    "an svg": ("a.png", b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>"),
    "a program": ("a.exe", b"MZ\x90\x00"),
    "too large": ("a.pdf", kit.PDF + bytes(files.MAX_BYTES)),
    "a path": ("../../etc/passwd.pdf", kit.PDF),
    "a windows path": ("C:\\papers\\a.pdf", kit.PDF),
    "no name": ("", kit.PDF),
    "dots": ("..", kit.PDF),
    "a name that cannot be shown": ("a\u202egpj.pdf", kit.PDF),
    "a long name": ("a" * 200 + ".pdf", kit.PDF),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_one_sentence(case, rt_sqlite):
    with pytest.raises(Refusal) as refused:
        files.looked_at(*BAD_FILES[case])
    assert refused.value.field == "file"
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("given_", "field"),
    [
        ({"issued": "2026-05-02", "expires": "2026-05-01"}, "expires"),
        ({"expires": "31/12/2027"}, "expires"),
        ({"issued": "0001-01-01"}, "issued"),
        ({"number": "9" * 500}, "number"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_bad_values_leave_nothing_behind(rt, given_, field):
    made = kit.begin(rt)
    before = kit.count("dossier_event")
    with pytest.raises(Refusal) as refused:
        store.save(rt, made, "CN/licence", given_, WHO, [kit.pdf()])
    assert refused.value.field == field
    assert (kit.count("paper"), kit.count("paper_file"), kit.count("dossier_event")) == (0, 0, before)


def test_the_same_file_twice_keeps_neither_it_nor_the_values(rt):
    made = kit.begin(rt)
    kit.put(rt, made, "CN/licence")
    with pytest.raises(Refusal, match="already"):
        store.save(rt, made, "CN/licence", {"number": "new"}, WHO, [kit.pdf(salt="CN/licence")])
    assert kit.paper(made, "CN/licence").number == ""


@pytest.mark.parametrize("codes", [["XX"], ["China"], [], ["CN", "../"]])
def test_an_unknown_country_is_refused(rt, codes):
    with pytest.raises(Refusal) as refused:
        store.begin(kit.account(rt), "Vendor Ltd", codes, WHO)
    assert refused.value.field == "countries"
    assert kit.count("dossier") == 0


def test_a_paper_nobody_knows_is_refused(rt):
    made = kit.begin(rt)
    with pytest.raises(Refusal, match="no paper"):
        store.save(rt, made, "CN/passport", {}, WHO, [kit.pdf()])


def test_one_dossier_serves_accounts_of_the_same_company(rt):
    first, second = kit.account(rt, "one"), kit.account(rt, "two")
    made = kit.begin(rt, first)
    store.share(second, made, WHO)
    assert standing.of_account(second).id == made
    with pytest.raises(Refusal, match="already"):
        store.begin(second, "Other", ["CN"], WHO)
    assert kit.count("dossier") == 1, "the refused one left nothing"
    store.leave(second, WHO)
    assert standing.of_account(second) is None and standing.of_account(first).id == made


def test_files_of_a_country_left_behind_stay_visible(rt):
    made = kit.begin(rt, countries=("CN", "US"))
    kit.put(rt, made, "US/terms")
    store.edit(made, "Vendor Ltd", ["CN"], WHO)
    one = kit.paper(made, "US/terms")
    assert not one.asked and one.files


@given(name=st.text(max_size=60), data=st.binary(max_size=60))
@rules(max_examples=200, derandomize=True, deadline=None)
def test_whatever_is_sent_is_a_known_kind_or_a_refusal(name, data):
    try:
        made = files.looked_at(name, data)
    except Refusal:
        return
    assert made.kind in files.KINDS
    assert files.served_as(made.name, made.kind).lower().endswith(files.KINDS[made.kind][1])
    assert not set("/\\\0\r\n") & set(made.name)
