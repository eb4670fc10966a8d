"""What an HTTP gateway says by webhook: receipts, inbound texts, signatures."""

from __future__ import annotations

import hmac
from datetime import UTC, datetime

import pytest

from core import BadResponse, Forged, WebhookRequest
from tests.http_kit import CALLBACK, REF, made


def called(
    body: bytes | str, content_type="application/json", kind="receipt", args=None, **headers
) -> WebhookRequest:
    raw = body.encode() if isinstance(body, str) else body
    return WebhookRequest(kind, "POST", CALLBACK, {"content-type": content_type, **headers}, args or {}, raw)


JSON, FORM = "application/json", "application/x-www-form-urlencoded"
RECEIPTS = [
    ('{"ref": "%s", "id": "7", "status": "delivered"}', JSON, {}, [("delivered", REF, "7", None)]),
    ('[{"ref": "%s", "status": "DELIVRD"}, {"id": 8, "status": "Failed", "code": 30005}]', JSON, {},
     [("delivered", REF, None, None), ("undelivered", None, "8", "30005")]),
    ('{"receipts": [{"id": "7", "status": "expired"}]}', JSON, {}, [("expired", None, "7", None)]),
    ("ref=%s&id=7&status=undelivered&code=E1", FORM, {}, [("undelivered", REF, "7", "E1")]),
    ("MessageSid=SM1&MessageStatus=sent", FORM, {"id_path": "MessageSid", "status_path": "MessageStatus"},
     [("accepted", None, "SM1", None)]),
    ('{"a": {"custom": "%s"}, "s": 2}', JSON, {"ref_path": "a.custom", "status_path": "s", "status_map": "2=delivered"},
     [("delivered", REF, None, None)]),
    ('{"id": "7", "status": "REJECTD", "err": "012"}', JSON, {}, [("rejected", None, "7", "012")]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "content_type", "given", "expected"), RECEIPTS)
def test_receipts_are_read(body, content_type, given, expected):
    receipts = list(made(**given).parse_webhook(called(body.replace("%s", REF), content_type)))
    assert [(r.state, r.ref, r.provider_id, r.code) for r in receipts] == expected


def test_receipts_may_come_by_query():
    (receipt,) = made().parse_webhook(called("", "", args={"ref": REF, "status": "delivered"}))
    assert (receipt.state, receipt.ref) == ("delivered", REF)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ('"2026-01-02T03:04:05Z"', datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"2026-01-02T03:04:05+08:00"', datetime(2026, 1, 1, 19, 4, 5, tzinfo=UTC)),
        ("1767323045", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("1767323045000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ('"soon"', None),
        ("1e300", None),
    ],
)
def test_the_time_of_a_receipt_is_read(at, expected):
    (receipt,) = made().parse_webhook(called('{"id": "7", "status": "delivered", "time": %s}' % at))  # noqa: UP031
    assert receipt.at == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"7",
        b"<xml/>",
        b'{"id": "7"}',
        b'{"status": "delivered"}',
        b'{"id": "7", "status": "??"}',
    ],
)
def test_what_is_no_receipt_is_said_so(body):
    with pytest.raises(BadResponse):
        list(made().parse_webhook(called(body)))


def test_a_bad_receipt_does_not_take_the_good_ones_with_it():
    good = []
    with pytest.raises(BadResponse):
        for receipt in made().parse_webhook(
            called('[{"id": 1, "status": "sent"}, {}, {"id": 2, "status": "read"}]')
        ):
            good.append(receipt.provider_id)
    assert good == ["1", "2"]


def test_a_signature_is_checked_over_the_raw_body():
    provider = made(webhook_secret="s3cret", webhook_header="X-Sig")
    body = b'{"id": "7", "status": "delivered"}'
    right = hmac.digest(b"s3cret", body, "sha256").hex()
    for good in (right, right.upper(), "sha256=" + right):
        provider.verify_webhook(called(body, **{"x-sig": good}))
    for bad in ("", right[:-1], hmac.digest(b"other", body, "sha256").hex(), "ü", "sha256="):
        with pytest.raises(Forged):
            provider.verify_webhook(called(body, **{"x-sig": bad}))
    with pytest.raises(Forged):
        provider.verify_webhook(called(body + b" ", **{"x-sig": right}))


def test_inbound_texts_are_read():
    body = '{"from": "8613800138000", "to": "1069", "message": "退订", "id": "mo-1", "time": 1767323045}'
    (text,) = made().parse_webhook(called(body, kind="inbound"))
    assert (text.sender, text.text, text.to, text.id) == ("8613800138000", "退订", "1069", "mo-1")
    with pytest.raises(BadResponse):
        list(made().parse_webhook(called('{"from": "x"}', kind="inbound")))
