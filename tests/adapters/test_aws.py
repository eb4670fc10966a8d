"""AWS: the table of cases, a send through moto's server, signatures against botocore, and events by SNS."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import boto3
import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends

from core import BadConfig, BadResponse, Forged, Inbound, Unreachable, clock
from core.http import Rules
from plugins.providers import _aws, _sns
from plugins.providers.aws import Aws
from tests.adapters.cases import PLAIN, Refusal, Told, VendorCases, called, seconds
from tests.gateway import answer, gateway

KEY, SECRET = "AKIAEXAMPLE", "wJalr-s3cret/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOPIC = "arn:aws:sns:us-east-1:123456789012:cooee-events"
CERT_URL = "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"


def certificate() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key and its certificate, as SNS has one."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(at).not_valid_after(at + timedelta(days=800)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return key, made.public_bytes(Encoding.PEM)


PRIVATE, PEM = certificate()
OTHER, _OTHER_PEM = certificate()


def message(kind="Notification", key=PRIVATE, version="2", ago=0.0, changed=(), **more):
    """A call of SNS."""
    at = datetime.fromtimestamp(seconds(ago), UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    said = {
        "Type": kind, "MessageId": "m1", "TopicArn": TOPIC, "Message": "{}", "Timestamp": at,
        "SignatureVersion": version, "SigningCertURL": CERT_URL, "UnsubscribeURL": "https://x", **more,
    }  # fmt: skip
    if kind == "SubscriptionConfirmation":
        said |= {"Token": "t", "SubscribeURL": SUBSCRIBE_URL, **more}
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    text = "".join(f"{name}\n{said[name]}\n" for name in names if name in said)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303
    said["Signature"] = b64encode(key.sign(text.encode(), PKCS1v15(), digest)).decode()
    return called(json.dumps(said | dict(changed)), "text/plain; charset=UTF-8")


def event(word: str, **more) -> str:
    return json.dumps(
        {"eventType": f"TEXT_{word}", "eventVersion": "1.0", "eventTimestamp": 1764000000000, "isFinal": True,
         "originationPhoneNumber": "+12025550100", "destinationPhoneNumber": PLAIN.to, "isoCountryCode": "CN",
         "messageId": "aws1", "messageRequestTimestamp": 1764000000000, "messageType": "PROMOTIONAL",
         "messageStatus": word, "messageStatusDescription": f"About {PLAIN.to}", "totalMessageParts": 2,
         "totalMessagePrice": 0.05, "totalCarrierFee": 0.0, "context": {"ref": PLAIN.ref}, **more}
    )  # fmt: skip


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


class AwsCases(VendorCases):
    """What both of Amazon's APIs have."""

    provider = Aws
    secrets = (SECRET,)

    def made(self, url="", **given):
        provider = super().made(url, **given)
        provider.fetch = {CERT_URL: PEM, SUBSCRIBE_URL: b"<ConfirmSubscriptionResponse/>"}.__getitem__
        return provider


class TestAws(AwsCases):
    settings = {
        "access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1", "topics": TOPIC,
        "configuration_set": "cooee", "origin": "pool-1", "max_price": "0.05",
    }  # fmt: skip
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

    def test_a_reply_comes_through_a_topic(self):
        request = message(Message=REPLY)
        provider = self.made()
        provider.verify_webhook(request)
        (found,) = provider.parse_webhook(request)
        assert (found.sender, found.text, found.to, found.id) == (PLAIN.to, "STOP", "+12025550100", "in1")
        assert isinstance(found, Inbound)

    def test_a_reply_is_read_by_a_worker_so_that_no_request_waits_for_the_network(self):
        assert self.made().inbound_kinds == ()

    def test_a_subscription_is_confirmed(self):
        provider, asked = self.made(), []
        provider.fetch = lambda url: asked.append(url) or PEM
        request = message("SubscriptionConfirmation")
        provider.verify_webhook(request)
        assert list(provider.parse_webhook(request)) == []
        assert asked == [CERT_URL, SUBSCRIBE_URL]

    def test_a_confirmation_that_fails_says_what_to_do(self):
        provider = self.made()

        def fetch(_url):
            raise Unreachable("gone")

        provider.fetch = fetch
        with pytest.raises(BadResponse, match="request it again"):
            list(provider.parse_webhook(message("SubscriptionConfirmation")))

    def test_a_confirmation_leads_to_sns_only(self):
        with pytest.raises(BadResponse, match="does not lead to SNS"):
            list(
                self.made().parse_webhook(
                    message("SubscriptionConfirmation", SubscribeURL="https://10.0.0.1/")
                )
            )

    def test_the_end_of_a_subscription_says_nothing(self):
        assert list(self.made().parse_webhook(message("UnsubscribeConfirmation"))) == []

    def test_a_certificate_is_fetched_once(self):
        provider, asked = self.made(), []
        provider.fetch = lambda url: asked.append(url) or PEM
        for _ in range(3):
            provider.verify_webhook(message())
        assert asked == [CERT_URL]

    def test_a_certificate_that_cannot_be_had_is_no_forgery(self):
        """SNS is told to come again, and nothing is lost."""
        provider = self.made()

        def fetch(_url):
            raise Unreachable("gone")

        provider.fetch = fetch
        with pytest.raises(Unreachable):
            provider.verify_webhook(message())

    def test_without_a_topic_every_call_is_refused(self):
        with pytest.raises(Forged):
            self.made(topics="").verify_webhook(message())

    @pytest.mark.parametrize("pem", [b"", b"<html>", PEM[:200], PEM.replace(b"M", b"N")])
    def test_what_is_no_certificate_proves_nothing(self, pem):
        provider = self.made()
        provider.fetch = lambda _url: pem
        with pytest.raises(Forged):
            provider.verify_webhook(message())

    def test_by_the_rules_for_outgoing_requests_only(self):
        with gateway(lambda *_: answer(200, PEM)) as gate:
            with pytest.raises(BadConfig):
                _sns.fetched(Rules(), gate.url + "/a.pem")
            assert _sns.fetched(Rules(allow=("127.0.0.1",)), gate.url + "/a.pem") == PEM
            gate.act = lambda *_: answer(404)
            with pytest.raises(Unreachable):
                _sns.fetched(Rules(allow=("127.0.0.1",)), gate.url + "/a.pem")


def xml_error(code: str, status=400) -> bytes:
    words = f"<Code>{code}</Code><Message>About {PLAIN.to} {SECRET}</Message>"
    return answer(status, f"<ErrorResponse><Error><Type>Sender</Type>{words}</Error></ErrorResponse>")


class TestSns(AwsCases):
    """The same provider by SNS's Publish."""

    settings = {"access_key_id": KEY, "secret_access_key": SECRET, "region": "eu-west-1", "api": "sns"}
    throttled = xml_error("Throttling")
    bad_credentials = xml_error("InvalidClientTokenId", 403)
    refusals = (
        Refusal("parameter", xml_error("InvalidParameter"), "rejected", "InvalidParameter"),
        Refusal("internal", xml_error("InternalError", 500), "unknown", "InternalError"),
    )

    def good(self, call):
        made = hashlib.sha256(call.body).hexdigest()[:32]
        return answer(
            200,
            f"<PublishResponse><PublishResult><MessageId>{made}</MessageId></PublishResult></PublishResponse>",
        )

    def read(self, call):
        assert call.headers["authorization"] == theirs(call, "sns", "eu-west-1")
        return [(call.form["PhoneNumber"], call.form["Message"])]

    def test_senders_are_names_or_numbers(self):
        act = lambda call, _connection: self.good(call)  # noqa: E731
        for sender, name in (
            ("Shop", "AWS.SNS.SMS.SenderID"),
            ("+12025550100", "AWS.MM.SMS.OriginationNumber"),
        ):
            _results, (call,) = self.sent(act, [self.plain._replace(sender=sender)])
            assert call.form["MessageAttributes.entry.1.Value.StringValue"] == "Promotional"
            assert (
                call.form["MessageAttributes.entry.2.Name"],
                call.form["MessageAttributes.entry.2.Value.StringValue"],
            ) == (name, sender)

    def test_it_says_that_it_has_no_receipts_of_ours(self):
        assert not self.made().echoes_reference


# --- signatures -------------------------------------------------------------------------------------------


def theirs(call, service: str, region="us-east-1") -> str:
    """The Authorization of a request that arrived, as botocore makes it."""
    names = call.headers["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
    kept = {name: call.headers[name] for name in names if name not in ("host", "x-amz-date")}
    request = AWSRequest("POST", f"http://{call.headers['host']}{call.path}", kept, call.body)
    return botocores(request, service, region, call.headers["x-amz-date"])


def botocores(request: AWSRequest, service: str, region: str, stamp: str) -> str:
    signer = SigV4Auth(Credentials(KEY, SECRET), service, region)
    request.context["timestamp"] = stamp
    request.headers["X-Amz-Date"] = stamp
    string = signer.string_to_sign(request, signer.canonical_request(request))
    names = signer.signed_headers(signer.headers_to_sign(request))
    signature = signer.signature(string, request)
    return (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    body=st.binary(max_size=60),
    host=st.sampled_from(("sms-voice.us-east-1.amazonaws.com", "127.0.0.1:5000", "aws.example:8443")),
    headers=st.dictionaries(
        st.sampled_from(("Content-Type", "X-Amz-Target", "X-Other")),
        st.text("ab /;1", min_size=1, max_size=9),
        max_size=3,
    ),
)
def test_signatures_are_those_of_botocore(body, host, headers):
    url = f"https://{host}/"
    at = datetime(2026, 11, 21, 12, tzinfo=UTC)
    lines = _aws.sign(url, body, headers, key=KEY, secret=SECRET, scope=("us-east-1", "sms-voice"), at=at)
    expected = botocores(AWSRequest("POST", url, headers, body), "sms-voice", "us-east-1", "20261121T120000Z")
    assert lines[-1] == f"Authorization: {expected}"


# --- moto's server ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def moto():
    """moto's server with real checks of signatures, and a user that may publish."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    iam = boto3.client(
        "iam", endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    iam.create_user(UserName="cooee")
    rights = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sns:Publish", "Resource": "*"}],
    }
    iam.put_user_policy(UserName="cooee", PolicyName="send", PolicyDocument=json.dumps(rights))
    key = iam.create_access_key(UserName="cooee")["AccessKey"]
    requests.post(f"{url}/moto-api/reset-auth", data=b"0", timeout=10).raise_for_status()
    yield url, key["AccessKeyId"], key["SecretAccessKey"]
    requests.post(f"{url}/moto-api/reset-auth", data=b"inf", timeout=10)
    server.stop()


def through(moto, messages, **given):
    url, key, secret = moto
    provider = TestSns().made(
        url, **{"access_key_id": key, "secret_access_key": secret, "region": "us-east-1", **given}
    )
    try:
        return provider.send(messages)
    finally:
        provider.close()


def test_texts_are_sent_through_motos_server(moto):
    texts = [*TestSns().many(25), TestSns.unicode, TestSns.long._replace(text="long " * 300)]
    results = through(moto, texts)
    assert [result.outcome for result in results] == ["accepted"] * 27
    (backend,) = [found["us-east-1"] for found in sns_backends.values() if found["us-east-1"].sms_messages]
    assert {
        result.provider_id: (text.to, text.text) for result, text in zip(results, texts, strict=True)
    }.items() <= backend.sms_messages.items()


def test_motos_server_refuses_what_it_should(moto):
    with pytest.raises(BadConfig):
        through(moto, [PLAIN], secret_access_key="another")
    with pytest.raises(BadConfig):
        through(moto, [PLAIN], access_key_id="AKIAUNKNOWN")
    (result,) = through(moto, [PLAIN._replace(to="+not-a-number")])
    assert result.outcome == "rejected"


def test_the_clock_of_a_signature_is_ours():
    provider = TestAws().made()
    (line,) = [line for line in provider.request([PLAIN]).headers if line.startswith("x-amz-date")]
    assert line == f"x-amz-date: {clock.now():%Y%m%dT%H%M}" + line[-3:]
