"""Twilio: the table of cases, and its signatures against the vendor's own check."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from core import OPTED_OUT, Balance, Inbound
from plugins.providers import _twilio
from plugins.providers.twilio import Twilio
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called
from tests.adapters.twilio_kit import FORM, SERVICE, SETTINGS, SID, TOKEN, receipt, signed
from tests.gateway import answer


def refused(status: int, code: int, words="The 'To' number +8613800138000 is not valid.") -> bytes:
    return answer(status, {"code": code, "message": words, "more_info": "…", "status": status})


TEXT = {"MessageSid": "SM9", "From": PLAIN.to, "To": "+12025550100", "Body": "STOP & thanks", "NumMedia": "0"}
INBOUND = signed(TEXT, "inbound")
KEPT = {"X_Twilio_Signature": INBOUND.headers["x-twilio-signature"]}


class TestTwilio(VendorCases):
    provider = Twilio
    currency = "USD"
    settings = SETTINGS
    secrets = (TOKEN,)
    throttled = refused(429, 20429, "Too Many Requests")
    bad_credentials = refused(401, 20003, f"Authenticate {TOKEN}")
    refusals = (
        Refusal("no number", refused(400, 21211), "rejected", "21211"),
        Refusal("opted out", refused(400, 21610), "rejected", "21610"),
        Refusal("queue full", refused(400, 21611), "retry", "21611"),
        Refusal("country not allowed", refused(400, 21408), "rejected", "21408"),
        Refusal("a code nobody knows", refused(400, 29999), "rejected", "29999"),
        Refusal("failed at once", answer(201, {"sid": "SM1", "status": "failed", "error_code": 30006}), "rejected", "30006"),
        Refusal("conflict", refused(409, 20409), "unknown", "20409"),
    )  # fmt: skip
    receipts = (
        *(Told(word, receipt(word), "accepted") for word in ("accepted", "queued", "sending", "sent")),
        Told("delivered", receipt("delivered"), "delivered"),
        Told("read", receipt("read"), "delivered"),
        Told("undelivered", receipt("undelivered", ErrorCode="30005"), "undelivered", "30005"),
        Told("failed", receipt("failed", ErrorCode="30007"), "rejected", "30007"),
        Told("opted out", receipt("failed", ErrorCode="21610"), "rejected", "21610"),
        Told("too late", receipt("failed", ErrorCode="30036"), "expired", "30036"),
        Told("canceled", receipt("canceled"), "rejected"),
    )
    inbound = ((INBOUND, Inbound(PLAIN.to, "STOP & thanks", "+12025550100", "SM9")),)
    forged = (
        signed(TEXT, token="another"),
        called(urlencode(TEXT), FORM),
        called(urlencode(TEXT | {"Body": "YES"}), FORM, "inbound", url=INBOUND.url, **KEPT),
        called(b"{}", url=CALLBACK, X_Twilio_Signature="é"),
    )  # fmt: skip
    balances = (
        (answer(200, {"currency": "USD", "balance": "12.345", "account_sid": SID}), Balance(12_345_000, "USD")),
        (answer(200, {"currency": "usd", "balance": "-0.5"}), Balance(-500_000, "USD")),
    )  # fmt: skip

    def good(self, call):
        sid = "SM" + hashlib.sha256(call.body).hexdigest()[:32]
        return answer(201, {"sid": sid, "status": "queued", "num_segments": "2", "price": None})

    def read(self, call):
        assert call.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
        assert call.headers["authorization"] == "Basic " + b64encode(f"{SID}:{TOKEN}".encode()).decode()
        return [(call.form["To"], call.form["Body"])]

    def test_sender_validity_and_callback(self):
        act = lambda call, _connection: self.good(call)  # noqa: E731
        _results, (one,) = self.sent(act, [self.plain])
        assert one.form["From"] == "10690000"
        assert one.form["StatusCallback"] == f"{CALLBACK}?ref={PLAIN.ref}"
        assert one.form["ValidityPeriod"] == "14400"
        _results, (one,) = self.sent(act, [self.plain._replace(sender="", cls="otp")])
        assert (one.form["MessagingServiceSid"], one.form["ValidityPeriod"]) == (SERVICE, "600")
        assert "From" not in one.form

    def test_an_address_nobody_outside_can_reach_is_no_callback(self):
        provider = self.made()
        for url in ("http://localhost:8000/hooks/x/receipt", "http://127.0.0.1/hooks/x/receipt"):
            provider.callback_url = url
            assert b"StatusCallback" not in provider.request([self.plain]).body
            made = Twilio(provider.settings, url)
            assert (made.echoes_reference, made.window) == (False, None)
        assert (provider.echoes_reference, provider.window) == (True, 50)

    def test_parts_and_price_are_the_vendors(self):
        row = {"sid": "SM1", "status": "sent", "num_segments": "7", "price": "-0.0525", "price_unit": "USD"}
        (result,), _calls = self.sent(lambda *_: answer(201, row), [self.plain])
        assert (result.parts, result.cost_micros) == (7, 52_500)
        (result,), _calls = self.sent(lambda *_: answer(201, row | {"price_unit": "EUR"}), [self.plain])
        assert (result.parts, result.cost_micros) == (7, None), "not in the currency of the account's prices"

    def test_a_key_sends_and_the_token_still_checks_calls(self):
        (_result,), (call,) = self.sent(
            lambda call, _c: self.good(call), [self.plain], api_key="SK1", api_secret="s"
        )
        assert call.headers["authorization"] == "Basic " + b64encode(b"SK1:s").decode()
        self.made(api_key="SK1", api_secret="s").verify_webhook(INBOUND)

    def test_a_reply_says_nothing_to_the_person(self):
        assert self.made().webhook_reply(INBOUND) == (200, "text/xml", "<Response/>")

    def test_an_opt_out_is_told_as_such(self):
        results, _calls = self.sent(lambda *_: refused(400, 21610), [self.plain])
        assert results[0].reason == OPTED_OUT
        assert self.made().optout_codes == ("21610",)

    def test_a_receipt_names_our_reference(self):
        (told,) = self.made().parse_webhook(receipt("delivered"))
        assert (told.ref, told.provider_id) == (PLAIN.ref, "SM1")


# --- signatures -------------------------------------------------------------------------------------------

WORDS = st.text(max_size=12)
HOSTS = st.sampled_from(("cooee.example", "cooee.example:8443", "cooee.example:443"))
CHANGES = st.sampled_from(("none", "none", "token", "body", "url", "signature"))


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(
    fields=st.dictionaries(st.text(min_size=1, max_size=8), WORDS, max_size=6),
    query=st.dictionaries(st.text("abc_é", min_size=1, max_size=5), WORDS, max_size=3),
    host=HOSTS,
    scheme=st.sampled_from(("https", "http")),
    json=st.booleans(),
    algorithm=st.sampled_from((None, "HMAC_SHA1", "HMAC_SHA256", "HMAC_MD5")),
    change=CHANGES,
    with_port=st.booleans(),
)
def test_signatures_are_judged_as_by_the_vendors_own_library(
    fields, query, host, scheme, json, algorithm, change, with_port
):
    body = b'{"a": "\xc3\xa9"}' if json else urlencode(fields).encode()
    if json:
        query["bodySHA256"] = hashlib.sha256(body).hexdigest()
    url = f"{scheme}://{host}/hooks/t/receipt" + (f"?{urlencode(query)}" if query else "")
    theirs = RequestValidator(TOKEN)
    signing_url = url.replace(host, host if ":" in host else f"{host}:{443 if scheme == 'https' else 80}")
    params = {} if json else fields
    known = None if algorithm == "HMAC_MD5" else algorithm
    signature = theirs.compute_signature(signing_url if with_port else url, params, known)
    match change:
        case "token":
            signature = RequestValidator("another").compute_signature(url, params, known)
        case "body":
            body = body.replace(b"a", b"b") + (b"" if json else b"&x=1")
        case "url":
            url = url.replace("/t/", "/u/")
        case "signature":
            signature = signature[:-3] + "AA="
    headers = {"X_Twilio_Signature": signature}
    if algorithm:
        headers["X_Twilio_Webhooks_Signature_Settings"] = f"key=k1,algorithm={algorithm}"
    request = called(body, "application/json" if json else FORM, url=url, **headers)
    sent = body.decode() if json else dict(_pairs(body))
    expected = theirs.validate(url, sent, signature, algorithm)
    assert _twilio.signed(request, TOKEN) == expected
    if change == "none" and algorithm != "HMAC_MD5":
        assert expected or host.endswith(":443")


def _pairs(body: bytes):
    from urllib.parse import parse_qsl

    return parse_qsl(body.decode(), keep_blank_values=True)


@pytest.mark.parametrize("header", ["", "algorithm=", "key=1,algorithm=HMAC_SHA1"])
def test_without_a_named_algorithm_it_is_sha1(header):
    url = f"{CALLBACK}?ref={PLAIN.ref}"
    signature = RequestValidator(TOKEN).compute_signature(url, {"a": "1"})
    headers = {"X_Twilio_Signature": signature, "X_Twilio_Webhooks_Signature_Settings": header}
    assert _twilio.signed(called("a=1", FORM, url=url, **headers), TOKEN)
