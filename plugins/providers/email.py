"""SMS by e-mail: gateways that take a text as a mail to <number>@their.domain, or to one address with the
number in the subject.

Vendor: any (carriers and gateway boxes with an "e-mail to SMS" service)  ·  API: SMTP, RFC 5321 (replies
§4.2, sessions §3), RFC 3463 (enhanced codes), RFC 2034, RFC 6152 (8-bit)  ·  read: 2026-11-22

All texts of a call go over one session.  There are no receipts: bounces come by mail, which nobody reads here.

May be in doubt: a text whose last dot may have been written and that got no reply (RFC 1047).  A refusal in a
reply, and a session that ended before the text was begun, prove that it was not taken.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from wtforms import IntegerField, SelectField, StringField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import BadConfig, Outgoing, Provider, Result, Throttled, Unreachable, clock, hookimpl
from core import Form as BaseForm
from core.addresses import Rules, is_public, resolve
from core.contract.errors import ProviderError
from core.gateway import settled
from core.i18n import _, _l
from core.redact import numbers

#: Seconds for connecting and for each reply; and after which a call begins no more texts.
REPLY_S, CALL_S = 15, 20
#: Replies of the server to a recipient or a text: enhanced code (RFC 3463) or plain (RFC 5321 §4.2.3) → kind.
ERRORS = {
    "5.1.1": "number", "5.1.2": "route", "5.1.3": "number", "5.1.6": "number", "5.1.10": "number",
    "5.2.1": "number", "4.2.2": "handset", "5.2.2": "handset", "5.2.3": "content",
    "5.3.4": "content", "5.4.1": "route", "4.7.0": "temporary", "5.7.0": "blocked", "5.7.1": "blocked",
    "421": "temporary", "450": "temporary", "451": "temporary", "452": "limit", "454": "temporary",
    "501": "number", "521": "route", "530": "account", "534": "account", "535": "account", "538": "account",
    "550": "number", "551": "number", "552": "content", "553": "number", "554": "content", "556": "route",
}  # fmt: skip
#: One plain address, placeholders and all; nothing that ends a line or a path of SMTP.
ADDRESS = r"[^\s<>@,;:\"\x80-\U0010ffff]+@[^\s<>@,;:\"\x80-\U0010ffff]+\Z"


class Form(BaseForm):
    """What an account needs: a mail server, and how the gateway wants to be told the number."""

    host = StringField(_l("Mail server"), [v.InputRequired(), v.Regexp(r"[A-Za-z0-9.:-]+\Z")])
    port = IntegerField(_l("Port"), [v.NumberRange(1, 65_535)], default=587)
    security = SelectField(
        _l("Encryption"),
        choices=[
            SelectChoice("starttls", "STARTTLS"),
            SelectChoice("tls", "TLS"),
            SelectChoice("none", _l("none")),
        ],
        default="starttls",
    )
    username = StringField(_l("User name"), [v.Optional()], default="")
    password = StringField(_l("Password"), [v.Optional()], default="", render_kw={"secret": True})
    mail_from = StringField(_l("Sender's mail address"), [v.InputRequired(), v.Regexp(ADDRESS)])
    address = StringField(
        _l("Address of the gateway"),
        [v.InputRequired(), v.Regexp(ADDRESS)],
        default="{number}@sms.example",
        description=_l("Placeholders: {to} with the plus, {number} without it, {sender}, {ref}."),
    )
    subject = StringField(
        _l("Subject"),
        [v.Optional(), v.Length(max=200)],
        default="",
        description=_l("The same placeholders; often empty."),
    )

    def validate_address(self, field):
        """The number must be somewhere."""
        if not re.search(r"\{(to|number)\}", field.data + (self.subject.data or "")):
            raise v.ValidationError(_("Neither address nor subject has {number} or {to}."))

    def validate_password(self, field):
        """Not in clear over the network."""
        if field.data and self.security.data == "none":
            raise v.ValidationError(_("A password is only sent with encryption."))


class Email(Provider):
    """Sends by SMTP."""

    name = "email"
    title = _l("SMS by e-mail")
    about = _l("Gateways that take texts by mail; they tell no receipts.")
    Form = Form
    ERRORS = ERRORS
    batch_size = 50

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if not messages:
            return []
        until = clock.monotonic() + CALL_S
        outcomes: list[Result | ProviderError] = []
        with self._session() as server:
            for message in messages:
                try:
                    if clock.monotonic() > until:
                        raise Throttled("Earlier texts took the time of this call.", after_s=1)
                    outcomes.append(self._one(server, message))
                except ProviderError as error:
                    # The session is of no use any more, and the rest was not begun.
                    outcomes += [error] * (len(messages) - len(outcomes))
                    break
                if outcomes[-1].outcome == "unknown":
                    lost = Unreachable("The mail server hung up.")
                    outcomes += [lost] * (len(messages) - len(outcomes))
                    break
        return settled(outcomes)

    # --- the session ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """A session that is signed in; whatever goes wrong on the way proves that nothing was sent."""
        host, security = self.settings["host"], self.settings["security"]
        domain = self.settings["mail_from"].rpartition("@")[2]
        server = (_PinnedTls if security == "tls" else _Pinned)(local_hostname=domain, timeout=REPLY_S)
        server.addresses = self._checked(host)
        try:
            server._host = host  # what the certificate must be made out to
            code, words = server.connect(host, self.settings["port"])
            if code != 220:
                raise Unreachable(f"The mail server does not greet ({code}): {self._plain(words)}")
            server.ehlo_or_helo_if_needed()
            if security == "starttls":
                server.starttls(context=ssl.create_default_context())
                server.ehlo_or_helo_if_needed()
            if self.settings["username"]:
                server.login(self.settings["username"], self.settings["password"])
        except (ssl.SSLCertVerificationError, smtplib.SMTPNotSupportedError) as error:
            server.close()
            raise BadConfig(f"The mail server {host}: {self._plain(error)}") from None
        except smtplib.SMTPAuthenticationError as error:
            server.close()
            words = f"The mail server {host} refuses the sign-in ({error.smtp_code}). Check user name and password."
            raise (BadConfig if error.smtp_code >= 500 else Unreachable)(words) from None
        except (OSError, smtplib.SMTPException) as error:
            server.close()
            raise Unreachable(f"The mail server {host} was not reached: {self._plain(error)}") from None
        try:
            yield server
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()

    def _checked(self, host: str) -> list[str]:
        """Addresses the operator lets us connect to, as for every other outgoing connection."""
        rules = self.outgoing or Rules()
        addresses = resolve(host, self.settings["port"], REPLY_S)
        for address in addresses:
            if not is_public(address) and not rules.allows_internal(host, address):
                raise BadConfig(
                    f"{host} is {address}, which is not a public address; the operator can open it with the "
                    f"setting http_allow."
                )
        return addresses

    def _one(self, server: smtplib.SMTP, message: Outgoing) -> Result:
        """One transaction.  Raises `ProviderError` when the session ended before the text was begun."""
        to, mail_id, eight_bit = (
            self._fill(self.settings["address"], message),
            self._id(message),
            server.has_extn("8bitmime"),
        )
        if not re.match(ADDRESS, to):
            return Result("rejected", code="address", reason="Sender or number make no mail address.")
        content = self._mail(message, to, mail_id, eight_bit)
        try:
            code, words = server.mail(self.settings["mail_from"], ["BODY=8BITMIME"] if eight_bit else [])
            if code >= 500:
                raise BadConfig(f"The mail server refuses the sender ({code}): {self._plain(words)}")
            for step in (lambda: server.rcpt(to), lambda: server.docmd("DATA")):
                if code < 400:
                    code, words = step()
            if code >= 400:
                refused = self._refused(code, words)
                server.rset()
                return refused
        except (OSError, smtplib.SMTPServerDisconnected):
            raise Unreachable("The mail server hung up.") from None
        try:
            server.send(content)
            code, words = server.getreply()
        except (OSError, smtplib.SMTPException) as error:
            return Result("unknown", code=type(error).__name__, reason="No reply to the text.")
        return Result("accepted", mail_id) if 200 <= code < 300 else self._refused(code, words)

    def _refused(self, code: int, words: bytes) -> Result:
        enhanced = re.match(rb"[245]\.\d{1,3}\.\d{1,3}", words)
        fine = enhanced[0].decode() if enhanced else ""
        known = fine if fine in self.errors else str(code)
        reason = self._plain(words)
        if known not in self.errors and code < 500:
            return Result("retry", code=known, reason=reason)
        return self.refusal(known, reason)

    # --- the mail ---------------------------------------------------------------------------------------

    def _mail(self, message: Outgoing, to: str, mail_id: str, eight_bit: bool) -> bytes:
        """The mail as it goes on the wire, with the dot that ends it."""
        policy = SMTP.clone(cte_type="8bit" if eight_bit else "7bit")
        mail = EmailMessage(policy)
        mail["From"], mail["To"] = self.settings["mail_from"], to
        mail["Subject"] = self._fill(self.settings["subject"], message)
        mail["Date"], mail["Message-ID"] = format_datetime(clock.now()), f"<{mail_id}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(
            message.text, charset="utf-8", cte=None if eight_bit or message.text.isascii() else "base64"
        )
        return re.sub(rb"(?m)^\.", b"..", mail.as_bytes()) + b".\r\n"

    def _fill(self, template: str, message: Outgoing) -> str:
        """Values hold no control characters, so no line can end early."""
        values = {
            "to": message.to,
            "number": message.to.lstrip("+"),
            "sender": message.sender,
            "ref": message.ref,
        }
        plain = {name: "".join(c for c in value if c.isprintable()) for name, value in values.items()}
        return re.sub(r"\{(\w+)\}", lambda found: plain.get(found[1], found[0]), template)

    def _id(self, message: Outgoing) -> str:
        return f"{message.ref}@{self.settings['mail_from'].rpartition('@')[2]}"

    def _plain(self, words: object) -> str:
        text = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(words)
        secret = self.settings["password"]
        return numbers(text.replace(secret, "…") if secret else text)[:200]


class _Pinned(smtplib.SMTP):
    """Connects to the addresses that were checked, whatever the name says a moment later."""

    addresses: Sequence[str] = ()

    def _get_socket(self, host, port, timeout):
        last: OSError | None = None
        for address in self.addresses:
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                last = error
        raise last or OSError(f"{host} has no address")


class _PinnedTls(smtplib.SMTP_SSL, _Pinned):
    """The same, encrypted from the first byte; verified, which smtplib by itself does not."""

    def __init__(self, **options):
        super().__init__(context=ssl.create_default_context(), **options)


@hookimpl
def register_providers():
    return [Email]
