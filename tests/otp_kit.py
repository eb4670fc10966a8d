"""People who ask for codes, and a phone that shows them."""

from __future__ import annotations

import re
from types import SimpleNamespace

from core import Provider, Result, hookimpl
from core.db import database
from core.db.codes import Cls
from core.sending import accounts, batch, direct
from core.sending.otp import rules, service, wishes

APP = "api:shop"
#: Nothing of the guard is in the way.
OPEN = {
    "gap_s": 10, "resends": 50, "number_hour": 0, "number_day": 0, "prefix_hour": 0, "ip_hour": 0, "minute": 0,
    "hour": 0, "adjacent": 0, "ratio_percent": 0,
}  # fmt: skip


class Phone:
    """Two accounts, one that texts and one that calls; what each was given."""

    def __init__(self, rt, *, voice: bool = True):
        self.rt, self.texts, self.calls = rt, [], []
        self.act = lambda message: Result("accepted", provider_id=f"p-{message.ref}")
        phone = self

        class Texter(Provider):
            name, title = "texter", "Texter"
            echoes_reference = True

            def send(self, messages):
                phone.texts += messages
                return [phone.act(message) for message in messages]

        class Caller(Provider):
            name, title = "caller", "Caller"
            echoes_reference = True
            channels = ("voice",)

            def send(self, messages):
                phone.calls += messages
                return [Result("accepted", provider_id=f"v-{message.ref}") for message in messages]

        @hookimpl
        def register_providers():
            return [Texter, Caller]

        rt.plugins.register(SimpleNamespace(register_providers=register_providers), "phones")
        # The one that calls stands first: texts must not go there all the same.
        self.caller = accounts.create(rt, "caller", "caller", {}).id if voice else 0
        self.texter = accounts.create(rt, "texter", "texter", {}).id

    def ring(self) -> None:
        """Send what is due."""
        batch.send(self.rt, direct.campaign(Cls.otp))

    def code(self) -> str:
        """The code of the last text."""
        self.ring()
        return re.search(r"[0-9A-Z]{4,10}(?![a-z])", self.texts[-1].text)[0]


def ask(rt, to: str = "+8613800138000", app: str = APP, **wish) -> service.Sent:
    """A code for a number."""
    return service.send(rt, app, wishes.Wish(to, **wish))


def opened(**changes) -> None:
    """Rules without limits, but for those given."""
    rules.save(OPEN | changes)


def later(seconds: float) -> None:
    """So many seconds pass for every code and limit."""
    ms = int(seconds * 1000)
    with database.write_tx():
        database.execute("UPDATE otp_bucket SET since = since - ?", (ms,))
        database.execute("UPDATE otp_near SET at = at - ?", (ms,))
        database.execute(
            "UPDATE otp_block SET at = at - ?, until = until - ?, allowed_at = allowed_at - ?", (ms, ms, ms)
        )
        database.execute(
            "UPDATE otp SET created_at = created_at - ?, expires_at = expires_at - ?, fallback_at = fallback_at - ?, "
            "verified_at = verified_at - ?, voided_at = voided_at - ?", (ms,) * 5,
        )  # fmt: skip


def row(otp_id: str, columns: str = "verified_at, voided_at, seed"):
    """What is stored of a code."""
    return database.one(f"SELECT {columns} FROM otp WHERE id = ?", (otp_id,))
