"""Taking an import back: what it brought goes, what people did since stays; on both databases."""

from __future__ import annotations

from functools import partial

import pytest

from core.audience import consent, contacts, fields
from core.audience.importing import batch, undo
from core.audience.quality import merging
from core.audience.segments import store
from core.content import templates
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from tests.import_kit import FIRST, HEADER, contact, counts, sound, taken


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""
    return partial(taken, rt, tmp_path)


def test_an_update_is_undone_to_the_values_before(rt, take):
    take(FIRST)
    before = contact(rt, "+8613800138000")
    done = take(
        HEADER + "13800138000,Anna,上海,,,no\n13600136000,New,上海,gold,,yes\n", label_names=["spring"]
    )
    assert counts(done) == (2, 1, 1, 0, 0, 0, 0)
    changed = contact(rt, "+8613800138000")
    assert changed[:5] == ("Anna", "上海", "gold", 0, Cls.mass.bit) and changed[5]
    assert undo.undo(rt, done["batch"], who="test") == {
        "batch": done["batch"],
        "removed": 1,
        "restored": 1,
        "kept": 0,
    }
    assert contact(rt, "+8613800138000") == before
    assert contact(rt, "+8613600136000") is None
    sound()


def test_an_undo_leaves_alone_what_was_changed_since(rt, take):
    take(FIRST)
    done = take(HEADER + "13800138000,Anna,上海,,,no\n")
    contact_id = contact(rt, "+8613800138000")[-1]
    with database.write_tx():
        database.execute("UPDATE contact SET name = 'Edited' WHERE id = ?", (contact_id,))
    consent.change(rt, contact_id, Cls.mass, "opt_in", source="phone call")
    undo.undo(rt, done["batch"], who="test")
    assert contact(rt, "+8613800138000")[:5] == ("Edited", "广州", "gold", Cls.mass.bit, 0)
    sound()


def test_an_undo_removes_what_the_batch_created_and_answers_its_consents(rt, take):
    done = take(FIRST, label_names=["vip"])
    assert undo.undo(rt, done["batch"], who="test")["removed"] == 3
    for table in ("contact", "profile", "contact_label", "import_change"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == 0
    assert database.query("SELECT action, COUNT(*) FROM consent_event GROUP BY action ORDER BY action") == [
        ("erase", 2), ("opt_in", 1), ("opt_out", 1),
    ]  # fmt: skip
    with pytest.raises(Refusal, match="undone already"):
        undo.undo(rt, done["batch"], who="test")
    again = take(FIRST, "again.csv")
    assert again["created"] == 3
    sound()


def test_an_undo_keeps_people_who_got_texts(rt, take):
    done = take(FIRST)
    contact_id = contact(rt, "+8613800138000")[-1]
    with database.write_tx():
        database.execute(
            "INSERT INTO message (id, campaign_id, contact_id, cls, state) VALUES (1, 1, ?, 2, ?)",
            (contact_id, int(State.delivered)),
        )
    assert undo.undo(rt, done["batch"], who="test") == {
        "batch": done["batch"],
        "removed": 2,
        "restored": 0,
        "kept": 1,
    }
    assert contact(rt, "+8613800138000") is not None
    sound()


@pytest.mark.parametrize("state", [State.skipped, State.holdout])
def test_an_undo_keeps_people_a_campaign_counts_though_they_got_nothing(rt, cli, take, state):
    done = take(FIRST)
    contact_id = contact(rt, "+8613800138000")[-1]
    with database.write_tx():
        database.execute(
            "INSERT INTO message (id, campaign_id, contact_id, cls, state) VALUES (1, 1, ?, 2, ?)",
            (contact_id, int(state)),
        )
    told = cli("contact", "undo", done["batch"])
    assert "1 kept: counted by campaigns" in told.output + told.stderr, told.output
    assert contact(rt, "+8613800138000") is not None
    sound()


NEW_FIELDS = "phone,shoe,hat\n13600136000,42,blue\n"


def test_an_undo_takes_the_fields_it_made_along(rt, take):
    before = [field.key for field in fields.all_fields()]
    done = take(NEW_FIELDS)
    shoe = fields.get("shoe")
    undo.undo(rt, done["batch"], who="test")
    assert [field.key for field in fields.all_fields()] == before
    assert database.scalar("SELECT COUNT(*) FROM field_choice") == 0
    assert fields.define("shoe", "text").id > shoe.id, "an id never means another field"
    take(NEW_FIELDS.replace("42", "big"))
    assert fields.get("hat")


def test_an_undo_leaves_fields_that_are_used_since_or_were_there_before(rt, take):
    fields.define("shoe", "number")
    done = take("phone,shoe,hat,bag,coat\n13600136000,42,blue,red,long\n")
    store.save(rt, "Hats", {"segmenter": "attribute", "field": "hat", "op": "eq", "value": "blue"}, "test")
    templates.create(rt, "Sale", "mass", {"en": 'Our {{ bag|default:"bag" }}'}, who="test")
    contacts.edit(rt, contacts.create(rt, "+8613700137000"), {"coat": "short"})
    undo.undo(rt, done["batch"], who="test")
    assert {"shoe", "hat", "bag", "coat"} <= {field.key for field in fields.all_fields()}
    for key, reason in (
        ("hat", "“hat” is used by “Hats”"),
        ("bag", "used by “Sale”"),
        ("coat", "1 contact has"),
    ):
        with pytest.raises(Refusal, match=reason):
            fields.remove(key, who="test")
    fields.remove("shoe", who="test")
    assert fields.get("shoe") is None


def _tiers() -> set[str]:
    return set(fields.choices(fields.get("tier")))


def test_an_undo_takes_the_choices_it_brought_along(rt, take):
    take(FIRST)
    before = _tiers()
    done = take(HEADER + "13800138000,Anna,,platinum,,\n13600136000,New,,bronze,,\n")
    assert _tiers() == before | {"platinum", "bronze"}
    undo.undo(rt, done["batch"], who="test")
    assert _tiers() == before
    assert contact(rt, "+8613800138000")[2] == "gold"


@pytest.mark.parametrize("used", ["contact", "segment", "file"])
def test_choices_that_are_used_since_stay(rt, take, tmp_path, used):
    take(FIRST)
    done = take(HEADER + "13600136000,New,,bronze,,\n")
    match used:
        case "contact":
            contacts.edit(rt, contacts.create(rt, "+8613400134000"), {"tier": "bronze"})
        case "segment":
            rule = {"segmenter": "attribute", "field": "tier", "op": "in", "value": ["bronze"]}
            store.save(rt, "Third", rule, "test")
        case "file":
            path = tmp_path / "more.csv"
            path.write_text(HEADER + "13500135000,More,,bronze,,\n", "utf-8")
            batch.receive(rt, path, file_name="more.csv", who="test")
    undo.undo(rt, done["batch"], who="test")
    assert "bronze" in _tiers()


def test_a_choice_that_another_undo_gives_back_stays(rt, take):
    take(FIRST)
    brought = take(HEADER + "13600136000,New,,bronze,,\n")
    contacts.edit(rt, contact(rt, "+8613800138000")[-1], {"tier": "bronze"})
    later = take(HEADER + "13800138000,,,silver,,\n")
    undo.undo(rt, brought["batch"], who="test")
    assert "bronze" in _tiers()
    undo.undo(rt, later["batch"], who="test")
    assert contact(rt, "+8613800138000")[2] == "bronze"


def test_a_choice_that_the_end_of_a_merge_gives_back_stays(rt, take):
    take(FIRST)
    brought = take(HEADER + "13600136000,New,,bronze,,\n")
    kept, gone = contact(rt, "+8613900139000")[-1], contacts.create(rt, "+8613400134000")
    contacts.edit(rt, gone, {"tier": "bronze"})
    merging.merge(rt, kept, gone, who="test")
    undo.undo(rt, brought["batch"], who="test")
    assert "bronze" in _tiers()


def test_a_field_a_waiting_file_goes_to_stays(rt, take, tmp_path):
    done = take(NEW_FIELDS)
    path = tmp_path / "more.csv"
    path.write_text(NEW_FIELDS.replace("13600136000", "13500135000"), "utf-8")
    batch.receive(rt, path, file_name="more.csv", who="test")
    undo.undo(rt, done["batch"], who="test")
    with pytest.raises(Refusal, match="used by “more.csv”"):
        fields.remove("hat", who="test")


def test_ids_of_removed_contacts_are_not_given_to_others(rt, take):
    done = take(FIRST)
    old = contact(rt, "+8613800138000")[-1]
    undo.undo(rt, done["batch"], who="test")
    take(HEADER + "13600136000,New,上海,gold,,yes\n")
    assert contact(rt, "+8613600136000")[-1] > old
