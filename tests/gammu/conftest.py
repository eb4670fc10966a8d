"""A modem through the library python-gammu and its dummy phone, which keeps its texts as files in a folder."""

from __future__ import annotations

import pytest

from core.sending import accounts
from plugins.providers import gammu as plugin
from tests.adapters.cases import PLAIN
from tests.gammu.kit import AT, MARK


@pytest.fixture
def gammu():
    """The library; without it the test is left out."""
    return pytest.importorskip("gammu", reason="the extra `gammu` is not installed")


@pytest.fixture
def phone(gammu, tmp_path):
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
def sent(gammu, monkeypatch):
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
