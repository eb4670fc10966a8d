"""Messages that Amazon SNS posts: are they really from SNS, and from now?

API: docs.aws.amazon.com/sns "Verifying the signatures of Amazon SNS messages", "HTTP/HTTPS message delivery
retries", read 2026-11-21.
"""

from __future__ import annotations

import re
import threading
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from core import Forged, Unreachable, clock
from core.contract.payloads import time_of
from core.gateway import said

#: A request for a certificate holds a thread of the web server this long at most.
FETCH_S = 5.0
#: SNS stamps a message once and tries for up to an hour to deliver it; a second copy changes nothing.
AGE_S = 3_600
#: Where SNS keeps its certificates and takes confirmations; nobody else may name an address.
HOST = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
#: What is signed, by the type of a message, in this order.
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
SIGNED = {
    "Notification": _NOTIFICATION,
    "SubscriptionConfirmation": _CONFIRMATION,
    "UnsubscribeConfirmation": _CONFIRMATION,
}


class Certificates:
    """Certificates of SNS by address, each fetched once; safe for several threads."""

    def __init__(self, fetch: Callable[[str], bytes]):
        self._fetch, self._known, self._lock = fetch, {}, threading.Lock()

    def get(self, url: str) -> bytes:
        """The PEM at an address of SNS.  Raises `ProviderError` when it cannot be had: SNS then comes again."""
        with self._lock:
            if url not in self._known:
                if len(self._known) > 20:
                    self._known.clear()
                self._known[url] = self._fetch(url)
            return self._known[url]


def fetched(rules: Any, url: str) -> bytes:
    """What an address of SNS answers, by the rules for outgoing requests."""
    from core.http import Client, Request

    client = Client(rules, connect_s=FETCH_S, read_s=FETCH_S)
    try:
        answer = client.send(Request(url))
    finally:
        client.close()
    if answer.status != 200:
        raise Unreachable(f"SNS answered HTTP {answer.status}.")
    return answer.body


def from_sns(url: str) -> bool:
    """Is this an address of SNS itself?"""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(HOST.fullmatch(parts.netloc))


def check_time(message: Mapping[str, Any]) -> None:
    """Raise `Forged` for a message that is not of the last hour."""
    at = time_of(said(message, "Timestamp") or None)
    if at is None or not -AGE_S < (clock.now() - at).total_seconds() < AGE_S:
        raise Forged("The message is older than an hour, or has no time.")


def check_signature(message: Mapping[str, Any], certificate: Callable[[str], bytes]) -> None:
    """Raise `Forged` unless SNS signed the message.  `certificate` gives the PEM at an address of SNS."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

    names = SIGNED.get(said(message, "Type"))
    digest = {"1": hashes.SHA1, "2": hashes.SHA256}.get(said(message, "SignatureVersion"))
    address = said(message, "SigningCertURL")
    if (
        names is None
        or digest is None
        or not from_sns(address)
        or not urlsplit(address).path.endswith(".pem")
    ):
        raise Forged("The call is no signed message of SNS.")
    text = "".join(
        f"{name}\n{said(message, name)}\n" for name in names if name != "Subject" or said(message, name)
    )
    try:
        key = x509.load_pem_x509_certificate(certificate(address)).public_key()
        if not isinstance(key, rsa.RSAPublicKey):
            raise ValueError("no RSA key")
        key.verify(b64decode(said(message, "Signature"), validate=True), text.encode(), PKCS1v15(), digest())
    except (InvalidSignature, NoBase64, ValueError):
        raise Forged("The signature of the message is not that of SNS.") from None
