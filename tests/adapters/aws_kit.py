"""What the tests of AWS share: its settings, calls of SNS signed by a key of our own, botocore's signatures."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding

from plugins.providers.aws import Aws
from tests.adapters.cases import PLAIN, VendorCases, called, seconds

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
OTHER, _pem = certificate()


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


class AwsCases(VendorCases):
    """What both of Amazon's APIs have."""

    provider = Aws
    secrets = (SECRET,)
    settings = {
        "access_key_id": KEY, "secret_access_key": SECRET, "region": "us-east-1", "topics": TOPIC,
        "configuration_set": "cooee", "origin": "pool-1", "max_price": "0.05",
    }  # fmt: skip

    def made(self, url="", **given):
        provider = super().made(url, **given)
        provider.fetch = {CERT_URL: PEM, SUBSCRIBE_URL: b"<ConfirmSubscriptionResponse/>"}.__getitem__
        return provider


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
