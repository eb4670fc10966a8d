"""SMS by e-mail, against a mail server that really listens."""

import contextlib
import email
import email.policy
import logging
import ssl
from datetime import datetime, timedelta

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from core import BadConfig, Outgoing, Refusal, Unreachable
from core.contract.testing import check_provider
from core.db import database
from core.db.codes import Cls, State
from core.http import Rules
from core.sending import accounts, batch, direct
from plugins.providers.email import Email
from tests.adapters.cases import LONG, PLAIN, UNICODE
from tests.servers import free_port

SETTINGS = {
    "host": "127.0.0.1",
    "security": "none",
    "mail_from": "shop@cooee.example",
    "address": "{number}@sms.example",
}


class Postman:
    """Takes mails; `refuse` answers a recipient, `say` a text; "hang up" ends the connection."""

    def __init__(self, refuse=lambda to: None, say=lambda n: None, mail_from=None):
        self.refuse, self.say, self.mail_from = refuse, say, mail_from
        self.mails: list[tuple[str, email.message.EmailMessage]] = []
        self.sessions: set[int] = set()

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        self.sessions.add(id(session))
        if self.mail_from:
            return self.mail_from
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        said = self.refuse(address)
        if said == "hang up":
            server.transport.abort()
            return "421 bye"
        if said:
            return said
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        mail = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos[0], mail))
        said = self.say(len(self.mails))
        if said == "hang up":
            server.transport.abort()
        return said or "250 2.0.0 Ok: queued as 7F"


@contextlib.contextmanager
def post(postman: Postman, **options):
    """A mail server; gives its port."""
    controller = Controller(postman, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def made(port: int, **given) -> Email:
    texts = {**SETTINGS, "port": str(port), **given}
    provider = Email(accounts.checked(Email, texts), "https://cooee.example/hooks/t/receipt")
    provider.outgoing = Rules(allow=("127.0.0.1", "localhost"))
    return provider


def sent(postman: Postman, *messages: Outgoing, **given):
    with post(postman) as port:
        return made(port, **given).send(messages)


def words(mail) -> str:
    return mail.get_content().replace("\r\n", "\n").removesuffix("\n")


@pytest.mark.parametrize("message", [PLAIN, UNICODE, LONG], ids=["plain", "unicode", "long"])
@pytest.mark.parametrize("eight_bit", [True, False])
def test_a_text_arrives_as_it_was_written(message, eight_bit, monkeypatch):
    if not eight_bit:
        monkeypatch.setattr("smtplib.SMTP.has_extn", lambda self, name: False)
    postman = Postman()
    (result,) = sent(postman, message)
    assert (result.outcome, result.provider_id) == ("accepted", f"{message.ref}@cooee.example")
    ((to, mail),) = postman.mails
    assert to == f"{message.to[1:]}@sms.example"
    assert words(mail) == message.text
    assert mail["Message-ID"] == f"<{result.provider_id}>"
    assert mail["From"] == "shop@cooee.example"


def test_a_batch_goes_over_one_session():
    postman = Postman()
    messages = [
        PLAIN._replace(ref=f"R{i}", to=f"+86138001380{i:02d}", text=f".{i}\n..\n.") for i in range(25)
    ]
    assert {result.outcome for result in sent(postman, *messages)} == {"accepted"}
    assert [words(mail) for _to, mail in postman.mails] == [message.text for message in messages]
    assert len(postman.sessions) == 1


def test_a_gateway_with_one_address_is_told_the_number_in_the_subject():
    postman = Postman()
    sent(postman, PLAIN, address="sms@gateway.example", subject="{to} {sender} {ref}")
    ((to, mail),) = postman.mails
    assert to == "sms@gateway.example"
    assert mail["Subject"] == f"{PLAIN.to} {PLAIN.sender} {PLAIN.ref}"


def test_no_value_can_add_a_line_to_the_head():
    postman = Postman()
    evil = PLAIN._replace(
        sender="x\r\nBcc: all@cooee.example\r\n\r\nHello", text="Subject: no\r\n.\r\nMAIL FROM:<x>"
    )
    (result,) = sent(postman, evil, subject="{sender}")
    ((_to, mail),) = postman.mails
    assert result.outcome == "accepted" and mail["Bcc"] is None
    assert words(mail) == "Subject: no\n.\nMAIL FROM:<x>"
    assert mail.keys().count("Subject") == 1


def test_a_sender_that_makes_no_address_is_refused_and_the_rest_goes_out():
    postman = Postman()
    results = sent(postman, PLAIN._replace(sender="店"), PLAIN, address="{sender}.{number}@sms.example")
    assert [(r.outcome, r.code) for r in results] == [("rejected", "address"), ("accepted", None)]


@pytest.mark.parametrize(
    ("reply", "outcome", "code"),
    [
        ("550 5.1.1 <8613800138000@sms.example> no such number", "rejected", "5.1.1"),
        ("550 who is that", "rejected", "550"),
        ("450 busy", "retry", "450"),
        ("452 4.2.2 mailbox full", "retry", "4.2.2"),
        ("452 later", "retry", "452"),
        ("455 never heard of", "retry", "455"),
        ("599 never heard of", "rejected", "599"),
    ],
)
def test_what_a_refused_recipient_means(reply, outcome, code):
    postman = Postman(refuse=lambda to: reply if to.startswith("8613800138000") else None)
    refused, other = sent(postman, PLAIN, UNICODE)
    assert (refused.outcome, refused.code) == (outcome, code)
    assert "8613800138000" not in refused.reason
    assert other.outcome == "accepted"


def test_what_a_refused_text_means():
    postman = Postman(say=lambda n: "554 5.7.1 spam" if n == 1 else "451 4.7.1 grey" if n == 2 else None)
    results = sent(postman, PLAIN, UNICODE, LONG)
    assert [(r.outcome, r.code) for r in results] == [
        ("rejected", "5.7.1"),
        ("retry", "451"),
        ("accepted", None),
    ]


def test_a_text_without_a_reply_is_in_doubt_and_the_rest_is_tried_again():
    postman = Postman(say=lambda n: "hang up" if n == 2 else None)
    results = sent(postman, PLAIN, UNICODE, LONG)
    assert [result.outcome for result in results] == ["accepted", "unknown", "retry"]
    assert len(postman.mails) == 2


def test_a_session_that_ends_before_the_text_proves_that_nothing_was_sent():
    postman = Postman(refuse=lambda to: "hang up")
    with pytest.raises(Unreachable):
        sent(postman, PLAIN, UNICODE)
    assert postman.mails == []


def test_nobody_there_is_proof():
    with pytest.raises(Unreachable):
        made(free_port()).send([PLAIN])


def test_a_refused_sender_halts_the_account():
    with pytest.raises(BadConfig, match="sender"):
        sent(Postman(mail_from="550 5.7.1 not from here"), PLAIN)


def test_nothing_to_send_opens_no_socket():
    assert made(free_port()).send([]) == []


def test_internal_servers_are_only_called_where_the_operator_says_so():
    with post(Postman()) as port:
        provider = made(port)
        provider.outgoing = Rules()
        with pytest.raises(BadConfig, match="http_allow"):
            provider.send([PLAIN])


def test_a_lost_reply_is_never_sent_again(rt_sqlite):
    rt_sqlite.settings.http_allow = "127.0.0.1"
    postman = Postman(say=lambda n: "hang up")
    with post(postman) as port:
        account = accounts.create(rt_sqlite, "mail", "email", {**SETTINGS, "port": str(port)})
        made_ = direct.send(rt_sqlite, PLAIN.to, Cls.notice, "Hello", account.id)
        for _round in range(3):
            batch.send(rt_sqlite, made_["campaign_id"])
            with database.write_tx():
                database.execute("UPDATE message SET not_before = 0")
    assert len(postman.mails) == 1
    assert database.scalar("SELECT state FROM message") == State.in_doubt


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"address": "sms@gateway.example"}, "address"),
        ({"address": "no address {to}"}, "address"),
        ({"mail_from": "a@b\r\nBcc: c@d"}, "mail_from"),
        ({"mail_from": "a@b\n"}, "mail_from"),
        ({"mail_from": "店@b.example"}, "mail_from"),
        ({"password": "x"}, "password"),
        ({"host": "a host"}, "host"),
    ],
)
def test_settings_that_cannot_work_are_refused(given, field):
    with pytest.raises(Refusal) as raised:
        made(25, **given)
    assert raised.value.field == field


# --- encryption and sign-in -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost that vouches for itself: (its file, the server's context)."""
    folder = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now()
    built = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), now - timedelta(days=1)
        )
        .not_valid_after(now + timedelta(days=9))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, secret = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, secret)
    return cert, context


def signs_in(server, session, envelope, mechanism, data) -> AuthResult:
    good = data.login == b"shop" and data.password == b"pa55-w0rd"
    return AuthResult(success=good, handled=False)


def secured(context, how: str) -> dict:
    common = {"authenticator": signs_in, "auth_required": True, "auth_exclude_mechanism": ["LOGIN"]}
    if how == "tls":
        return common | {"ssl_context": context, "auth_require_tls": False}
    return common | {"tls_context": context, "require_starttls": True}


def sign_in(context, how: str, **given):
    postman = Postman()
    with post(postman, **secured(context, how)) as port:
        given = {"host": "localhost", "security": how, "username": "shop", "password": "pa55-w0rd", **given}
        return made(port, **given).send([PLAIN]), postman


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_it_signs_in_over_an_encrypted_session(how, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    (result,), postman = sign_in(certificate[1], how)
    assert result.outcome == "accepted" and len(postman.mails) == 1


@pytest.mark.parametrize("how", ["starttls", "tls"])
def test_a_certificate_nobody_vouches_for_halts_the_account(how, certificate):
    with pytest.raises(BadConfig, match="certificate"):
        sign_in(certificate[1], how)


def test_a_wrong_password_halts_the_account_and_is_not_told(certificate, monkeypatch, caplog):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BadConfig, match="sign-in") as raised:
        sign_in(certificate[1], "tls", password="wr0ng-w0rd")
    assert "wr0ng-w0rd" not in str(raised.value) + caplog.text


def test_a_server_without_encryption_gets_nothing():
    with pytest.raises(BadConfig, match="STARTTLS"):
        sent(Postman(), PLAIN, security="starttls")


# --- contract ---------------------------------------------------------------------------------------------


def test_it_keeps_the_contract():
    assert check_provider(Email) == []


def test_the_plugin_does_not_stand_in_the_way_of_the_library():
    import email as library

    import plugins.providers.email as plugin

    assert library is not plugin and library.__name__ == "email" and hasattr(library, "message_from_bytes")


def test_no_full_number_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    postman = Postman(refuse=lambda to: f"550 no {to} here")
    results = sent(postman, PLAIN, UNICODE)
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    assert PLAIN.to[1:] not in "\n".join([*ours, repr(results)])
