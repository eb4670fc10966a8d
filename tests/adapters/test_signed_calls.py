"""Signed calls the whole way: through the web server's fast path to the message, twice, and forged."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from twilio.request_validator import RequestValidator
from werkzeug.test import Client

from core import WebhookRequest, ids
from core.db import database
from core.sending import accounts, receipts
from core.web import hooksapp
from tests.adapters import (
    aws_kit,
    infobip_kit,
    messagebird_kit,
    twilio_kit,
    vonage_kit,
    vonage_voice_kit,
)
from tests.receiving import messages, state_of

PUBLIC = "https://cooee.example"


def by_twilio(url: str, ref: str) -> dict:
    query, fields = f"ref={ref}", {"MessageSid": "SM1", "MessageStatus": "delivered", "Body": "ä & b"}
    signature = RequestValidator(twilio_kit.TOKEN).compute_signature(f"{url}?{query}", fields)
    return {
        "method": "POST",
        "query_string": query,
        "data": fields,
        "headers": {"X-Twilio-Signature": signature},
    }


def by_vonage(_url: str, ref: str) -> dict:
    fields = vonage_kit.stamped(vonage_kit.receipt("delivered") | {"client-ref": ref})
    return {"method": "GET", "query_string": fields}


def by_aws(_url: str, ref: str) -> dict:
    call = aws_kit.message(Message=aws_kit.event("DELIVERED", context={"ref": ref}))
    return {"method": "POST", "data": call.body, "content_type": "text/plain; charset=UTF-8"}


def by_infobip(_url: str, ref: str) -> dict:
    row = infobip_kit.row("DELIVERED", "DELIVERED_TO_HANDSET", messageId=ref)
    return {"method": "POST", "json": {"results": [row]}, "headers": infobip_kit.CALLER}


def by_messagebird(url: str, ref: str) -> dict:
    query = urlencode({"id": "mb1", "reference": ref, "recipient": "8613800138000", "status": "delivered"})
    call = messagebird_kit.signed(WebhookRequest("receipt", "GET", f"{url}?{query}", {}, {}, b""))
    token = call.headers["messagebird-signature-jwt"]
    return {"method": "GET", "query_string": query, "headers": {"MessageBird-Signature-JWT": token}}


def by_vonage_voice(_url: str, ref: str) -> dict:
    call = vonage_voice_kit.signed(vonage_voice_kit.event("completed"))
    bearer = {"Authorization": call.headers["authorization"]}
    return {"method": "POST", "query_string": f"ref={ref}", "data": call.body, "headers": bearer}


VENDORS = {
    "twilio": (by_twilio, twilio_kit.SETTINGS),
    "vonage": (by_vonage, vonage_kit.SETTINGS),
    "aws": (by_aws, aws_kit.AwsCases.settings),
    "infobip": (by_infobip, infobip_kit.SETTINGS),
    "messagebird": (by_messagebird, messagebird_kit.SETTINGS),
    "vonage_voice": (by_vonage_voice, vonage_voice_kit.SETTINGS),
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_signed_call_reaches_its_message_once_and_a_forged_one_nobody(rt, vendor, monkeypatch):
    make, settings = VENDORS[vendor]
    monkeypatch.setattr("plugins.providers._sns.fetched", lambda _rules, _url: aws_kit.PEM)
    rt.settings.public_url = PUBLIC
    account = accounts.create(rt, vendor, vendor, {key: str(value) for key, value in settings.items()})
    (id_,) = messages(rt, account, 1)
    web = Client(hooksapp.wrap(lambda *_: [], rt))
    path = f"/hooks/{account.token}/receipt"
    call = make(PUBLIC + path, ids.References(rt.keys).of(id_))

    forged = json.loads(json.dumps(call, default=bytes.decode))
    if call["method"] == "GET" and "headers" not in call:
        forged["query_string"]["sig"] = "0" * 64
    elif vendor == "aws":
        forged["data"] = call["data"].replace(b"DELIVERED", b"SPAM")
    else:
        forged["headers"] = {name: value[:-6] + "AAAAA=" for name, value in call["headers"].items()}
    assert web.open(path, **forged).status_code == 403
    assert database.scalar("SELECT COUNT(*) FROM inbox") == 0

    for _time in range(2):
        assert web.open(path, **call).status_code == 200
        receipts.apply(rt)
        assert state_of([id_]) == ["delivered"]
    assert database.query("SELECT DISTINCT state, error FROM inbox") == [(1, "")]
