"""Signatures of requests to AWS are those of botocore."""

from __future__ import annotations

from datetime import UTC, datetime

from botocore.awsrequest import AWSRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import clock
from plugins.providers import _aws
from tests.adapters.aws_kit import KEY, SECRET, AwsCases, botocores
from tests.adapters.cases import PLAIN


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


def test_the_clock_of_a_signature_is_ours():
    provider = AwsCases().made()
    (line,) = [line for line in provider.request([PLAIN]).headers if line.startswith("x-amz-date")]
    assert line == f"x-amz-date: {clock.now():%Y%m%dT%H%M}" + line[-3:]
