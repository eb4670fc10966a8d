"""Vonage's SMS API: the table of cases, and its signatures against the vendor's own library."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vonage_http_client.auth import Auth

from core import OPTED_OUT, BadConfig, Balance, Forged, Inbound, WebhookRequest
from plugins.providers import vonage
from plugins.providers.vonage import Vonage
from tests.adapters.cases import CALLBACK, PLAIN, Refusal, Told, VendorCases, called, seconds
from tests.adapters.vonage_kit import KEY, SECRET, SETTINGS, SIGNING, receipt, signature, stamped
from tests.gateway import answer

FORM = "application/x-www-form-urlencoded"


def as_form(fields: dict[str, str], kind="receipt") -> WebhookRequest:
    return called(urlencode(fields), FORM, kind)


def as_query(fields: dict[str, str], kind="receipt") -> WebhookRequest:
    url = f"{CALLBACK.replace('receipt', kind)}?{urlencode(fields)}"
    return WebhookRequest(kind, "GET", url, {"content-type": ""}, fields, b"")


def told(name: str, fields: dict[str, str], state: str, code: str | None = None) -> Told:
    return Told(name, lambda: as_form(stamped(fields)), state, code)


def refused(status: str, words="Bad number +8613800138000") -> bytes:
    return answer(200, {"message-count": "1", "messages": [{"status": status, "error-text": words}]})


TEXT = {"msisdn": PLAIN.to[1:], "to": "12025550100", "messageId": "0B01", "text": "STOP & a=b", "type": "text",
        "message-timestamp": "2026-11-21 12:00:01"}  # fmt: skip
EXPECTED = Inbound(
    PLAIN.to, "STOP & a=b", "12025550100", "0B01", datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)
)


class TestVonage(VendorCases):
    provider = Vonage
    currency = "EUR"
    settings = SETTINGS
    secrets = (SECRET, SIGNING)
    throttled = refused("1", "Throughput Rate Exceeded")
    bad_credentials = refused("4", f"Bad Credentials {SECRET}")
    refusals = (
        Refusal("wrong parameter", refused("3"), "rejected", "status-3"),
        Refusal("barred", refused("7"), "rejected", "status-7"),
        Refusal("internal error", refused("5"), "retry", "status-5"),
        Refusal("sender", refused("15"), "rejected", "status-15"),
        Refusal("not on the trial's list", refused("29"), "rejected", "status-29"),
        Refusal("a code nobody knows", refused("77"), "rejected", "status-77"),
    )
    receipts = (
        *(told(word, receipt(word), "accepted") for word in ("accepted", "buffered", "unknown")),
        told("delivered", receipt("delivered"), "delivered"),
        told("failed", receipt("failed", "3"), "undelivered", "err-3"),
        told("opted out", receipt("failed", "9"), "undelivered", "err-9"),
        told("expired", receipt("expired", "12"), "expired", "err-12"),
        told("rejected", receipt("rejected", "6"), "rejected", "err-6"),
        Told("by query", lambda: as_query(stamped(receipt("delivered"))), "delivered"),
    )
    inbound = (
        (lambda: as_form(stamped(TEXT), "inbound"), EXPECTED),
        (lambda: as_query(stamped(TEXT), "inbound"), EXPECTED),
    )
    forged = (
        lambda: as_form(stamped(TEXT) | {"text": "YES"}, "inbound"),
        lambda: as_form(stamped(TEXT, secret="another"), "inbound"),
        lambda: as_form(TEXT, "inbound"),
        lambda: called(b"\xff\xfe", FORM),
        lambda: as_form(TEXT | {"sig": signature(TEXT | {"timestamp": "x"}), "timestamp": "x"}),
    )
    replayed = (
        lambda: as_form(stamped(TEXT, ago=301), "inbound"),
        lambda: as_form(stamped(TEXT, ago=-400), "inbound"),
    )
    balances = ((answer(200, {"value": 3.14159, "autoReload": False}), Balance(3_141_590, "EUR")),)

    def good(self, call):
        form, parts = call.form, 1 + len(call.form["text"]) // 153
        name = hashlib.sha256(form["client-ref"].encode()).hexdigest()[:16]
        row = {"to": form["to"], "status": "0", "message-price": "0.0300", "remaining-balance": "9"}
        rows = [row | {"message-id": f"{name}{at}"} for at in range(parts)]
        return answer(200, {"message-count": str(parts), "messages": rows})

    def read(self, call):
        form = call.form
        assert call.path == "/sms/json"
        assert (form["api_key"], form["api_secret"], form["callback"]) == (KEY, SECRET, CALLBACK)
        assert form["type"] == ("text" if form["text"].isascii() else "unicode")
        return [("+" + form["to"], form["text"])]

    def test_parts_and_price_are_the_vendors(self):
        (result,), (call,) = self.sent(lambda call, _c: self.good(call), [self.long])
        assert (result.parts, result.cost_micros) == (7, 7 * 30_000)
        assert len(set(result.provider_id.split(" "))) == 7, "each part has an id"
        assert (call.form["client-ref"], call.form["ttl"], call.form["from"]) == (
            f"{self.long.ref}.long",
            "14400000",
            "Shop",
        )

    def test_a_price_in_another_currency_than_the_accounts_is_left_out(self):
        provider = self.made()
        provider.currency = "USD"
        row = {"status": "0", "message-id": "a", "message-price": "0.03"}
        [result] = provider.taken([self.plain], {"messages": [row]})
        assert (result.outcome, result.cost_micros) == ("accepted", None)

    def test_a_part_that_arrived_is_told_by_its_id_and_one_that_failed_by_our_reference(self):
        provider, ref = self.made(), self.long.ref

        def told(status: str, price: str = "") -> list[tuple]:
            fields = receipt(status, "3" if status == "failed" else "0")
            found = provider.parse_webhook(
                as_form(stamped(fields | {"client-ref": f"{ref}.long", "price": price}))
            )
            return [(one.state, one.ref, one.provider_id, one.cost_micros) for one in found]

        part = receipt("delivered")["messageId"]
        assert told("delivered") == [("accepted", ref, None, None), ("delivered", None, part, None)]
        assert told("failed") == [("undelivered", ref, part, None)]
        assert told("buffered") == [("accepted", ref, part, None)]
        # A price is that of the part.
        assert told("failed", "0.03") == [
            ("undelivered", ref, part, None),
            ("undelivered", None, part, 30_000),
        ]
        assert told("delivered", "0.03")[1] == ("delivered", None, part, 30_000)

    def test_a_receipt_tells_the_price_in_euros(self):
        [one] = self.made().parse_webhook(as_form(stamped(receipt("delivered"))))
        assert one.cost_micros == 30_000
        other = self.made()
        other.currency = "USD"
        [one] = other.parse_webhook(as_form(stamped(receipt("delivered"))))
        assert one.cost_micros is None

    def test_yes_to_some_parts_and_no_to_others_is_in_doubt(self):
        rows = [{"status": "0", "message-id": "a"}, {"status": "1"}]
        (result,), _calls = self.sent(lambda *_: answer(200, {"messages": rows}), [self.plain])
        assert result.outcome == "unknown"

    @pytest.mark.parametrize("status", ["4", "9", "33"])
    def test_no_money_and_no_rights_halt_the_account(self, status):
        with pytest.raises(BadConfig):
            self.sent(lambda *_: refused(status), [self.plain])

    def test_a_callback_too_long_for_the_vendor_stays_out(self):
        provider = self.made()
        provider.callback_url = "https://cooee.example/" + "x" * 90
        assert b"callback" not in provider.request([self.plain]).body

    def test_a_receipt_names_our_reference_and_the_time(self):
        (found,) = self.made().parse_webhook(as_form(receipt("delivered")))
        assert (found.ref, found.provider_id) == (PLAIN.ref, "0C01")
        assert found.at == datetime(2026, 11, 21, 12, 0, 1, tzinfo=UTC)

    def test_without_a_signature_secret_the_address_is_the_secret(self):
        self.made(signature_secret="").verify_webhook(as_form(TEXT, "inbound"))

    def test_one_number_in_the_map_means_opted_out(self):
        assert self.made().optout_codes == ("err-9",)
        assert OPTED_OUT not in str(self.made().ERRORS)


# --- signatures -------------------------------------------------------------------------------------------

VALUES = st.one_of(st.text(max_size=12), st.text("&=_a", max_size=6))


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(
    fields=st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda name: name != "sig"), VALUES, max_size=8),
    method=st.sampled_from(vonage.DIGESTS[1:]),
    change=st.sampled_from(("none", "none", "secret", "value", "sig", "case")),
)  # fmt: skip
def test_signatures_are_judged_as_by_the_vendors_own_library(fields, method, change):
    fields["timestamp"] = "1764000000"
    sig = signature(fields, "another" if change == "secret" else SIGNING, method)
    if change == "value":
        fields["timestamp"] = "1764000001"
    fields["sig"] = {"sig": sig[:-1] + ("0" if sig[-1] != "0" else "1"), "case": sig.upper()}.get(change, sig)
    theirs = Auth(api_key=KEY, signature_secret=SIGNING, signature_method=method)
    expected = theirs.check_signature(dict(fields))
    assert vonage.signed(fields, SIGNING, method) == expected == (change in ("none", "case"))


def test_the_plain_md5_hash_of_the_documents():
    """The words of "signing messages": the sorted fields, then the secret."""
    fields = {"b": "2=3", "a": "1&x", "timestamp": "1764000000"}
    digest = hashlib.md5(b"&a=1_x&b=2_3&timestamp=1764000000" + SIGNING.encode()).hexdigest()
    assert vonage.signed(fields | {"sig": digest}, SIGNING, "md5hash")
    assert not vonage.signed(fields | {"sig": digest}, "another", "md5hash")


@pytest.mark.parametrize("method", vonage.DIGESTS)
def test_every_method_there_is_to_choose(method):
    fields = stamped(TEXT, method=method) if method != "md5hash" else None
    if fields is None:
        fields = TEXT | {"timestamp": str(seconds())}
        text = "".join(f"&{k}={v.replace('&', '_').replace('=', '_')}" for k, v in sorted(fields.items()))
        fields["sig"] = hashlib.md5((text + SIGNING).encode()).hexdigest()
    made = TestVonage().made(signature_method=method)
    made.verify_webhook(as_form(fields, "inbound"))
    with pytest.raises(Forged):
        made.verify_webhook(as_form(fields | {"text": "x"}, "inbound"))
