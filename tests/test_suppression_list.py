"""The suppression list: reasons side by side, ends, files, and what it does to profiles."""

from __future__ import annotations

import csv
import io

import pytest

from core import clock
from core.audience import blocklist, suppression
from core.audience.contacts import create
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import ALL_CLASSES_MASK, Cls
from core.exporting import csv_stream

PHONE = "+8613800138000"


def add(rt, phone=PHONE, reason="manual", **how):
    with database.write_tx():
        return suppression.add(rt, [suppression.entry(rt, phone, **how)], reason=reason, who="a@b.c")


def remove(rt, phone=PHONE, *reasons):
    with database.write_tx():
        return suppression.remove(rt, rt.keys.blind_index(phone), reasons=reasons)


def blocked(contact_id):
    return database.scalar("SELECT blocked_bits FROM profile WHERE contact_id = ?", (contact_id,))


def test_a_number_is_blocked_and_released(rt):
    one, two = create(rt, PHONE), create(rt, "+8613800138001")
    assert (add(rt), add(rt)) == (1, 0)
    assert (blocked(one), blocked(two)) == (ALL_CLASSES_MASK, 0)
    assert (remove(rt), remove(rt)) == (1, 0)
    assert blocked(one) == 0
    assert suppression.check() is None


def test_reasons_stand_side_by_side(rt):
    one = create(rt, PHONE)
    add(rt, reason="stop", classes=[Cls.mass])
    add(rt, reason="complaint", classes=[Cls.mass, Cls.voice])
    assert blocked(one) == Cls.mass.bit | Cls.voice.bit
    remove(rt, PHONE, "stop")
    assert blocked(one) == Cls.mass.bit | Cls.voice.bit
    assert [row["reason"] for row in suppression.of(rt.keys.blind_index(PHONE))] == ["complaint"]


def test_classes_of_one_reason_add_up(rt):
    one = create(rt, PHONE)
    add(rt, classes=[Cls.mass])
    add(rt, classes=[Cls.voice])
    assert blocked(one) == Cls.mass.bit | Cls.voice.bit


def test_an_erased_number_cannot_be_released(rt):
    add(rt, reason="erased")
    with pytest.raises(Refusal, match="stays on the list"):
        remove(rt)
    row_id = suppression.of(rt.keys.blind_index(PHONE))[0]["id"]
    with pytest.raises(Refusal, match="stays on the list"):
        suppression.remove_row(rt, row_id)
    assert suppression.masks([rt.keys.blind_index(PHONE)])


def test_a_row_taken_off_twice_says_so(rt_sqlite):
    add(rt_sqlite)
    row_id = suppression.of(rt_sqlite.keys.blind_index(PHONE))[0]["id"]
    assert suppression.remove_row(rt_sqlite, row_id) == "manual"
    with pytest.raises(Refusal, match="no longer on the list"):
        suppression.remove_row(rt_sqlite, row_id)


def test_an_end_is_honoured_by_the_job(rt):
    one, later = create(rt, PHONE), clock.now_ms() + 1_000_000
    add(rt, reason="invalid", expires_at=clock.now_ms() - 1)
    add(rt, "+8613800138001", reason="invalid", expires_at=later)
    with database.write_tx():
        database.execute("UPDATE profile SET blocked_bits = 15 WHERE contact_id = ?", (one,))
    assert suppression.check() is None  # not yet taken off, so still blocking is no fault
    assert suppression.expire_suppressions(rt) == 1
    assert (blocked(one), suppression.expire_suppressions(rt)) == (0, 0)
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 1


def test_for_ever_outlasts_an_end(rt):
    add(rt, expires_at=clock.now_ms() + 1_000)
    add(rt)
    assert suppression.of(rt.keys.blind_index(PHONE))[0]["expires_at"] is None


def test_check_names_a_contact_that_would_be_texted(rt):
    one = create(rt, PHONE)
    add(rt)
    with database.write_tx():
        database.execute("UPDATE profile SET blocked_bits = 0")
    assert f"Contact {one} has blocked bits 0" in suppression.check()
    with database.write_tx():
        suppression.fold([rt.keys.blind_index(PHONE)])
    assert suppression.check() is None


def test_unknown_reasons_are_refused(rt_sqlite):
    with pytest.raises(Refusal, match="“bored” is not one of stop, manual"):
        add(rt_sqlite, reason="bored")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_a_file_is_taken_row_by_row(rt, tmp_path, encoding):
    one = create(rt, PHONE)
    file = tmp_path / "stops.csv"
    file.write_text(
        "姓名,手机号\r\n王芳,138 0013 8000\r\n李静,１３９００１３９０００\r\n谁,12345\r\n,\r\n王芳,13800138000\r\n",
        encoding,
    )
    done = blocklist.import_file(rt, file, region="CN", who="a@b.c")
    assert (done.rows, done.added, done.known, done.rejected) == (4, 2, 1, 1)
    assert done.rejects == [(4, "12345", "no valid phone number")]
    assert blocked(one) == ALL_CLASSES_MASK
    again = blocklist.import_file(rt, file, region="CN")
    assert (again.added, again.known, again.rejected) == (0, 3, 1)


def test_a_file_without_a_header_keeps_its_first_number(rt_sqlite, tmp_path):
    file = tmp_path / "stops.txt"
    file.write_text("13800138000\n13900139000\n")
    assert blocklist.import_file(rt_sqlite, file, region="CN").added == 2


def test_a_file_without_numbers_is_refused(rt_sqlite, tmp_path):
    file = tmp_path / "names.csv"
    file.write_text("name,city\nAnna,Berlin\n")
    with pytest.raises(Refusal, match="holds phone numbers"):
        blocklist.import_file(rt_sqlite, file, region="DE")


def test_what_is_exported_comes_back_the_same(rt, tmp_path):
    add(rt, note="=cmd|' /C calc'!A0", classes=[Cls.mass])
    add(rt, "+4915152992312", reason="erased")
    text = "".join(csv_stream(blocklist.EXPORT_HEADER, blocklist.rows_for_export(rt)))
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
    assert [(row[0], row[1], row[2]) for row in rows[1:]] == [
        ("'" + PHONE, "manual", "mass"),
        ("'+4915152992312", "erased", "otp notice mass voice"),
    ]
    assert rows[1][3].startswith("'=cmd")
    file = tmp_path / "again.csv"
    file.write_text(text, "utf-8")
    again = blocklist.import_file(rt, file, reason="import")
    assert (again.known, again.added, again.rejected) == (1, 0, 1)
    assert again.rejects == [(3, "'+4915152992312", "erased; only the erasure itself keeps a number here")]


def test_a_list_brought_to_another_instance_is_the_same_list(rt, tmp_path):
    one, end = create(rt, PHONE), clock.now_ms() + 1_000_123
    add(rt, reason="stop", classes=[Cls.mass], note="by SMS")
    add(rt, reason="complaint", expires_at=end)
    add(rt, "+4915152992312", reason="manual", note="=1+1")
    before = list(blocklist.rows_for_export(rt))
    for people in (False, True):
        file = tmp_path / "list.csv"
        file.write_text("".join(csv_stream(blocklist.EXPORT_HEADER, before, for_people=people)), "utf-8")
        known = blocklist.import_file(rt, file, region="CN")
        assert (known.added, known.known, known.rejected) == (0, 3, 0)
        for phone, reason, *_more in before:
            remove(rt, phone, reason)
        assert blocked(one) == 0
        done = blocklist.import_file(rt, file, region="CN", note="elsewhere")
        assert (done.rows, done.added, done.known) == (3, 3, 0)
        after = {row[:2]: (*row[2:4], row[6]) for row in blocklist.rows_for_export(rt)}
        assert after == {row[:2]: (row[2], row[3] or "elsewhere", row[6]) for row in before}
    remove(rt, PHONE, "stop")
    assert [row["reason"] for row in suppression.of(rt.keys.blind_index(PHONE))] == ["complaint"]


def test_a_row_of_a_list_that_makes_no_sense_is_not_taken(rt_sqlite, tmp_path):
    file = tmp_path / "list.csv"
    file.write_text(
        "phone,reason,classes,note,by,since,until\n"
        "+8613800138001,bored,,,,,\n+8613800138002,stop,sms,,,,\n+8613800138003,stop,,,,,soon\n"
        "+8613800138004,stop,,,,,2001-01-01\n,erased,,,,,\n+8613800138005,,,,,,\n",
        "utf-8",
    )
    done = blocklist.import_file(rt_sqlite, file, reason="complaint")
    assert (done.rows, done.added, done.known, done.rejected) == (6, 1, 0, 5)
    assert [why for _row, _cell, why in done.rejects] == [
        "“bored” is no reason of this list", "“sms” is no class", "“soon” is no date", "its end has passed",
        "erased; only the erasure itself keeps a number here",
    ]  # fmt: skip
    assert blocklist.counts() == {"complaint": 1}


def test_the_list_pages_by_key_both_ways_and_masks(rt):
    for n in range(25):
        add(rt, f"+8613800138{n:03}", reason="stop" if n % 5 == 0 else "manual")
    first, older, newer = blocklist.page(rt, size=10)
    assert (len(first), newer, first[0]["phone"]) == (10, None, "+86138****8024")
    second, older, newer = blocklist.page(rt, before=older, size=10)
    third, end, _ = blocklist.page(rt, before=older, size=10)
    assert (len(second), len(third), end) == (10, 5, None)
    back, _, at_top = blocklist.page(rt, after=newer, size=10)
    assert ([row["id"] for row in back], at_top) == ([row["id"] for row in first], None)
    assert len(blocklist.page(rt, reason="stop")[0]) == 5
    assert [row["phone"] for row in blocklist.page(rt, phone="138 0013 8007")[0]] == ["+86138****8007"]
    assert blocklist.page(rt, phone="nobody")[0] == []
    assert blocklist.counts() == {"stop": 5, "manual": 20}
