"""A modem through the library python-gammu and its dummy phone, which keeps its texts as files in a folder."""

import logging
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from core import BadConfig, Inbound, Receipt, ReceiptSink, Unreachable
from core.config import ROOT
from core.content import parts as texts
from core.contract.testing import check_provider
from core.db import database
from core.db.codes import Cls, State
from core.sending import accounts, batch, direct, receipts
from plugins.providers import gammu as plugin
from tests.adapters.cases import LONG, PLAIN, UNICODE
from tests.servers import wait_for

gammu = pytest.importorskip("gammu", reason="the extra `gammu` is not installed")

#: The dummy phone gives this reference to every part.
MARK = 255
AT = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)


class Sink(ReceiptSink):
    """Keeps what it is given, or fails first."""

    def __init__(self, fail=0):
        self.items: list = []
        self.fail = fail

    def put(self, items):
        if self.fail:
            self.fail -= 1
            raise RuntimeError("the disk is full")
        self.items += items


@pytest.fixture
def phone(tmp_path):
    """The dummy phone's own side: `add` puts something into its inbox, `inbox` counts what is there."""

    class Phone:
        folder = tmp_path / "phone"
        settings = {"device": str(folder), "connection": "none", "model": "dummy", "read_s": "1"}

        def __init__(self):
            self.folder.mkdir()
            self.machine = gammu.StateMachine()
            self.machine.SetConfig(0, {"Model": "dummy", "Connection": "none", "Device": str(self.folder)})
            self.machine.Init()

        def add(self, kind, number, text="", **more):
            sms = {
                "Folder": 1,
                "Type": kind,
                "Number": number,
                "Text": text,
                "SMSC": {"Number": "+1"},
                "DateTime": AT,
            }
            self.machine.AddSMS(sms | {"Coding": "Unicode_No_Compression", "State": "UnRead"} | more)

        def report(self, status, number=PLAIN.to):
            self.add("Status_Report", number, "x", MessageReference=MARK, DeliveryStatus=status)

        def inbox(self) -> int:
            return len(list((self.folder / "sms" / "1").iterdir()))

    return Phone()


@pytest.fixture
def sent(monkeypatch):
    """The parts that went to the phone; an exception put into `fail` is raised by the next."""

    class Sent(list):
        fail: list = []

    kept = Sent()
    kept.fail = []

    class Recorder(gammu.StateMachine):
        def SendSMS(self, part):  # noqa: N802
            if kept.fail and (error := kept.fail.pop(0)):
                raise error
            kept.append(dict(part))
            return super().SendSMS(part)

    monkeypatch.setattr(gammu, "StateMachine", Recorder)
    return kept


@pytest.fixture
def modem(phone):
    """Makes providers for the phone and closes them."""
    made = []

    def make(sink=None, **given):
        provider = plugin.Gammu(accounts.checked(plugin.Gammu, phone.settings | given))
        made.append(provider)
        if sink is not None:
            provider.open(sink)
        return provider

    yield make
    for provider in made:
        provider.close()


def ascii_of(text: str) -> str:
    return f"{len(text)} U+{ord(text[0]):04X}"


def words(parts) -> str:
    """What a phone shows of these parts."""
    centre = {"Number": "+1", "Format": "Text", "Validity": "Max"}
    (linked,) = gammu.LinkSMS([[dict(part, Type="Deliver", SMSC=centre)] for part in parts])
    decoded = gammu.DecodeSMS(linked)
    return decoded["Entries"][0]["Buffer"] if decoded else linked[0]["Text"]


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
def test_a_text_arrives_as_it_was_written(message, modem, sent):
    (result,) = modem().send([message])
    assert result.outcome == "accepted" and result.provider_id.startswith(f"{MARK}-")
    assert words(sent) == message.text
    assert {part["Number"] for part in sent} == {message.to}
    assert {part["Type"] for part in sent} == {"Status_Report"}


@pytest.mark.parametrize(
    "text", ["a" * 160, "a" * 161, "€" * 81, "好" * 70, "好" * 71, "😀" * 40, "x" * 700], ids=ascii_of
)
def test_the_parts_are_those_we_counted(text, modem, sent):
    encoding, count = texts.count(text)
    (result,) = modem().send([PLAIN._replace(text=text, encoding=encoding)])
    assert result.parts == len(sent) == count
    assert words(sent) == text


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
        (gammu.ERR_NETWORK_ERROR, "retry"),
        (gammu.ERR_INVALIDDATA, "rejected"),
        (gammu.ERR_TIMEOUT, "unknown"),
        (gammu.ERR_UNKNOWN, "unknown"),
        (gammu.ERR_DEVICEREADERROR, "unknown"),
    ],
)
def test_what_the_modems_answer_means(error, outcome, modem, sent):
    sent.fail = [error({"Text": "no", "Where": "SendSMS", "Code": 1})]
    results = modem().send([PLAIN, UNICODE])
    assert (results[0].outcome, results[0].code) == (outcome, error.__name__)
    assert results[1].outcome == "accepted"


def test_a_missing_card_halts_the_account(modem, sent):
    sent.fail = [gammu.ERR_NOSIM({"Text": "no", "Where": "SendSMS", "Code": 1})]
    with pytest.raises(BadConfig, match="ERR_NOSIM"):
        modem().send([PLAIN])


@pytest.mark.parametrize(
    ("error", "outcome"),
    [("ERR_NETWORK_ERROR", "rejected"), ("ERR_NOSIM", "rejected"), ("ERR_TIMEOUT", "unknown")],
)
def test_a_long_text_of_which_a_part_went_out_is_never_tried_again(error, outcome, modem, sent):
    sent.fail = [None, getattr(gammu, error)({"Text": "no", "Where": "SendSMS", "Code": 1})]
    (result,) = modem().send([LONG])
    assert (result.outcome, len(sent)) == (outcome, 1)


def test_no_modem_is_proof(modem, tmp_path):
    with pytest.raises(Unreachable, match="ERR_DEVICE"):
        modem(device=str(tmp_path / "none"), connection="at", model="").send([PLAIN])


def test_settings_that_cannot_work_halt_the_account(modem):
    with pytest.raises(BadConfig, match="ERR_UNKNOWN"):
        modem(connection="nonsense").send([PLAIN])


def test_a_modem_in_other_hands_is_waited_for_and_then_proof(modem, phone, monkeypatch):
    program = (
        "import sys; from plugins.providers._modem import held\n"
        "with held(sys.argv[1], 1): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(phone.folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr(plugin, "LOCK_S", 0.2)
        with pytest.raises(Unreachable, match="Another process"):
            modem().send([PLAIN])
    finally:
        other.communicate("")
    assert modem().send([PLAIN])[0].outcome == "accepted"


def test_a_text_that_is_none_is_refused_and_the_rest_goes_out(modem, sent):
    results = modem().send([PLAIN._replace(text="x" * 50_000), PLAIN])
    assert [(r.outcome, r.code) for r in results] == [("rejected", "encoding"), ("accepted", None)]


def test_a_fault_of_our_own_is_a_doubt_at_once(modem, monkeypatch):
    monkeypatch.setattr(plugin.Gammu, "_await", lambda *_: 1 / 0)
    (result,) = modem().send([PLAIN])
    assert (result.outcome, result.code) == ("unknown", "ZeroDivisionError")


def test_an_inbox_that_cannot_be_read_stops_no_text(modem, phone, sent):
    phone.add("Deliver", "+447700900123", "hello")
    provider = modem(Sink(fail=10**6))
    assert {provider.send([PLAIN])[0].outcome for _ in range(5)} == {"accepted"}


def test_nothing_to_send_touches_no_modem(modem):
    assert modem(connection="nonsense").send([]) == []


def test_a_modem_that_does_not_answer_leaves_a_doubt_and_the_rest_unsent(modem, sent, monkeypatch):
    import threading

    answer = threading.Event()
    monkeypatch.setattr(plugin, "CALL_S", 0.3)
    monkeypatch.setattr(gammu.StateMachine, "SendSMS", lambda self, part: answer.wait(10) and MARK)
    provider = modem()
    results = provider.send([PLAIN, UNICODE])
    answer.set()
    assert [result.outcome for result in results] == ["unknown", "retry"]


# --- receipts, inbound texts ------------------------------------------------------------------------------


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
    monkeypatch.setattr(plugin, "CLAIM_S", 0)
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


def test_a_long_inbound_text_is_one_when_all_parts_are_there(modem, phone, monkeypatch):
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


def test_parts_whose_rest_never_came_are_told_in_the_end(modem, phone, monkeypatch):
    monkeypatch.setattr(plugin, "PARTS_S", 0)
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


# --- contract ---------------------------------------------------------------------------------------------


def test_it_keeps_the_contract():
    assert check_provider(plugin.Gammu) == []


def test_no_number_and_no_pin_is_told(modem, phone, sent, caplog):
    caplog.set_level(logging.DEBUG)
    sent.fail = [gammu.ERR_INVALIDDATA({"Text": f"bad {PLAIN.to}", "Where": "SendSMS", "Code": 1})]
    sink = Sink(fail=1)
    phone.add("Deliver", PLAIN.to, "words of a person")
    results = modem(sink, pin="8642").send([PLAIN, UNICODE])
    wait_for(lambda: sink.items, 10)
    told = caplog.text + repr(results)
    assert PLAIN.to[1:] not in told and "8642" not in told and "words of" not in told


def test_without_the_library_it_says_what_to_install_and_the_plugin_still_loads():
    """Also shows that the plugin's own name does not stand in the library's way."""
    program = (
        "import sys; sys.modules['gammu'] = None\n"
        "from plugins.providers.gammu import Gammu\n"
        "from core import BadConfig\n"
        "from core.contract.samples import MESSAGES\n"
        "try: Gammu({'read_s': 15}).send(MESSAGES)\n"
        "except BadConfig as error: print(error)\n"
        "del sys.modules['gammu']; import gammu; print(gammu.__name__, hasattr(gammu, 'StateMachine'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [
        "The library python-gammu is missing; install it with: pip install cooee[gammu]",
        "gammu True",
    ]


def test_the_day_of_a_report_is_that_of_utc():
    east = datetime(2026, 11, 23, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    assert plugin._id("+86138", 7, east, 1) == plugin._id(
        "86138", 7, datetime(2026, 11, 23, 9, tzinfo=UTC), 1
    )
    assert plugin._id("+86138", 7, east, 1) != plugin._id("86138", 7, east, 2)
