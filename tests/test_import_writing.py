"""What an import does to contacts, consent, suppression and labels; on both databases."""

from __future__ import annotations

import json

import pytest

from core.audience import consent, fields, labels, suppression
from core.audience.importing import batch, rejects, undo
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.models import ImportBatch

HEADER = "phone,name,city,tier,birthday,consent\n"
FIRST = HEADER + (
    "13800138000,Ann,上海,gold,1990-03-01,yes\n"
    "13900139000,Bob,北京,silver,1990-02-30,no\n"
    "138 0013 8000,,广州,,,\n"
    "12345,Nobody,上海,gold,,yes\n"
    "13700137000,=cmd,,gold,2001/12/31,\n"
)


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""

    def run(text: str, name: str = "people.csv", **rules):
        path = tmp_path / name
        path.write_text(text, "utf-8")
        options = batch.prepare(rt, path, region="CN", **rules)
        batch_id = batch.begin(rt, options, path=path, file_name=name, who="test")
        batch.run(rt, batch_id)
        return batch.report(batch_id)

    return run


def _contact(rt, number: str):
    """(name, city, tier, consent bits, opt-out bits, label bits) of a number, or None."""
    city, tier = fields.get("city"), fields.get("tier")
    row = database.one(
        f"SELECT c.name, p.{city.column}, p.{tier.column}, p.consent_bits, p.optout_bits, p.label_bits, c.id "
        "FROM contact c JOIN profile p ON p.contact_id = c.id WHERE c.phone_bidx = ?",
        (rt.keys.blind_index(number),),
    )
    if row is None:
        return None
    names = {f.key: {code: text for text, code in fields.choices(f).items()} for f in (city, tier)}
    return (
        row[0],
        names["city"].get(row[1]),
        names["tier"].get(row[2]) if tier.kind == "choice" else row[2],
        *row[3:],
    )


def _counts(report):
    return tuple(
        report[name]
        for name in ("rows", "created", "updated", "unchanged", "duplicates", "rejected", "notes")
    )


def _sound():
    assert (consent.check(), suppression.check(), labels.check()) == (None, None, None)


def test_a_later_row_overwrites_with_what_it_does_not_leave_empty(rt, take):
    done = take(FIRST)
    assert _counts(done) == (5, 3, 0, 0, 1, 1, 1)
    assert _contact(rt, "+8613800138000")[:5] == ("Ann", "广州", "gold", Cls.mass.bit, 0)
    assert _contact(rt, "+8613900139000")[3:5] == (0, Cls.mass.bit)
    assert _contact(rt, "+8613700137000")[:5] == ("=cmd", None, "gold", 0, 0)
    assert [(row, rejects.words(reason), cells[1]) for row, reason, cells in rejects.rows(done["batch"])] == [
        (5, "not a valid number (12345/CN)", "Nobody")
    ]
    assert [(row, reason) for row, reason, _cells in rejects.rows(done["batch"], taken=True)] == [
        (3, "bad_date:1990-02-30")
    ]
    _sound()


def test_the_same_file_again_changes_nothing(rt, take):
    take(FIRST)
    events = database.scalar("SELECT COUNT(*) FROM consent_event")
    again = take(FIRST, "renamed.csv")
    assert _counts(again) == (5, 0, 0, 3, 1, 1, 1)
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


def test_an_update_is_undone_to_the_values_before(rt, take):
    take(FIRST)
    before = _contact(rt, "+8613800138000")
    done = take(
        HEADER + "13800138000,Anna,上海,,,no\n13600136000,New,上海,gold,,yes\n", label_names=["spring"]
    )
    assert _counts(done) == (2, 1, 1, 0, 0, 0, 0)
    changed = _contact(rt, "+8613800138000")
    assert changed[:5] == ("Anna", "上海", "gold", 0, Cls.mass.bit) and changed[5]
    assert undo.undo(rt, done["batch"], who="test") == {
        "batch": done["batch"],
        "removed": 1,
        "restored": 1,
        "kept": 0,
    }
    assert _contact(rt, "+8613800138000") == before
    assert _contact(rt, "+8613600136000") is None
    _sound()


def test_an_undo_leaves_alone_what_was_changed_since(rt, take):
    take(FIRST)
    done = take(HEADER + "13800138000,Anna,上海,,,no\n")
    contact_id = _contact(rt, "+8613800138000")[-1]
    with database.write_tx():
        database.execute("UPDATE contact SET name = 'Edited' WHERE id = ?", (contact_id,))
    consent.change(rt, contact_id, Cls.mass, "opt_in", source="phone call")
    undo.undo(rt, done["batch"], who="test")
    assert _contact(rt, "+8613800138000")[:5] == ("Edited", "广州", "gold", Cls.mass.bit, 0)
    _sound()


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
    _sound()


def test_an_undo_keeps_people_who_got_texts(rt, take):
    done = take(FIRST)
    contact_id = _contact(rt, "+8613800138000")[-1]
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
    assert _contact(rt, "+8613800138000") is not None
    _sound()


def test_ids_of_removed_contacts_are_not_given_to_others(rt, take):
    done = take(FIRST)
    old = _contact(rt, "+8613800138000")[-1]
    undo.undo(rt, done["batch"], who="test")
    take(HEADER + "13600136000,New,上海,gold,,yes\n")
    assert _contact(rt, "+8613600136000")[-1] > old


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
    _sound()


def test_a_file_does_not_revive_an_opt_out_given_elsewhere(rt, take):
    take(FIRST)
    contact_id = _contact(rt, "+8613800138000")[-1]
    consent.change(rt, contact_id, Cls.mass, "opt_out", source="phone call")
    assert take(FIRST, "again.csv")["unchanged"] == 3
    assert _contact(rt, "+8613800138000")[3:5] == (0, Cls.mass.bit)
    # A no that came from a file gives way to a later file's yes.
    assert take(HEADER + "13900139000,,,,,yes\n")["updated"] == 1
    assert _contact(rt, "+8613900139000")[3:5] == (Cls.mass.bit, 0)
    _sound()


def test_an_erased_person_is_not_brought_back(rt, take):
    with database.write_tx():
        suppression.add(rt, [suppression.Entry(rt.keys.blind_index("+8613800138000"))], reason="erased")
    done = take(FIRST)
    assert _counts(done) == (5, 2, 0, 0, 1, 2, 1)
    assert _contact(rt, "+8613800138000") is None
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
    _sound()


def test_consent_for_everyone_needs_no_column(rt, take):
    take("phone\n13800138000\n13900139000\n", cls="voice", source="paper form", wording="I agree")
    assert database.query("SELECT DISTINCT cls, action, source, wording, who FROM consent_event") == [
        (3, "opt_in", "paper form", "I agree", "test")
    ]
    evidence = [
        json.loads(row[0]) for row in database.query("SELECT evidence FROM consent_event ORDER BY id")
    ]
    assert sorted(item["row"] for item in evidence) == [2, 3]
    _sound()


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
    assert _contact(rt, "+8613800138000")[2] is None


def test_fields_can_be_renamed_and_retyped_without_loss(rt, take):
    take(FIRST)
    assert fields.retype("tier", "text") == 2
    assert _contact(rt, "+8613800138000")[2] == "gold"
    with pytest.raises(Refusal, match="is no number"):
        fields.retype("tier", "number")
    assert fields.get("tier").kind == "text"
    assert fields.retype("tier", "choice") == 2
    assert _contact(rt, "+8613900139000")[2] == "silver"
    fields.rename("tier", "Member level")
    assert fields.get("tier").title == "Member level"
    for refused in (
        lambda: fields.define("tier", "date"),
        lambda: fields.define("phone", "text"),
        lambda: fields.define("a{b", "text"),
    ):
        with pytest.raises(Refusal):
            refused()


def test_two_processes_cannot_write_the_same_rows(rt, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(FIRST, "utf-8")
    options = batch.prepare(rt, path, region="CN")
    batch_id = batch.begin(rt, options, path=path, file_name="people.csv", who="test")
    with database.write_tx():
        database.execute("UPDATE import_batch SET cursor = 5 WHERE id = ?", (batch_id,))

    class Late(batch.Writer):
        def write(self, chunk, cursor, seconds):
            return super().write(chunk, 0, seconds)

    original, batch.Writer = batch.Writer, Late
    try:
        with database.write_tx():
            database.execute("UPDATE import_batch SET cursor = 2 WHERE id = ?", (batch_id,))
        with pytest.raises(Refusal, match="continued by another process"):
            batch.run(rt, batch_id)
    finally:
        batch.Writer = original
    assert database.scalar("SELECT COUNT(*) FROM contact") == 0
    assert ImportBatch.get_by_id(batch_id).state == "running"


def test_a_resumed_import_takes_up_where_it_stopped(rt, tmp_path, monkeypatch):
    from core.audience.importing import writing

    lines = [
        f"1380013{n % 700:04},Name {n},{('上海', '北京')[n % 2]},gold,,{('yes', 'no')[n % 3 == 0]}\n"
        for n in range(25_000)
    ]
    lines[12_345] = "junk,,,,,\n"
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "".join(lines) + "".join(f"139{n:08},,,,,\n" for n in range(5_000)), "utf-8")
    options = batch.prepare(rt, path, region="CN")
    batch_id = batch.begin(rt, options, path=path, file_name="people.csv", who="test")
    write = writing.Writer.write

    def die_at_the_third(self, chunk, cursor, seconds):
        if cursor >= 20_000:
            raise KeyboardInterrupt
        return write(self, chunk, cursor, seconds)

    monkeypatch.setattr(writing.Writer, "write", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        batch.run(rt, batch_id)
    assert ImportBatch.get_by_id(batch_id).cursor == 20_000
    assert batch.begin(rt, options, path=path, file_name="people.csv", who="test") == batch_id
    monkeypatch.undo()
    batch.run(rt, batch_id)
    assert _counts(batch.report(batch_id)) == (30_000, 5_700, 0, 0, 24_299, 1, 0)
    assert _contact(rt, "+8613800130100")[0] == f"Name {24_500 + 100}"
    assert database.scalar("SELECT COUNT(*) FROM contact") == 5_700
    _sound()


def test_a_silent_import_is_queued_again(rt, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(FIRST, "utf-8")
    batch_id = batch.begin(
        rt, batch.prepare(rt, path, region="CN"), path=path, file_name="people.csv", who="test"
    )
    assert batch.resume(rt) == 0
    with database.write_tx():
        database.execute("UPDATE import_batch SET beat_at = beat_at - 120000 WHERE id = ?", (batch_id,))
    assert batch.resume(rt) == 1


def test_a_number_another_writer_adds_at_the_same_moment_is_found_on_the_second_try(rt, take, monkeypatch):
    from core.audience.importing.comparing import Comparer

    take(FIRST)
    known, tries = Comparer._known, []

    def blind_once(self, bidxs):
        tries.append(len(bidxs))
        return {} if len(tries) == 1 else known(self, bidxs)

    monkeypatch.setattr(Comparer, "_known", blind_once)
    assert _counts(take(FIRST, "again.csv")) == (5, 0, 0, 3, 1, 1, 1)
    assert len(tries) == 2
    _sound()
