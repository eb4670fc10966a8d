"""Texts by SNS's Publish: the table of cases, and a send through moto's server."""

from __future__ import annotations

import hashlib
import json

import boto3
import pytest
import requests
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends

from core import BadConfig
from tests.adapters.aws_kit import KEY, SECRET, AwsCases, theirs
from tests.adapters.cases import PLAIN, Refusal
from tests.gateway import answer


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
