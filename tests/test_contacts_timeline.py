"""One timeline of a contact: every source, newest first, paged by key without gap or repeat."""

from __future__ import annotations

import pytest

from core.audience import consent, contacts, keywords, labels, timeline
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Campaign, ImportBatch, ImportChange, InboundText, MessageText, VariantText

T0 = 1_795_000_000_000
HOUR = 3_600_000
COLUMNS = ("id", "campaign_id", "contact_id", "dedupe", "cls", "state", "reason", "parts", "submitted_at")


@pytest.fixture
def told(rt):
    """A contact with a story; returns its id."""
    one = contacts.create(rt, "+8613800138000", name="王芳")
    bidx = contacts.get(rt, one).phone_bidx
    with database.write_tx():
        database.execute("UPDATE contact SET created_at = ? WHERE id = ?", (T0, one))
        database.execute("UPDATE profile SET language = 'zh' WHERE contact_id = ?", (one,))
        consent.record(rt, [consent.Event(one, bidx, Cls.mass, "opt_in", "web form", "好的", at=T0 + HOUR)])
        batch = ImportBatch.create(
            file_name="may.csv", state="done", created_by="a@b.c", created_at=T0 + 2 * HOUR
        )
        ImportChange.create(batch_id=batch.id, contact_id=one, before="{}")
        run = Campaign.insert({"name": "Weekend", "cls": 2, "currency": "CNY", "created_at": T0}).execute()
        for lang, body in (("en", "Hello {{name}}"), ("zh", "你好")):
            VariantText.create(campaign_id=run, idx=0, lang=lang, body=body)
        for n, (state, text) in enumerate(
            ((State.delivered, "王芳，你好"), (State.accepted, None), (State.skipped, None))
        ):
            at = T0 + (3 + n) * HOUR
            reason, submitted = ("suppressed", None) if state == State.skipped else (None, at + 5)
            row = ((at << 20) | n, run, one, n, 2, int(state), reason, 1, submitted)
            database.copy_rows("message", COLUMNS, [row])
            if text:
                MessageText.create(message_id=row[0], body=text)
        reply = {"account_id": 1, "contact_id": one, "phone_bidx": bidx, "phone_enc": b"x", "intent": "stop"}
        InboundText.create(**reply, body="退订", dedupe=b"1", received_at=T0 + 7 * HOUR)
        labels.put(labels.create("vip"), [one])
        keywords.apply_inbound(rt, bidx, None, "stop", evidence={"inbound": 1})
    return one


def story(items):
    return [(item.kind, item.what) for item in items]


def test_everything_stands_in_one_order(rt, told):
    items, more = timeline.page(told)
    assert more is None
    assert [item.at for item in items] == sorted((item.at for item in items), reverse=True)
    assert story(items)[-7:] == [
        ("reply", "stop"),
        ("text", "skipped"),
        ("text", "accepted"),
        ("text", "delivered"),
        ("import", "changed"),
        ("consent", "opt_in"),
        ("import", "created"),
    ]
    assert {("label", "labelled"), ("consent", "suppressed"), ("consent", "opt_out")} <= set(
        story(items)[:-7]
    )


def test_texts_are_the_words_that_were_sent(rt, told):
    texts = timeline.page(told, kinds=["text"])[0]
    assert [item.text for item in texts] == ["你好", "你好", "王芳，你好"]
    assert [item.detail["campaign"] for item in texts] == ["Weekend"] * 3
    assert texts[0].detail["reason"] == "suppressed"


def test_a_cousin_of_the_language_is_what_was_sent(rt, told):
    with database.write_tx():
        database.execute("UPDATE variant_text SET lang = 'zh-Hans' WHERE lang = 'zh'")
    assert [item.text for item in timeline.page(told, kinds=["text"])[0]] == ["你好", "你好", "王芳，你好"]


@pytest.mark.parametrize("kind", timeline.KINDS)
def test_kinds_can_be_looked_at_alone(rt_sqlite, kind):
    one = contacts.create(rt_sqlite, "+8613800138000")
    assert {item.kind for item in timeline.page(one, kinds=[kind])[0]} <= {kind}
    assert timeline.page(one, kinds=[])[0] == []


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_join_without_gap_or_repeat(rt, told, size):
    whole = [item.cursor for item in timeline.page(told)[0]]
    seen, before = [], None
    while True:
        items, before = timeline.page(told, before=before, size=size)
        seen += [item.cursor for item in items]
        if before is None:
            break
    assert seen == whole
    assert len(set(seen)) == len(seen) == 11


def test_lines_of_the_same_millisecond_are_all_shown(rt):
    one = contacts.create(rt, "+8613800138000")
    bidx = contacts.get(rt, one).phone_bidx
    with database.write_tx():
        database.execute("UPDATE contact SET created_at = ? WHERE id = ?", (T0, one))
        consent.record(rt, [consent.Event(one, bidx, cls, "opt_in", at=T0) for cls in Cls for _ in range(3)])
        labels.put(labels.create("vip"), [one])
        database.execute("UPDATE contact_label SET since_at = ?", (T0,))
        database.execute("UPDATE label_change SET at = ?", (T0,))
    seen, before = [], None
    while True:
        items, before = timeline.page(one, before=before, size=4)
        seen += items
        if before is None:
            break
    assert len(seen) == 14


def test_the_next_person_with_a_used_id_does_not_inherit_the_ledger(rt):
    one = contacts.create(rt, "+8613800138000")
    consent.change(rt, one, Cls.mass, "opt_in", source="form")
    with database.write_tx():
        database.execute("UPDATE contact SET phone_bidx = ? WHERE id = ?", (b"someone else now", one))
        database.execute("UPDATE profile SET consent_bits = 0 WHERE contact_id = ?", (one,))
    assert timeline.page(one, kinds=["consent"])[0] == []
    assert consent.state(one)[Cls.mass].status == "none"
    assert consent.check() is None


def test_the_bare_template_is_no_text(rt, told):
    with database.write_tx():
        database.execute("UPDATE variant_text SET body = '{{name|default:\"you\"}}，你好' WHERE lang = 'zh'")
    texts = timeline.page(told, kinds=["text"])[0]
    assert [item.text for item in texts] == [None, None, "王芳，你好"]
