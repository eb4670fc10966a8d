"""Labels: set and taken off for one, for many and by a condition; bits always say what the rows say."""

from __future__ import annotations

import pytest

from core import clock
from core.audience import labels
from core.audience.contacts import create
from core.audience.labelling import marks
from core.contract.errors import Refusal
from core.db import database


@pytest.fixture
def crowd(rt):
    return [create(rt, f"+86138001380{n:02}") for n in range(8)]


def having(label):
    rows = database.query("SELECT contact_id FROM contact_label WHERE label_id = ? ORDER BY 1", (label.id,))
    return [row[0] for row in rows]


def put(label, ids, **how):
    with database.write_tx():
        return labels.put(label, ids, **how)


def take(label, ids):
    with database.write_tx():
        return labels.take(label, ids)


def test_a_label_is_put_and_taken(crowd):
    vip, new = labels.create("vip"), labels.create("新客")
    assert (put(vip, crowd[:3]), put(vip, crowd[2:5]), put(new, crowd)) == (3, 2, 8)
    assert (having(vip), labels.counts()) == (crowd[:5], {vip.id: 5, new.id: 8})
    assert (take(vip, crowd[1:]), take(vip, crowd[1:])) == (4, 0)
    assert having(vip) == crowd[:1]
    assert labels.check() is None


def test_ids_that_are_no_contact_are_left_out(crowd):
    vip = labels.create("vip")
    assert put(vip, [crowd[0], 999_999]) == 1
    assert having(vip) == [crowd[0]]


def test_a_label_keeps_its_first_day_and_renews_the_rest(crowd):
    vip = labels.create("vip")
    put(vip, crowd[:1], source="rule", confidence=0.4)
    first = labels.of(crowd[:1])[crowd[0]][0]
    put(vip, crowd[:1], source="person")
    again = labels.of(crowd[:1])[crowd[0]][0]
    assert (again["since_at"], again["source"], again["confidence"]) == (first["since_at"], "person", 1.0)


def test_a_condition_labels_everyone_it_finds(crowd, monkeypatch):
    monkeypatch.setattr(marks, "RANGE", 3)
    vip, passed = labels.create("vip"), []
    assert labels.put_where(vip, "p.country = ?", ["CN"], step=passed.append) == 8
    assert (having(vip), len(passed) >= 3, labels.check()) == (crowd, True, None)
    assert labels.take_where(vip, "p.contact_id > ?", [crowd[3]]) == 4
    assert (having(vip), labels.check()) == (crowd[:4], None)


def test_a_condition_about_the_label_itself_leaves_bits_right(crowd):
    vip = labels.create("vip")
    put(vip, crowd[:2])
    without = (
        "NOT EXISTS (SELECT 1 FROM contact_label x WHERE x.contact_id = p.contact_id AND x.label_id = ?)"
    )
    assert labels.put_where(vip, without, [vip.id]) == 6
    assert labels.check() is None
    assert labels.take_where(vip, "p.label_bits & ? <> 0", [1 << vip.bit]) == 8
    assert (having(vip), labels.check()) == ([], None)


def test_the_63rd_label_has_no_bit_and_works_all_the_same(crowd):
    made = [labels.create(f"label {n}") for n in range(63)]
    assert [label.bit for label in made] == [*range(62), None]
    for label in (made[61], made[62]):
        put(label, crowd)
    assert database.scalar("SELECT label_bits FROM profile WHERE contact_id = ?", (crowd[0],)) == 1 << 61
    assert labels.check() is None
    assert labels.delete(made[61]) == 8
    assert labels.create("after").bit == 61
    assert (having(made[62]), labels.check()) == (crowd, None)


def test_check_names_a_wrong_bit(crowd):
    labels.create("vip")
    with database.write_tx():
        database.execute("UPDATE profile SET label_bits = 1 WHERE contact_id = ?", (crowd[4],))
    assert f"Contact {crowd[4]} has label bits 1" in labels.check()


def test_an_ended_label_is_taken_off_by_the_job(rt, crowd):
    vip, now = labels.create("vip"), clock.now_ms()
    put(vip, crowd[:2], expires_at=now - 1)
    put(vip, crowd[2:3], expires_at=now + 100_000)
    assert labels.expire_labels(rt) == 2
    assert (having(vip), labels.check()) == ([crowd[2]], None)


def test_names_are_checked_and_unique(rt_sqlite):
    vip = labels.create(" vip ")
    assert (vip.name, labels.ensure("vip").id) == ("vip", vip.id)
    for name in ("", "  ", "x" * 61, "a\nb", "a\u202eb"):
        with pytest.raises(Refusal, match="1 to 60"):
            labels.create(name)
    with pytest.raises(Refusal, match="already a label “vip”"):
        labels.create("vip")
    other = labels.create("other")
    with pytest.raises(Refusal, match="already"):
        labels.rename(other.id, "vip")
    labels.rename(other.id, "loyal")
    assert [label.name for label in labels.all_labels()] == ["loyal", "vip"]
    with pytest.raises(Refusal, match="no label “gold”. Known labels: loyal, vip"):
        labels.find("gold")
