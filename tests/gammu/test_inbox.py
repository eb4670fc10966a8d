"""What comes back through the modem: reports of texts, and texts of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from core import Inbound, Receipt
from core.db import database
from core.db.codes import Cls, State
from core.sending import accounts, batch, direct, receipts
from plugins.providers import _gammu_inbox
from plugins.providers._gammu_inbox import text_id
from tests.adapters.cases import LONG, PLAIN
from tests.gammu.kit import AT, MARK, Sink
from tests.servers import wait_for


@pytest.mark.parametrize(
    ("status", "state", "code"),
    [
        (0x00, "delivered", None),
        (0x01, "accepted", None),
        (0x20, "accepted", None),
        (0x43, "undelivered", "0x43"),
        (0x46, "expired", "0x46"),
        (0x48, "rejected", "0x48"),
        (0x62, "undelivered", "0x62"),
    ],
)
def test_each_state_of_a_report(status, state, code, modem, phone):
    sink = Sink()
    assert modem(sink).send([PLAIN])[0].outcome == "accepted"
    phone.report(status)
    (receipt,) = wait_for(lambda: list(sink.items), 10)
    assert (receipt.state, receipt.ref, receipt.code) == (state, PLAIN.ref, code)
    wait_for(lambda: phone.inbox() == 0, 5)


def test_a_long_text_is_delivered_when_all_its_parts_are(modem, phone):
    sink = Sink()
    provider = modem(sink)
    (result,) = provider.send([LONG])
    for _part in range(result.parts - 1):
        phone.report(0, LONG.to)
    wait_for(lambda: phone.inbox() == 0, 10)
    assert sink.items == []
    phone.report(0, LONG.to)
    (receipt,) = wait_for(lambda: list(sink.items), 10)
    assert (receipt.state, receipt.ref) == ("delivered", LONG.ref)


def test_one_lost_part_is_a_lost_text(modem, phone):
    sink = Sink()
    provider = modem(sink)
    provider.send([LONG])
    phone.report(0, LONG.to)
    phone.report(0x43, LONG.to)
    (receipt,) = wait_for(lambda: list(sink.items), 10)
    assert (receipt.state, receipt.ref, receipt.code) == ("undelivered", LONG.ref, "0x43")


def test_a_report_nobody_claims_is_told_by_number_reference_and_day(modem, phone, monkeypatch):
    (result,) = modem().send([PLAIN])
    monkeypatch.setattr(_gammu_inbox, "CLAIM_S", 0)
    phone.add(
        "Status_Report", PLAIN.to, "x", MessageReference=MARK, DeliveryStatus=0, DateTime=datetime.now(UTC)
    )
    sink = Sink()
    modem(sink)
    (receipt,) = wait_for(lambda: list(sink.items), 10)
    assert receipt == Receipt("delivered", None, result.provider_id)


def test_a_report_is_left_to_the_process_that_asked_for_it(modem, phone):
    phone.report(0)
    phone.add("Deliver", "+447700900123", "退订 é")
    sink = Sink()
    modem(sink)
    (text,) = wait_for(lambda: list(sink.items), 10)
    assert text == Inbound("+447700900123", "退订 é", "", text.id, AT)
    wait_for(lambda: phone.inbox() == 1, 5)


def test_the_day_of_a_report_is_that_of_utc():
    east = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    assert text_id("+86138", 7, east, 1) == text_id("86138", 7, datetime(2026, 11, 23, 9, tzinfo=UTC), 1)
    assert text_id("+86138", 7, east, 1) != text_id("86138", 7, east, 2)


def test_a_long_inbound_text_is_one_when_all_parts_are_there(gammu, modem, phone):
    text = "你好😀" * 50
    info = {"Class": -1, "Unicode": True, "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": text}]}
    parts = gammu.EncodeSMS(info)

    def add(part):
        phone.machine.AddSMS(
            part | {"Folder": 1, "Type": "Deliver", "Number": "+447700900123", "DateTime": AT}
        )

    sink = Sink()
    for part in parts[:-1]:
        add(part)
    modem(sink)
    phone.add("Deliver", "+447700900124", "STOP")
    wait_for(lambda: sink.items, 10)
    add(parts[-1])
    wait_for(lambda: len(sink.items) == 2, 10)
    assert [item.text for item in sink.items] == ["STOP", text]
    wait_for(lambda: phone.inbox() == 0, 5)


def test_parts_whose_rest_never_came_are_told_in_the_end(gammu, modem, phone, monkeypatch):
    monkeypatch.setattr(_gammu_inbox, "PARTS_S", 0)
    info = {"Class": -1, "Unicode": True, "Entries": [{"ID": "ConcatenatedTextLong", "Buffer": "好" * 100}]}
    phone.machine.AddSMS(
        gammu.EncodeSMS(info)[0] | {"Folder": 1, "Type": "Deliver", "Number": "+4477", "DateTime": AT}
    )
    sink = Sink()
    modem(sink)
    (text,) = wait_for(lambda: list(sink.items), 10)
    assert text.text == "好" * 67


def test_a_text_is_deleted_from_the_phone_only_when_it_is_stored(modem, phone):
    phone.add("Deliver", "+447700900123", "STOP")
    sink = Sink(fail=1)
    modem(sink)
    wait_for(lambda: sink.fail == 0, 10)
    assert phone.inbox() == 1
    wait_for(lambda: phone.inbox() == 0, 10)
    assert [item.text for item in sink.items] == ["STOP"]


def test_the_whole_way(rt_sqlite, phone, sent):
    """The dummy phone sends and reports, and a person's STOP comes back."""
    account = accounts.create(rt_sqlite, "modem", "gammu", phone.settings)
    made = direct.send(rt_sqlite, PLAIN.to, Cls.notice, "Hello", account.id)
    batch.send(rt_sqlite, made["campaign_id"])
    assert database.scalar("SELECT state FROM message") == State.accepted
    phone.report(0)
    phone.add("Deliver", PLAIN.to, "STOP")
    wait_for(lambda: database.scalar("SELECT COUNT(*) FROM inbound") and phone.inbox() == 0, 10)
    receipts.apply(rt_sqlite)
    assert database.scalar("SELECT state FROM message") == State.delivered
    assert database.scalar("SELECT COUNT(*) FROM suppression") == 1
    accounts.close_providers(rt_sqlite)
    assert [part["Text"] for part in sent] == ["Hello"]
