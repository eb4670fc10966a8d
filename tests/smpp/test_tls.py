"""SMPP over TLS: a certificate that is trusted and named, and those that are not."""

from __future__ import annotations

import datetime
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core import BadConfig, Unreachable
from plugins.providers import _smpp_connect
from tests.smpp.kit import Sink, made, many, smsc


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with key and self-signed certificate for `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    signed = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - day).not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
        .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path_factory.mktemp("tls") / "smsc.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def server(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with smsc(context) as one:
        yield one


def test_texts_go_over_tls(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    provider = made(server.port, Sink(), host="localhost", tls=True, window=50)
    results = provider.send(many(2_000, "x" * 150))
    assert {result.outcome for result in results} == {"accepted"} and len(server.submits) == 2_000
    provider.close()


def test_a_certificate_nobody_vouches_for_is_refused(server):
    provider = made(server.port, host="localhost", tls=True)
    with pytest.raises(BadConfig, match="certificate"):
        provider.send(many(1))
    provider.close()
    assert server.binds == []


def test_a_certificate_of_another_name_is_refused(server, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    provider = made(server.port, host="127.0.0.1", tls=True)
    with pytest.raises(BadConfig, match="certificate"):
        provider.send(many(1))
    provider.close()
    assert server.binds == []


def test_a_server_without_tls_is_not_spoken_to(certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(_smpp_connect, "CONNECT_S", 0.3)
    with smsc() as plain:
        provider = made(plain.port, host="localhost", tls=True)
        with pytest.raises(Unreachable):
            provider.send(many(1))
        provider.close()
        assert plain.binds == []
