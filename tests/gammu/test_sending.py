"""What goes out through the modem, and what its answers mean."""

from __future__ import annotations

import threading

import pytest

from core import BadConfig, Unreachable
from core.content import parts as texts
from plugins.providers import gammu as plugin
from plugins.providers._gammu_inbox import Inbox
from tests.adapters.cases import LONG, PLAIN, UNICODE
from tests.gammu.kit import MARK, Sink


def ascii_of(text: str) -> str:
    return f"{len(text)} U+{ord(text[0]):04X}"


def words(gammu, parts) -> str:
    """What a phone shows of these parts."""
    centre = {"Number": "+1", "Format": "Text", "Validity": "Max"}
    (linked,) = gammu.LinkSMS([[dict(part, Type="Deliver", SMSC=centre)] for part in parts])
    decoded = gammu.DecodeSMS(linked)
    return decoded["Entries"][0]["Buffer"] if decoded else linked[0]["Text"]


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
def test_a_text_arrives_as_it_was_written(message, gammu, modem, sent):
    (result,) = modem().send([message])
    assert result.outcome == "accepted" and result.provider_id.startswith(f"{MARK}-")
    assert words(gammu, sent) == message.text
    assert {part["Number"] for part in sent} == {message.to}
    assert {part["Type"] for part in sent} == {"Status_Report"}


@pytest.mark.parametrize(
    "text", ["a" * 160, "a" * 161, "€" * 81, "好" * 70, "好" * 71, "😀" * 40, "x" * 700], ids=ascii_of
)
def test_the_parts_are_those_we_counted(text, gammu, modem, sent):
    encoding, count = texts.count(text)
    (result,) = modem().send([PLAIN._replace(text=text, encoding=encoding)])
    assert result.parts == len(sent) == count
    assert words(gammu, sent) == text


def test_the_number_of_the_sms_centre_can_be_set(modem, sent):
    assert modem(smsc="+8613800100500", reports="").send([PLAIN])[0].outcome == "accepted"
    assert (sent[0]["SMSC"]["Number"], sent[0]["Type"]) == ("+8613800100500", "Submit")


def test_gammus_own_file_can_say_where_the_phone_is(modem, phone, tmp_path, sent):
    file = tmp_path / "gammurc"
    file.write_text(f"[gammu]\nmodel = dummy\nconnection = none\ndevice = {phone.folder}\n")
    assert modem(config=str(file), device="", connection="x").send([PLAIN])[0].outcome == "accepted"


def test_a_batch_is_sent_in_order(modem, sent):
    messages = [PLAIN._replace(ref=f"R{i}", to=f"+86138001380{i:02d}", text=f"n{i}") for i in range(4)]
    assert [result.outcome for result in modem().send(messages)] == ["accepted"] * 4
    assert [part["Text"] for part in sent] == ["n0", "n1", "n2", "n3"]


# --- what can go wrong ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("ERR_NETWORK_ERROR", "retry"),
        ("ERR_INVALIDDATA", "rejected"),
        ("ERR_TIMEOUT", "unknown"),
        ("ERR_UNKNOWN", "unknown"),
        ("ERR_DEVICEREADERROR", "unknown"),
    ],
)
def test_what_the_modems_answer_means(error, outcome, gammu, modem, sent):
    sent.fail = [getattr(gammu, error)({"Text": "no", "Where": "SendSMS", "Code": 1})]
    results = modem().send([PLAIN, UNICODE])
    assert (results[0].outcome, results[0].code) == (outcome, error)
    assert results[1].outcome == "accepted"


def test_a_missing_card_halts_the_account(gammu, modem, sent):
    sent.fail = [gammu.ERR_NOSIM({"Text": "no", "Where": "SendSMS", "Code": 1})]
    with pytest.raises(BadConfig, match="ERR_NOSIM"):
        modem().send([PLAIN])


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("ERR_NETWORK_ERROR", "rejected"), ("ERR_NOSIM", "rejected"), ("ERR_TIMEOUT", "unknown")],
)
def test_a_long_text_of_which_a_part_went_out_is_never_tried_again(error, outcome, gammu, modem, sent):
    sent.fail = [None, getattr(gammu, error)({"Text": "no", "Where": "SendSMS", "Code": 1})]
    (result,) = modem().send([LONG])
    assert (result.outcome, len(sent)) == (outcome, 1)


def test_no_modem_is_proof(modem, tmp_path):
    with pytest.raises(Unreachable, match="ERR_DEVICE"):
        modem(device=str(tmp_path / "none"), connection="at", model="").send([PLAIN])


def test_settings_that_cannot_work_halt_the_account(modem):
    with pytest.raises(BadConfig, match="ERR_UNKNOWN"):
        modem(connection="nonsense").send([PLAIN])


def test_a_text_that_is_none_is_refused_and_the_rest_goes_out(modem, sent):
    results = modem().send([PLAIN._replace(text="x" * 50_000), PLAIN])
    assert [(r.outcome, r.code) for r in results] == [("rejected", "encoding"), ("accepted", None)]


def test_a_fault_of_our_own_is_a_doubt_at_once(modem, monkeypatch):
    monkeypatch.setattr(Inbox, "expect", lambda *_: 1 / 0)
    (result,) = modem().send([PLAIN])
    assert (result.outcome, result.code) == ("unknown", "ZeroDivisionError")


def test_an_inbox_that_cannot_be_read_stops_no_text(modem, phone, sent):
    phone.add("Deliver", "+447700900123", "hello")
    provider = modem(Sink(fail=10**6))
    assert {provider.send([PLAIN])[0].outcome for _ in range(5)} == {"accepted"}


def test_nothing_to_send_touches_no_modem(modem):
    assert modem(connection="nonsense").send([]) == []


def test_a_modem_that_does_not_answer_leaves_a_doubt_and_the_rest_unsent(gammu, modem, sent, monkeypatch):
    answer = threading.Event()
    monkeypatch.setattr(plugin, "CALL_S", 0.3)
    monkeypatch.setattr(gammu.StateMachine, "SendSMS", lambda self, part: answer.wait(10) and MARK)
    provider = modem()
    results = provider.send([PLAIN, UNICODE])
    answer.set()
    assert [result.outcome for result in results] == ["unknown", "retry"]
