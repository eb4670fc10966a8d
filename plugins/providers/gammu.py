"""Gammu: a GSM modem or phone at this machine.

Vendor: Gammu (gammu.org), python-gammu 3.2 and later  ·  API: python-gammu's StateMachine; errors
libgammu/phone/at/atgen.c `ATGEN_HandleCMSError`  ·  read: 2026-11-22

An optional library: `pip install cooee[gammu]`, or python3-gammu of Debian.  It opens the device itself.

A modem takes one text in 3 to 6 seconds and belongs to one program at a time: one thread a process talks to
it, and a lock file keeps the processes of this machine apart.

May be in doubt: a text the modem did not answer for.  A long text whose first part went out is never retried.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from wtforms import BooleanField, IntegerField, StringField
from wtforms import validators as v

from core import BadConfig, Form, Outgoing, Provider, Result, Unreachable, clock, hookimpl
from core.contract.errors import ProviderError
from core.gateway import settled
from core.i18n import _l
from plugins.providers._gammu_inbox import Inbox, text_id
from plugins.providers._modem import Job, Modem, held

#: Seconds a call waits for the modem, and for other processes that hold it.
CALL_S, LOCK_S = 25.0, 10.0
#: Refusals by modem, SIM or network; then TP-Status.  What is not here proves nothing.
ERRORS = {
    "ERR_NETWORK_ERROR": "temporary", "ERR_BUSY": "temporary", "ERR_FULL": "temporary",
    "ERR_PHONEOFF": "temporary", "ERR_NOSERVICE": "temporary", "ERR_PHONE_INTERNAL": "temporary",
    "ERR_NOSIM": "account", "ERR_SECURITYERROR": "account", "ERR_EMPTYSMSC": "account",
    "ERR_NOTSUPPORTED": "account", "ERR_INVALIDDATA": "number", "ERR_BUG": "content",
    "0x40": "temporary", "0x41": "number", "0x42": "blocked", "0x43": "number", "0x44": "number",
    "0x45": "route", "0x46": "handset", "0x60": "temporary", "0x61": "handset", "0x62": "handset",
    "0x63": "blocked", "0x65": "handset",
}  # fmt: skip
#: Errors of the start that waiting does not heal.
MISCONFIGURED = {
    "ERR_UNCONFIGURED", "ERR_UNKNOWNCONNECTIONTYPESTRING", "ERR_UNKNOWNMODELSTRING", "ERR_SECURITYERROR",
    "ERR_NOSIM", "ERR_SOURCENOTAVAILABLE", "ERR_NOTSUPPORTED", "ERR_CANTOPENFILE", "ERR_INVALIDCONFIGNUM",
    "ERR_DEVICENOPERMISSION",
}  # fmt: skip


class Settings(Form):
    """What an account needs: where the modem is."""

    config = StringField(
        _l("Gammu's configuration file"),
        [v.Optional()],
        default="",
        description=_l("Instead of device and connection."),
    )
    device = StringField(_l("Device"), default="/dev/ttyUSB0")
    connection = StringField(_l("Connection"), [v.Regexp(r"[a-z0-9]+\Z")], default="at115200")
    model = StringField(_l("Model"), [v.Optional()], default="", description=_l("Empty asks the phone."))
    pin = StringField(_l("PIN"), [v.Optional()], default="", render_kw={"secret": True})
    smsc = StringField(
        _l("SMS centre's number"),
        [v.Optional()],
        default="",
        description=_l("Empty takes what the SIM card says."),
    )
    reports = BooleanField(_l("Ask for delivery reports"), default=True)
    read_s = IntegerField(_l("Read the inbox every … seconds"), [v.NumberRange(1, 3600)], default=15)


class Gammu(Provider):
    """Sends by a modem of this machine."""

    name = "gammu"
    title = _l("GSM modem")
    group = "own"
    about = _l("A modem or phone at this machine through Gammu: some ten texts a minute.")
    Form = Settings
    ERRORS = ERRORS
    batch_size = 4

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self._modem: Modem | None = None
        self._sink: Any = None
        self._inbox = Inbox()

    def open(self, sink):
        self._sink = sink
        self._modem = Modem(self._round, self.settings["read_s"])

    def close(self):
        if self._modem is not None:
            self._modem.close()
            self._modem = None

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if not messages:
            return []
        _library()
        if self._modem is None:
            self._modem = Modem(self._round, self.settings["read_s"])
        return settled(self._modem.do(messages, CALL_S))

    # --- on the modem's thread --------------------------------------------------------------------------

    def _round(self, jobs: Iterator[Job]) -> None:
        """One visit: send what waits, then read the inbox."""
        with held(self._device(), LOCK_S), self._phone() as phone:
            for job in jobs:
                job.end(self._one(phone, job.message))
            if self._sink is not None:
                try:
                    self._inbox.read(_library(), phone, self._sink)
                except _library().GSMError as error:
                    words = (
                        f"The inbox of the modem at {self._device()} cannot be read: {type(error).__name__}."
                    )
                    raise Unreachable(words) from None

    def _device(self) -> str:
        return self.settings["config"] or self.settings["device"]

    @contextlib.contextmanager
    def _phone(self) -> Iterator[Any]:
        """The phone, ready.  What goes wrong here proves that nothing was sent."""
        gammu, settings = _library(), self.settings
        phone = gammu.StateMachine()
        try:
            if settings["config"]:
                phone.ReadConfig(Filename=settings["config"])
            else:
                names = ("model", "connection", "device")
                phone.SetConfig(0, {name.capitalize(): settings[name] for name in names})
            phone.Init()
            if settings["pin"] and phone.GetSecurityStatus() == "PIN":
                phone.EnterSecurityCode("PIN", settings["pin"])
        except (gammu.GSMError, OSError) as error:
            name = type(error).__name__
            wrong = BadConfig if name in MISCONFIGURED else Unreachable
            raise wrong(f"The modem at {self._device()} does not start: {name}.") from None
        try:
            yield phone
        finally:
            with contextlib.suppress(gammu.GSMError):
                phone.Terminate()

    def _one(self, phone: Any, message: Outgoing) -> Result | ProviderError:
        gammu = _library()
        entry = {"ID": "ConcatenatedTextLong", "Buffer": message.text}
        try:
            parts = gammu.EncodeSMS({"Class": -1, "Unicode": message.encoding == "ucs2", "Entries": [entry]})
        except (gammu.GSMError, ValueError) as error:
            return Result("rejected", code="encoding", reason=f"No text message: {type(error).__name__}.")
        smsc = {"Number": self.settings["smsc"]} if self.settings["smsc"] else {"Location": 1}
        marks: list[int] = []
        for part in parts:
            kind = "Status_Report" if self.settings["reports"] else "Submit"
            part.update(Number=message.to, SMSC=smsc, Type=kind)
            try:
                marks.append(phone.SendSMS(part))
            except (gammu.GSMError, ValueError) as error:
                return self._failed(type(error).__name__, first=not marks)
        if self.settings["reports"]:
            self._inbox.expect(message, marks)
        return Result("accepted", text_id(message.to, marks[-1], clock.now(), len(marks)), parts=len(marks))

    def _failed(self, name: str, first: bool) -> Result | ProviderError:
        if name not in self.errors:
            return Result("unknown", code=name)
        try:
            refused = self.refusal(name)
        except BadConfig as error:
            return error if first else Result("rejected", code=name, reason="Only a part of it went out.")
        if refused.outcome == "retry" and not first:
            return Result("rejected", code=name, reason="Only a part of it went out.")
        return refused


def _library() -> Any:
    try:
        import gammu
    except ImportError:
        words = "The library python-gammu is missing; install it with: pip install cooee[gammu]"
        raise BadConfig(words) from None
    return gammu


@hookimpl
def register_providers():
    return [Gammu]
