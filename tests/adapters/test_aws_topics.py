"""Calls of Amazon SNS: which topics count, how a subscription is confirmed, and who signs."""

from __future__ import annotations

import pytest

from core import BadConfig, BadResponse, Forged, Unreachable
from core.http import Rules
from plugins.providers import _sns
from tests.adapters.aws_kit import CERT_URL, PEM, SUBSCRIBE_URL, AwsCases, message
from tests.gateway import answer, gateway


def test_a_subscription_is_confirmed():
    provider, asked = AwsCases().made(), []
    provider.fetch = lambda url: asked.append(url) or PEM
    request = message("SubscriptionConfirmation")
    provider.verify_webhook(request)
    assert list(provider.parse_webhook(request)) == []
    assert asked == [CERT_URL, SUBSCRIBE_URL]


def test_a_confirmation_that_fails_says_what_to_do():
    provider = AwsCases().made()

    def fetch(_url):
        raise Unreachable("gone")

    provider.fetch = fetch
    with pytest.raises(BadResponse, match="request it again"):
        list(provider.parse_webhook(message("SubscriptionConfirmation")))


def test_a_confirmation_leads_to_sns_only():
    request = message("SubscriptionConfirmation", SubscribeURL="https://10.0.0.1/")
    with pytest.raises(BadResponse, match="does not lead to SNS"):
        list(AwsCases().made().parse_webhook(request))


def test_the_end_of_a_subscription_says_nothing():
    assert list(AwsCases().made().parse_webhook(message("UnsubscribeConfirmation"))) == []


def test_a_certificate_is_fetched_once():
    provider, asked = AwsCases().made(), []
    provider.fetch = lambda url: asked.append(url) or PEM
    for _ in range(3):
        provider.verify_webhook(message())
    assert asked == [CERT_URL]


def test_a_certificate_that_cannot_be_had_is_no_forgery():
    """SNS is told to come again, and nothing is lost."""
    provider = AwsCases().made()

    def fetch(_url):
        raise Unreachable("gone")

    provider.fetch = fetch
    with pytest.raises(Unreachable):
        provider.verify_webhook(message())


def test_without_a_topic_every_call_is_refused():
    with pytest.raises(Forged):
        AwsCases().made(topics="").verify_webhook(message())


@pytest.mark.parametrize(
    "pem", [b"", b"<html>", PEM[:200], PEM.replace(b"M", b"N")], ids=["nothing", "a page", "half", "garbled"]
)
def test_what_is_no_certificate_proves_nothing(pem):
    provider = AwsCases().made()
    provider.fetch = lambda _url: pem
    with pytest.raises(Forged):
        provider.verify_webhook(message())


def test_certificates_are_fetched_by_the_rules_for_outgoing_requests_only():
    with gateway(lambda *_: answer(200, PEM)) as gate:
        with pytest.raises(BadConfig):
            _sns.fetched(Rules(), gate.url + "/a.pem")
        assert _sns.fetched(Rules(allow=("127.0.0.1",)), gate.url + "/a.pem") == PEM
        gate.act = lambda *_: answer(404)
        with pytest.raises(Unreachable):
            _sns.fetched(Rules(allow=("127.0.0.1",)), gate.url + "/a.pem")
