"""What an import does to contacts, consent, suppression and labels; on both databases."""

from __future__ import annotations

import json
from functools import partial

import pytest

from core.audience import consent, fields, suppression
from core.audience.importing import batch, rejects
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import ImportBatch
from tests.import_kit import FIRST, HEADER, contact, counts, sound, taken


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""
    return partial(taken, rt, tmp_path)


def test_a_later_row_overwrites_with_what_it_does_not_leave_empty(rt, take):
    done = take(FIRST)
    assert counts(done) == (5, 3, 0, 0, 1, 1, 1)
    assert contact(rt, "+8613800138000")[:5] == ("Ann", "广州", "gold", Cls.mass.bit, 0)
    assert contact(rt, "+8613900139000")[3:5] == (0, Cls.mass.bit)
    assert contact(rt, "+8613700137000")[:5] == ("=cmd", None, "gold", 0, 0)
    assert [(row, rejects.words(reason), cells[1]) for row, reason, cells in rejects.rows(done["batch"])] == [
        (5, "not a valid number (12345/CN)", "Nobody")
    ]
    assert [(row, reason) for row, reason, _cells in rejects.rows(done["batch"], taken=True)] == [
        (3, "bad_date:1990-02-30")
    ]
    sound()


def test_a_birthday_nobody_can_have_is_left_out_with_a_note(rt, take):
    done = take(
        HEADER
        + "13800138000,Ann,,,2999-01-01,\n13900139000,Bob,,,1850-05-31,\n13700137000,Cy,,,1990-05-31,\n"
    )
    assert counts(done) == (3, 3, 0, 0, 0, 0, 2)
    assert [(row, reason) for row, reason, _cells in rejects.rows(done["batch"], taken=True)] == [
        (2, "bad_date:2999-01-01"), (3, "bad_date:1850-05-31"),
    ]  # fmt: skip
    column = fields.get("birthday").column
    assert database.query(f"SELECT {column} FROM profile WHERE {column} IS NOT NULL") == [(7455,)]


def test_the_same_file_again_changes_nothing(rt, take):
    take(FIRST)
    events = database.scalar("SELECT COUNT(*) FROM consent_event")
    again = take(FIRST, "renamed.csv")
    assert counts(again) == (5, 0, 0, 3, 1, 1, 1)
    assert database.scalar("SELECT COUNT(*) FROM consent_event") == events
    assert database.scalar("SELECT COUNT(*) FROM import_change") == 0
    assert (
        batch.seen_before(ImportBatch.get_by_id(again["batch"]).sha256, again["batch"]).id
        == again["batch"] - 1
    )


def test_numbers_are_stored_encrypted_and_found_by_index(rt, take):
    take(FIRST)
    blob, tail = database.one(
        "SELECT phone_enc, tail FROM contact WHERE phone_bidx = ?", (rt.keys.blind_index("+8613800138000"),)
    )
    assert (rt.keys.open_number(blob), tail) == ("+8613800138000", 8000)


def test_a_suppressed_number_stays_blocked_and_its_yes_is_not_taken(rt, take):
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, "+8613800138000")], reason="stop")
    for name in ("new.csv", "again.csv"):
        done = take(FIRST, name)
        noted = [(row, reason) for row, reason, _cells in rejects.rows(done["batch"], taken=True)]
        assert noted == [(3, "bad_date:1990-02-30"), (4, "bad_yes")] and done["notes"] == 2
    bits = database.one(
        "SELECT p.blocked_bits, p.consent_bits FROM profile p JOIN contact c ON c.id = p.contact_id WHERE c.phone_bidx = ?",
        (rt.keys.blind_index("+8613800138000"),),
    )
    assert bits == (15, 0)
    sound()


def test_a_file_does_not_revive_an_opt_out_given_elsewhere(rt, take):
    take(FIRST)
    contact_id = contact(rt, "+8613800138000")[-1]
    consent.change(rt, contact_id, Cls.mass, "opt_out", source="phone call")
    assert take(FIRST, "again.csv")["unchanged"] == 3
    assert contact(rt, "+8613800138000")[3:5] == (0, Cls.mass.bit)
    # A no that came from a file gives way to a later file's yes.
    assert take(HEADER + "13900139000,,,,,yes\n")["updated"] == 1
    assert contact(rt, "+8613900139000")[3:5] == (Cls.mass.bit, 0)
    sound()


def test_an_erased_person_is_not_brought_back(rt, take):
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(rt.keys.blind_index("+8613800138000"))], reason="erased")
    done = take(FIRST)
    assert counts(done) == (5, 2, 0, 0, 1, 2, 1)
    assert contact(rt, "+8613800138000") is None
    assert [
        (row, reason, cells) for row, reason, cells in rejects.rows(done["batch"]) if reason == "erased"
    ] == [(4, "erased", [])]


def test_labels_are_put_on_everyone_once(rt, take):
    take(FIRST, label_names=["vip"])
    assert take(FIRST, "again.csv", label_names=["vip"])["unchanged"] == 3
    assert take(FIRST, "more.csv", label_names=["vip", "spring"])["updated"] == 3
    rows = database.query(
        "SELECT l.name, x.source, COUNT(*) FROM contact_label x JOIN label l ON l.id = x.label_id GROUP BY 1, 2 ORDER BY 1"
    )
    assert rows == [("spring", "import", 3), ("vip", "import", 3)]
    sound()


def test_consent_for_everyone_needs_no_column(rt, take):
    take("phone\n13800138000\n13900139000\n", cls="voice", source="paper form", wording="I agree")
    assert database.query("SELECT DISTINCT cls, action, source, wording, who FROM consent_event") == [
        (3, "opt_in", "paper form", "I agree", "test")
    ]
    evidence = [
        json.loads(row[0]) for row in database.query("SELECT evidence FROM consent_event ORDER BY id")
    ]
    assert sorted(item["row"] for item in evidence) == [2, 3]
    sound()


def test_other_columns_become_fields_of_their_kind(rt, take):
    header = "手机号,会员等级,累计消费,是否会员,注册日期,备注,邮箱,语言\n"
    lines = [
        f"1380013{n:04},{('金卡', '银卡')[n % 2]},{n}.5,{('是', '否')[n % 2]},2024/1/{n % 28 + 1},第{n}位,a{n}@b.cn,中文\n"
        for n in range(40)
    ]
    assert take(header + "".join(lines))["created"] == 40
    kinds = {f.key: f.kind for f in fields.all_fields() if not f.builtin}
    assert kinds == {
        "会员等级": "choice",
        "累计消费": "number",
        "是否会员": "bool",
        "注册日期": "date",
        "备注": "text",
    }
    columns = ", ".join(f"p.{fields.get(key).column}" for key in kinds)
    row = database.one(
        f"SELECT {columns}, p.language, c.email FROM profile p JOIN contact c ON c.id = p.contact_id WHERE c.phone_bidx = ?",
        (rt.keys.blind_index("+8613800130003"),),
    )
    assert row == (fields.choices(fields.get("会员等级"))["银卡"], 3.5, 0, 19726, "第3位", "zh", "a3@b.cn")


def test_a_field_keeps_its_kind_and_foreign_values_become_notes(rt, take):
    fields.define("tier", "number")
    done = take(FIRST)
    assert done["notes"] == 3
    assert contact(rt, "+8613800138000")[2] is None


def test_fields_can_be_renamed_and_retyped_without_loss(rt, take):
    take(FIRST)
    assert fields.retype("tier", "text") == 2
    assert contact(rt, "+8613800138000")[2] == "gold"
    with pytest.raises(Refusal, match="is no number"):
        fields.retype("tier", "number")
    assert fields.get("tier").kind == "text"
    assert fields.retype("tier", "choice") == 2
    assert contact(rt, "+8613900139000")[2] == "silver"
    fields.rename("tier", "Member level", who="test")
    assert fields.get("tier").title == "Member level"
    for refused in (
        lambda: fields.define("tier", "date"),
        lambda: fields.define("phone", "text"),
        lambda: fields.define("a{b", "text"),
    ):
        with pytest.raises(Refusal):
            refused()
