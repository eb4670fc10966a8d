"""What Twilio's messages and calls share (twilio.py, twilio_voice.py): address, credentials, signatures, balance.

API: twilio.com/docs/usage/requests-to-twilio, …/usage/webhooks/webhooks-security, read 2026-11-21.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlsplit, urlunsplit

from wtforms import StringField
from wtforms import validators as v

from core import BadResponse, Balance, Forged, Form, Gateway, WebhookRequest
from core.gateway import basic, form_body, micros, said
from core.i18n import _l

if TYPE_CHECKING:
    from core.http import Request

ENDPOINT = "https://api.twilio.com"
FORM = "Content-Type: application/x-www-form-urlencoded"
#: Algorithms of the header X-Twilio-Webhooks-Signature-Settings; without it SHA-1 with the auth token.
_ALGORITHMS = {"HMAC_SHA1": "sha1", "HMAC_SHA256": "sha256"}

#: Codes that mean the same for texts and calls (twilio.com/docs/api/errors, read 2026-11-21).
COMMON = {
    **dict.fromkeys(("20003", "20005", "20006", "20008", "20010", "20404", "30002"), "account"),
    **dict.fromkeys(("20429", "20500", "20503"), "temporary"),
    **dict.fromkeys(("21211", "21217", "21421"), "number"),
}


class AccountForm(Form):
    """Which account, and how it proves that it is ours."""

    account_sid = StringField(
        _l("Account SID"),
        [v.InputRequired(), v.Regexp(r"AC[0-9a-fA-F]{32}$", message=_l("It begins with AC and has 34 characters."))],
        description=_l("On the first page of the Twilio console; begins with AC."),
    )  # fmt: skip
    auth_token = StringField(
        _l("Auth token"),
        [v.InputRequired()],
        render_kw={"secret": True},
        description=_l(
            "Beside the account SID. It also proves that a call of our address comes from Twilio."
        ),
    )
    api_key = StringField(
        _l("API key SID"),
        [v.Optional()],
        default="",
        description=_l("Optional: send with a key that can be withdrawn instead of the auth token."),
    )
    api_secret = StringField(_l("API key secret"), [v.Optional()], default="", render_kw={"secret": True})


class Twilio(Gateway):
    """A Twilio account."""

    pushes = True
    group = "world"

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.echoes_reference = bool(self.callback())
        user, password = settings["account_sid"], settings["auth_token"]
        if settings["api_key"]:
            user, password = settings["api_key"], settings["api_secret"]
        self._headers = (basic(user, password), FORM)

    def address(self, resource: str) -> str:
        """The URL of a resource of the account."""
        base = self.settings["endpoint"].rstrip("/")
        return f"{base}/2010-04-01/Accounts/{self.settings['account_sid']}/{resource}.json"

    def post(self, resource: str, fields: Iterable[tuple[str, str]]) -> Request:
        """A request that makes something; fields without a value stay out."""
        from core.http import Request

        body = form_body([(name, value) for name, value in fields if value])
        return Request(self.address(resource), body, self._headers)

    def fault(self, data: Any) -> tuple[str, str]:
        return said(data, "code", "error_code"), said(data, "message", "error_message")

    def balance(self) -> Balance:
        from core.http import Request

        data = self.ask(Request(self.address("Balance"), headers=self._headers))
        amount = micros(said(data, "balance"), signed=True)
        if amount is None:
            raise BadResponse("The answer tells no balance.")
        return Balance(amount, said(data, "currency").upper() or None)

    def verify_webhook(self, request: WebhookRequest) -> None:
        if not signed(request, self.settings["auth_token"]):
            raise Forged("X-Twilio-Signature does not fit the auth token and our address.")

    def webhook_reply(self, request: WebhookRequest) -> tuple[int, str, str]:
        """Words in the answer to an inbound text would be sent to the person: nothing to do, in TwiML."""
        return 200, "text/xml", "<Response/>"


# --- signatures -------------------------------------------------------------------------------------------


def signed(request: WebhookRequest, token: str) -> bool:
    """Does the signature of a call fit?

    It covers the URL, with or without the port, and the form's fields by name; of a JSON body the hash in the
    URL's `bodySHA256`.
    """
    given = request.headers.get("x-twilio-signature", "")
    algorithm = _ALGORITHMS.get(_named(request.headers.get("x-twilio-webhooks-signature-settings", "")))
    if not given or algorithm is None:
        return False
    tail = ""
    body_hash = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    if body_hash and "form" not in request.headers.get("content-type", ""):
        found = hashlib.sha256(request.body).hexdigest()
        if not hmac.compare_digest(found.encode(), body_hash[0].encode()):
            return False
    else:
        try:
            pairs = parse_qsl(request.body.decode(), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            return False
        tail = "".join(name + value for name, value in sorted(set(pairs)))
    return any(
        hmac.compare_digest(
            b64encode(hmac.digest(token.encode(), (url + tail).encode(), algorithm)), given.encode()
        )
        for url in _with_and_without_port(request.url)
    )


def _named(header: str) -> str:
    for part in header.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return value.strip().upper()
    return "HMAC_SHA1"


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio signs either; which one has changed with time and product."""
    parts = urlsplit(url)
    host, _, port = parts.netloc.partition(":")
    port = port or ("443" if parts.scheme == "https" else "80")
    return urlunsplit(parts._replace(netloc=host)), urlunsplit(parts._replace(netloc=f"{host}:{port}"))
