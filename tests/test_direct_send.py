"""One message by itself, outside of any campaign."""

from __future__ import annotations

import pytest

from core.audience import contacts, erasing, phones
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, LineType
from core.sending import direct, leases
from tests import otp_kit
from tests.send_kit import Tape, send_all, setup, whole


def test_a_single_message_takes_the_same_path(rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    made = direct.send(rt, "+8613912345678", "notice", "Your parcel is here", key="order-1", who="test")
    assert made["state"] == "ready" and made["phone"].startswith("+86")
    again = direct.send(rt, "+86 139 1234 5678", "notice", "Your parcel is here", key="order-1", who="test")
    assert again["message_id"] == made["message_id"]
    with pytest.raises(Refusal) as refused:
        direct.send(rt, "+8613912345678", "notice", "Other words", key="order-1", who="test")
    assert refused.value.status == 409
    send_all(rt, made["campaign_id"])
    shown = direct.show(rt, made["client_ref"])
    assert (shown["state"], shown["parts"], shown["text"]) == ("accepted", 1, "Your parcel is here")
    assert [m.text for m in tape.sent if m.to == "+8613912345678"] == ["Your parcel is here"]
    leases.reap(rt, leases.current(rt))
    whole(rt)


def test_a_marketing_text_to_somebody_without_consent_is_skipped(rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    made = direct.send(rt, "+8613912345678", Cls.mass, "Sale! 拒收请回复R", who="test")
    with database.write_tx():
        database.execute(
            'UPDATE campaign SET options = \'{"quiet_hours": "off"}\' WHERE id = ?', (made["campaign_id"],)
        )
    send_all(rt, made["campaign_id"])
    shown = direct.show(rt, made["message_id"])
    assert (shown["state"], shown["reason"]) == ("skipped", "no_consent") and not tape.sent


@pytest.mark.parametrize("known", [False, True])
def test_a_text_to_a_landline_is_skipped_and_a_call_is_not(rt, known):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    number = "+861088888888"
    if known:
        direct.contact(rt, phones.parse(number))
    made = direct.send(rt, number, "notice", "Your parcel is here", key="order-1")
    assert (made["state"], made["reason"], made["text"]) == ("skipped", "landline", "Your parcel is here")
    again = direct.send(rt, number, "notice", "Your parcel is here", key="order-1")
    assert again["message_id"] == made["message_id"]
    send_all(rt, made["campaign_id"])
    assert direct.show(rt, made["message_id"])["state"] == "skipped" and not tape.sent
    assert direct.send(rt, number, "voice", "Your parcel is here")["state"] == "ready"
    whole(rt)


def test_the_line_type_learnt_of_a_contact_counts(rt):
    tape = Tape(echoes_reference=True)
    setup(rt, tape, 1)
    number = "+8613912345678"
    who = direct.contact(rt, phones.parse(number))
    with database.write_tx():
        database.execute("UPDATE profile SET line_type = ? WHERE contact_id = ?", (int(LineType.fixed), who))
    assert direct.send(rt, number, "otp", "Your code is 123456")["reason"] == "landline"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"to": "123"}, "phone"),
        ({"cls": "spam"}, "class"),
        ({"text": "  "}, "text"),
        ({"text": "x" * 1601}, "text"),
        ({"account_id": 99}, "account"),
        ({"key": ""}, "key"),
    ],
)
def test_a_bad_single_message_is_refused_with_the_field(rt_sqlite, given, field):
    setup(rt_sqlite, Tape(), 1)
    usual = {"to": "+8613912345678", "cls": "notice", "text": "Hello"}
    with pytest.raises(Refusal) as refused:
        direct.send(rt_sqlite, **(usual | given))
    assert refused.value.field == field


@pytest.mark.parametrize("way", ["message", "code", "hand"])
def test_the_id_of_somebody_erased_never_goes_to_somebody_new(rt, way):
    setup(rt, Tape(echoes_reference=True), 1)
    direct.send(rt, "+8613912345678", "notice", "Your parcel is here", who="test")
    gone = database.scalar("SELECT MAX(id) FROM contact")
    erasing.erase(rt, gone, who="test")
    if way == "message":
        direct.send(rt, "+8613912345679", "notice", "Your parcel is here", who="test")
    elif way == "code":
        otp_kit.ask(rt, "+8613912345679")
    else:
        contacts.create(rt, "+8613912345679")
    assert database.scalar("SELECT MAX(id) FROM contact") > gone
