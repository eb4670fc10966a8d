"""AWS End User Messaging: the table of cases, what a text looks like, events and replies."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

from core import Inbound
from tests.adapters.aws_kit import OTHER, SECRET, TOPIC, AwsCases, event, message, theirs
from tests.adapters.cases import PLAIN, Refusal, Told, called
from tests.gateway import answer


def told(word: str, state: str, code: str | None = None) -> Told:
    return Told(word, lambda: message(Message=event(word)), state, code)


def refused(name: str, status=400, **more) -> bytes:
    body = {"__type": f"com.amazonaws.smsvoice#{name}", "Message": f"About {PLAIN.to} {SECRET}", **more}
    return answer(status, body)


def of_reason(name: str, reason: str, **more) -> bytes:
    return refused(name, Reason=reason, **more)


OPTED, COUNTRY = "DESTINATION_PHONE_NUMBER_OPTED_OUT", "DESTINATION_COUNTRY_BLOCKED"
FIELD_FAILED, NUMBER = "FIELD_VALIDATION_FAILED", "DestinationPhoneNumber"
FIELD = [{"Name": "DestinationPhoneNumber", "Message": "Not E.164"}]
REPLY = json.dumps(
    {"originationNumber": PLAIN.to, "destinationNumber": "+12025550100", "messageKeyword": "STOP",
     "messageBody": "STOP", "inboundMessageId": "in1", "previousPublishedMessageId": "aws1"}
)  # fmt: skip


class TestAws(AwsCases):
    throttled = refused("ThrottlingException")
    bad_credentials = refused("UnrecognizedClientException", 400)
    refusals = (
        Refusal("opted out", of_reason("ConflictException", OPTED), "rejected", OPTED),
        Refusal("no number", of_reason("ValidationException", FIELD_FAILED, Fields=FIELD), "rejected", NUMBER),
        Refusal("no such pool", refused("ResourceNotFoundException"), "rejected", "ResourceNotFoundException"),
        Refusal("country", of_reason("ValidationException", COUNTRY), "rejected", COUNTRY),
        Refusal("unknown", refused("NewException"), "rejected", "NewException"),
        Refusal("internal", refused("InternalServerException", 500), "unknown", "InternalServerException"),
    )  # fmt: skip
    receipts = (
        *(told(word, "accepted") for word in ("QUEUED", "PENDING", "SENT", "SUCCESSFUL", "UNKNOWN")),
        told("DELIVERED", "delivered"),
        *(told(word, "undelivered", word) for word in ("UNREACHABLE", "CARRIER_UNREACHABLE")),
        told("TTL_EXPIRED", "expired", "TTL_EXPIRED"),
        *(
            told(word, "rejected", word)
            for word in (
                "INVALID",
                "INVALID_MESSAGE",
                "BLOCKED",
                "CARRIER_BLOCKED",
                "SPAM",
                "PROTECT_BLOCKED",
            )
        ),
        Told("version 1", lambda: message(version="1", Message=event("DELIVERED")), "delivered"),
        Told("with a subject", lambda: message(Subject="Event", Message=event("DELIVERED")), "delivered"),
    )
    forged = (
        lambda: message(key=OTHER, Message=event("DELIVERED")),
        lambda: message(changed={"Message": event("DELIVERED")}),
        lambda: message(TopicArn=TOPIC + "2"),
        lambda: message(changed={"Signature": "???"}),
        lambda: message(version="3"),
        lambda: message(kind="SubscriptionConfirmation", changed={"SubscribeURL": "https://evil.example/"}),
        *(
            lambda url=url: message(SigningCertURL=url)
            for url in (
                "https://evil.example/a.pem", "http://sns.us-east-1.amazonaws.com/a.pem",
                "https://sns.us-east-1.amazonaws.com.evil.example/a.pem", "https://sns.us-east-1.amazonaws.com@evil.example/a.pem",
                "https://x@sns.us-east-1.amazonaws.com/a.pem", "https://bucket.s3.amazonaws.com/a.pem", "", "https://[",
                "https://sns.us-east-1.amazonaws.com/?a.pem",
            )
        ),
        called(b"{}"),
        called(b"garbage"),
    )  # fmt: skip
    replayed = (
        lambda: message(ago=3_700, Message=event("DELIVERED")),
        lambda: message(ago=-3_700, Message=event("DELIVERED")),
    )

    def good(self, call):
        return answer(200, {"MessageId": hashlib.sha256(call.body).hexdigest()[:32]})

    def read(self, call):
        assert call.headers["x-amz-target"] == "PinpointSMSVoiceV2.SendTextMessage"
        assert call.headers["authorization"] == theirs(call, "sms-voice")
        assert call.json["ConfigurationSetName"] == "cooee"
        return [(call.json["DestinationPhoneNumber"], call.json["MessageBody"])]

    def test_sender_class_validity_and_reference(self):
        act = lambda call, _connection: self.good(call)  # noqa: E731
        _results, (call,) = self.sent(act, [self.plain])
        assert call.json | {"MessageBody": ""} == {
            "DestinationPhoneNumber": PLAIN.to, "OriginationIdentity": "10690000", "MessageBody": "",
            "MessageType": "PROMOTIONAL", "ConfigurationSetName": "cooee", "MaxPrice": "0.05",
            "TimeToLive": 14_400, "Context": {"ref": PLAIN.ref},
        }  # fmt: skip
        _results, (call,) = self.sent(act, [self.plain._replace(sender="", cls="otp")])
        told_ = {name: call.json[name] for name in ("OriginationIdentity", "MessageType", "TimeToLive")}
        assert told_ == {"OriginationIdentity": "pool-1", "MessageType": "TRANSACTIONAL", "TimeToLive": 600}

    def test_an_event_names_our_reference_parts_and_time(self):
        (found,) = self.made().parse_webhook(message(Message=event("DELIVERED")))
        assert (found.ref, found.provider_id, found.parts) == (PLAIN.ref, "aws1", 2)
        assert found.at == datetime.fromtimestamp(1764000000, UTC)
        self.tells_nothing(repr(list(self.made().parse_webhook(message(Message=event("SPAM"))))))

    def test_an_event_tells_price_and_carriers_fee_in_dollars(self):
        said = message(Message=event("DELIVERED", totalMessagePrice=0.00581, totalCarrierFee=0.003))
        for currency, wanted in (("USD", 8_810), ("EUR", None)):
            provider = self.made()
            provider.currency = currency
            [one] = provider.parse_webhook(said)
            assert one.cost_micros == wanted

    def test_a_reply_comes_through_a_topic(self):
        request = message(Message=REPLY)
        provider = self.made()
        provider.verify_webhook(request)
        (found,) = provider.parse_webhook(request)
        assert (found.sender, found.text, found.to, found.id) == (PLAIN.to, "STOP", "+12025550100", "in1")
        assert isinstance(found, Inbound)

    def test_a_reply_is_read_by_a_worker_so_that_no_request_waits_for_the_network(self):
        assert self.made().inbound_kinds == ()
