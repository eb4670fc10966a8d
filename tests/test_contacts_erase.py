"""Erasing a person: nothing personal is left, the proof is, and no later file brings the person back."""

from __future__ import annotations

import json

import pytest

from core.audience import consent, contacts, erasing, fields, labels, suppression
from core.contract.errors import Refusal
from core.db import database, tally
from core.db.codes import ALL_CLASSES_MASK, Cls, State
from core.db.models import ImportBatch, ImportChange, ImportReject, InboundText, MessageText

PHONE, NAME, EMAIL = "+8613812345678", "Xanthippe Quillfeather", "xanthippe@quill.example"
SECRETS = [
    b"13812345678",
    NAME.encode(),
    b"Quillfeather",
    EMAIL.encode(),
    "独一无二的话".encode(),
    b"138 1234 5678",
]


@pytest.fixture
def known(rt):
    """A contact known in every table, on each database; returns its id."""
    return _known(rt)


def _known(rt) -> int:
    one = contacts.create(rt, PHONE, name=NAME)
    fields.define("note", "text")
    contacts.edit(rt, one, {"email": EMAIL, "note": "独一无二的话"})
    consent.change(rt, one, Cls.mass, "opt_in", source="form")
    bidx = contacts.get(rt, one).phone_bidx
    with database.write_tx():
        labels.put(labels.create("vip"), [one])
        suppression.add(rt, [suppression.entry(rt, PHONE, classes=[Cls.voice], note=NAME)], reason="manual")
        for n, state in enumerate((State.delivered, State.ready, State.ready)):
            columns = ("id", "campaign_id", "contact_id", "dedupe", "cls", "state", "parts")
            database.copy_rows("message", columns, [(n + 1, 1, one, n, 2, int(state), n)])
            MessageText.create(message_id=n + 1, body=f"{NAME}, 独一无二的话")
        tally.move({(1, 0, 0, 0, 4): (1, 0, 0, 0, 0), (1, 0, 0, 0, 0): (2, 3, 0, 0, 0)})
        inbound = {
            "account_id": 1,
            "contact_id": one,
            "phone_bidx": bidx,
            "phone_enc": rt.keys.seal_number(PHONE),
        }
        InboundText.create(**inbound, body=f"I am {NAME}", dedupe=b"1", received_at=1)
        batch = ImportBatch.create(file_name="x.csv", state="done", created_at=1)
        ImportChange.create(batch_id=batch.id, contact_id=one, before=json.dumps({"name": NAME}))
        for row, cell in enumerate(("１３８ 1234 5678", "138 1234 5678", "+86-138-1234-5678")):
            ImportReject.create(batch_id=batch.id, row=row, reason="date", raw=json.dumps([cell, NAME]))
        ImportReject.create(batch_id=batch.id, row=9, reason="date", raw=json.dumps(["13900139000", "Anna"]))
    return one


def test_nothing_personal_is_left_and_the_proof_is(rt, known):
    bidx = contacts.get(rt, known).phone_bidx
    erasing.erase(rt, known, who="admin@b.c")
    for table in ("contact", "profile", "contact_label", "message_text", "import_change"):
        assert database.scalar(f"SELECT COUNT(*) FROM {table}") == 0, table
    assert database.query("SELECT body, contact_id FROM inbound") == [("", None)]
    assert [json.loads(row[0]) for row in database.query("SELECT raw FROM import_reject ORDER BY row")] == [
        *([], [], []),
        ["13900139000", "Anna"],
    ]
    ledger = database.query("SELECT action FROM consent_event WHERE phone_bidx = ? ORDER BY id", (bidx,))
    assert [row[0] for row in ledger] == ["opt_in", *["erase"] * 4]
    held = {row["reason"]: (row["classes"], row["note"]) for row in suppression.of(bidx)}
    assert held == {"manual": ([Cls.voice], ""), "erased": (list(Cls), "")}
    assert database.scalar("SELECT COUNT(*) FROM suppression WHERE phone_enc IS NOT NULL") == 0
    assert database.scalar("SELECT COUNT(*) FROM audit WHERE action = 'contact.erase'") == 1


def test_waiting_texts_are_cancelled_and_counted(rt, known):
    erasing.erase(rt, known, who="admin@b.c")
    assert database.query("SELECT state, reason FROM message ORDER BY id") == [
        (State.delivered, None),
        *[(State.cancelled, "erased")] * 2,
    ]
    assert tally.stored(1) == tally.recount(1)


def test_a_new_import_finds_the_number_blocked(rt, known):
    erasing.erase(rt, known, who="admin@b.c")
    again = contacts.create(rt, PHONE, name="someone")
    assert again != known  # or old messages would be another person's
    assert contacts.get(rt, again).blocked_bits == ALL_CLASSES_MASK
    assert contacts.get(rt, again).consent_bits == 0
    assert consent.state(again)[Cls.mass].status == "none"
    assert consent.check() is suppression.check() is labels.check() is None


def test_the_database_file_holds_no_trace(rt_sqlite):
    one = _known(rt_sqlite)
    before = _bytes(rt_sqlite)
    assert all(secret in before for secret in SECRETS[1:4])
    erasing.erase(rt_sqlite, one, who="admin@b.c")
    after = _bytes(rt_sqlite)
    assert [secret for secret in SECRETS if secret in after] == []


def test_erasing_twice_says_the_contact_is_gone(rt, known):
    erasing.erase(rt, known, who="admin@b.c")
    with pytest.raises(Refusal, match="does not exist any more") as refused:
        erasing.erase(rt, known, who="admin@b.c")
    assert refused.value.status == 404


def _bytes(rt) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(rt.settings.instance.glob("cooee.db*")))
