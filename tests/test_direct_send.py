"""One message by itself, outside of any campaign."""

from __future__ import annotations

import pytest

from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.sending import direct, leases
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
