"""The questions every vendor's adapter is asked, on a real socket.

An adapter's test file inherits `VendorCases`, says how its vendor reads a request and what it answers, and gets
the same table of cases as all others; what only that vendor has stands beside it.

    class TestMine(VendorCases):
        provider = Mine
        settings = {"key": "k-123456"}
        …
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import pytest

from core import (
    BadConfig,
    BadResponse,
    Balance,
    Forged,
    Inbound,
    Outgoing,
    Provider,
    ProviderError,
    Receipt,
    Result,
    Throttled,
    Unreachable,
    WebhookRequest,
    clock,
)  # fmt: skip
from core.contract.testing import check_provider
from core.db import database
from core.db.codes import Cls, State
from core.http import Rules
from core.sending import accounts, batch, direct
from tests.gateway import Call, answer, drop, gateway
from tests.servers import free_port

CALLBACK = "https://cooee.example/hooks/t0ken/receipt"
PLAIN = Outgoing("0123456789ABCDEF", "+8613800138000", "Hello", "10690000")
UNICODE = Outgoing(
    "0123456789ABCDEG", "+12025550123", '【店】"全场八折" 😀 {to} & = % \\ </a>', "", encoding="ucs2"
)
LONG = Outgoing("0123456789ABCDEH", "+447700900123", "long " * 200, "Shop", parts=7)
GARBAGE = (
    b"",
    b"<html><body>It works!</body></html>",
    b"{broken",
    b"[[[[]]]]",
    b"\xff\xfe\x00",
    b"null",
    b'"ok"',
)


#: A call of a vendor; a function makes it when it is needed, for signatures that carry the time.
Asked = WebhookRequest | Callable[[], WebhookRequest]


class Refusal(NamedTuple):
    """What the vendor answers, and what that must become."""

    name: str
    answer: bytes
    outcome: str
    code: str | None = None


class Told(NamedTuple):
    """A call of the vendor, and the state, id (and code) that must be read from it."""

    name: str
    request: Asked
    state: str
    code: str | None = None


def called(
    body: bytes | str, content_type="application/json", kind="receipt", args=None, url=CALLBACK, **headers
) -> WebhookRequest:
    """A call of a vendor; header names with _ for -."""
    raw = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return WebhookRequest(kind, "POST", url, {"content-type": content_type, **named}, args or {}, raw)


class VendorCases:
    """Inherit and fill in.  Lists left empty say that the vendor has no such thing."""

    provider: ClassVar[type[Provider]]
    settings: ClassVar[dict[str, Any]] = {}
    #: The setting that holds the address of the API.
    endpoint: ClassVar[str] = "endpoint"
    #: The currency of the account's prices.
    currency: ClassVar[str] = ""
    #: Values that must appear nowhere but on the wire.
    secrets: ClassVar[Sequence[str]] = ()
    #: The texts of the table; vendors of one country narrow them.
    plain, unicode, long = PLAIN, UNICODE, LONG

    refusals: ClassVar[Sequence[Refusal]] = ()
    throttled: ClassVar[bytes] = answer(429, Retry_After="7")
    bad_credentials: ClassVar[bytes] = answer(401, {"message": "no"})
    receipts: ClassVar[Sequence[Told]] = ()
    inbound: ClassVar[Sequence[tuple[Asked, Inbound]]] = ()
    forged: ClassVar[Sequence[Asked]] = ()
    #: A call whose signature was right once; empty where the vendor's signature carries no time.
    replayed: ClassVar[Sequence[Asked]] = ()
    #: What the vendor answers when asked what is left, and what that is.
    balances: ClassVar[Sequence[tuple[bytes, Balance]]] = ()
    #: The class a text of the table is sent in.
    cls: ClassVar[Cls] = Cls.notice

    # --- what a vendor's file fills in --------------------------------------------------------------------

    def good(self, call: Call) -> bytes:
        """The vendor's answer to a submit it takes."""
        raise NotImplementedError

    def read(self, call: Call) -> list[tuple[str, str]]:
        """(number in E.164, words) of each text in a submit, as the vendor reads them."""
        raise NotImplementedError

    # --- helpers ------------------------------------------------------------------------------------------

    def made(self, url: str = "", **given: Any) -> Provider:
        """The provider with the settings of the table, its vendor at a local address."""
        texts = {key: str(value) for key, value in {**self.settings, **given}.items()}
        if url:
            texts[self.endpoint] = url
        provider = self.provider(accounts.checked(self.provider, texts), CALLBACK)
        provider.outgoing = Rules(allow=("127.0.0.1",))
        provider.currency = self.currency
        return provider

    def sent(self, act, messages: Sequence[Outgoing], **given: Any) -> tuple[Sequence[Result], list[Call]]:
        with gateway(act) as gate:
            provider = self.made(gate.url, **given)
            try:
                return provider.send(messages), gate.calls
            finally:
                provider.close()

    def many(self, n: int) -> list[Outgoing]:
        return [self.plain._replace(ref=f"R{i:015d}", to=self.plain.to[:-3] + f"{i:03d}") for i in range(n)]

    def taken(self, act_on: Sequence[Outgoing]) -> list[tuple[str, str]]:
        results, calls = self.sent(lambda call, _connection: self.good(call), act_on)
        assert [result.outcome for result in results] == ["accepted"] * len(act_on), results
        return [text for call in calls for text in self.read(call)]

    def pytest_generate_tests(self, metafunc):
        for name, column in (("refusal", self.refusals), ("told", self.receipts)):
            if name in metafunc.fixturenames:
                metafunc.parametrize(name, column, ids=[row.name for row in column])

    # --- submits ------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("which", ["plain", "unicode", "long"])
    def test_a_text_arrives_as_it_was_written(self, which):
        message = getattr(self, which)
        assert self.taken([message]) == [(message.to, message.text)]

    def test_a_batch_has_an_id_for_each_text_in_order(self):
        messages = self.many(25)
        results, calls = self.sent(lambda call, _connection: self.good(call), messages)
        assert {result.outcome for result in results} == {"accepted"}
        ids = [result.provider_id for result in results]
        assert len(set(ids)) == 25 or set(ids) == {None}
        texts = [text for call in calls for text in self.read(call)]
        assert sorted(texts) == sorted((message.to, message.text) for message in messages)

    def test_nothing_to_send_opens_no_socket(self):
        assert self.made(f"http://127.0.0.1:{free_port()}").send([]) == []

    def test_what_a_refusal_means(self, refusal):
        results, _calls = self.sent(lambda *_: refusal.answer, [self.plain])
        assert (results[0].outcome, results[0].code) == (refusal.outcome, refusal.code)

    def test_too_fast_is_tried_again(self):
        try:
            results, _calls = self.sent(lambda *_: self.throttled, [self.plain])
        except Throttled:
            return
        assert results[0].outcome == "retry"

    def test_bad_credentials_halt_the_account(self):
        with pytest.raises(BadConfig) as raised:
            self.sent(lambda *_: self.bad_credentials, self.many(3))
        self.tells_nothing(str(raised.value))

    @pytest.mark.parametrize("status", [500, 502, 503, 504, 302, 408])
    def test_a_failure_of_the_vendor_is_no_proof(self, status):
        results, calls = self.sent(lambda *_: answer(status, "<html>oops</html>"), [self.plain])
        assert (results[0].outcome, len(calls)) == ("unknown", 1)

    @pytest.mark.parametrize("body", GARBAGE)
    def test_an_answer_that_makes_no_sense_is_no_proof(self, body):
        results, _calls = self.sent(lambda *_: answer(200, body), self.many(2))
        assert [result.outcome for result in results] == ["unknown", "unknown"]

    def test_nobody_there_is_proof(self):
        with pytest.raises(Unreachable):
            self.made(f"http://127.0.0.1:{free_port()}").send([self.plain])

    def test_a_text_whose_answer_was_lost_is_in_doubt_and_never_sent_again(self, rt_sqlite):
        rt_sqlite.settings.http_allow = "127.0.0.1"
        with gateway(drop) as gate:
            given = {key: str(value) for key, value in self.settings.items()} | {self.endpoint: gate.url}
            account = accounts.create(rt_sqlite, "vendor", self.provider.name, given)
            made = direct.send(rt_sqlite, self.plain.to, self.cls, "Hello", account.id)
            for _round in range(3):
                batch.send(rt_sqlite, made["campaign_id"])
                with database.write_tx():
                    database.execute("UPDATE message SET not_before = 0")
        assert len(gate.calls) == 1
        assert database.scalar("SELECT state FROM message") == State.in_doubt

    # --- receipts, inbound texts --------------------------------------------------------------------------

    def test_each_state_of_a_receipt(self, told):
        provider, request = self.made(), asked(told.request)
        provider.verify_webhook(request)
        (receipt,) = provider.parse_webhook(request)
        assert isinstance(receipt, Receipt)
        assert (receipt.state, receipt.code) == (told.state, told.code)
        assert receipt.ref or receipt.provider_id

    def test_a_receipt_that_comes_twice_says_the_same(self):
        for told in self.receipts[:1]:
            provider, request = self.made(), asked(told.request)
            assert list(provider.parse_webhook(request)) == list(provider.parse_webhook(request))

    def test_inbound_texts(self):
        for request, expected in self.inbound:
            provider, made = self.made(), asked(request)
            provider.verify_webhook(made)
            assert list(provider.parse_webhook(made)) == [expected]

    @pytest.mark.parametrize("body", GARBAGE)
    def test_a_call_that_makes_no_sense_is_refused_in_words(self, body):
        provider = self.made()
        for kind in ("receipt", *provider.inbound_kinds):
            for content_type in ("application/json", "application/x-www-form-urlencoded"):
                try:
                    list(provider.parse_webhook(called(body, content_type, kind)))
                except BadResponse as error:
                    self.tells_nothing(str(error))

    def test_a_forged_call_is_refused(self):
        for request in self.forged:
            with pytest.raises(Forged):
                self.made().verify_webhook(asked(request))

    def test_a_replayed_call_is_refused(self):
        for request in self.replayed:
            with pytest.raises(Forged):
                self.made().verify_webhook(asked(request))

    # --- balance ------------------------------------------------------------------------------------------

    def ask_balance(self, reply: bytes) -> Balance | None:
        with gateway(lambda *_: reply) as gate:
            provider = self.made(gate.url)
            try:
                return provider.balance()
            finally:
                provider.close()

    def test_the_balance_is_read(self):
        for reply, expected in self.balances:
            assert self.ask_balance(reply) == expected

    @pytest.mark.parametrize("body", GARBAGE)
    def test_a_balance_that_makes_no_sense_is_no_balance(self, body):
        if self.balances:
            with pytest.raises(BadResponse):
                self.ask_balance(answer(200, body))

    def test_no_balance_for_bad_credentials(self):
        if self.balances:
            with pytest.raises(BadConfig):
                self.ask_balance(answer(401, {"message": "no"}))

    # --- the contract -------------------------------------------------------------------------------------

    def test_it_keeps_the_contract(self):
        """Secrets are the suite's canaries; the vendor's address does not exist."""
        texts = {key: str(value) for key, value in self.settings.items()}
        texts[self.endpoint] = "https://gateway.invalid"
        given = accounts.checked(self.provider, texts)
        secret = {field.short_name for field in self.provider.Form() if accounts.is_secret(field)}
        given = {name: value for name, value in given.items() if name not in secret}
        assert check_provider(self.provider, given) == []

    # --- secrets ------------------------------------------------------------------------------------------

    def tells_nothing(self, words: str) -> None:
        for secret in self.secrets:
            assert secret not in words
        for message in (self.plain, self.unicode, self.long):
            assert message.to not in words and message.to[1:] not in words

    def test_no_secret_and_no_number_is_told(self, caplog):
        caplog.set_level(logging.DEBUG)
        echo = " ".join([*self.secrets, self.plain.to])
        said: list[str] = []
        for status in (200, 400, 401, 403, 422, 429, 500):
            for body in (f"<p>{echo}</p>", {"message": echo, "error": echo, "code": 1, "description": echo}):
                try:
                    results, _calls = self.sent(lambda *_, s=status, b=body: answer(s, b), [self.plain])
                    said += [f"{result.reason} {result.code}" for result in results]
                except ProviderError as error:
                    said.append(str(error))
        self.tells_nothing("\n".join([*said, caplog.text, repr(self.made())]))


def asked(request: Asked) -> WebhookRequest:
    """The call itself."""
    return request if isinstance(request, WebhookRequest) else request()


def seconds(ago: float = 0.0) -> int:
    """An instant as epoch seconds."""
    return int(clock.now_ms() / 1000 - ago)
