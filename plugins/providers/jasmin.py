"""Jasmin: the open SMPP gateway, by its HTTP API or its REST API.

Vendor: Jasmin (jookies)  ·  API: misc/doc/sources/apis/http/index.rst and apis/rest/index.rst; answers as in
jasmin/protocols/http/endpoints/send.py, rest/api.py, rest/tasks.py, receipts as in routing/throwers.py
·  read: 2026-11-22

`/send` takes one text and answers with its id.  `/secure/sendbatch` takes many, puts them into a queue of its
own and answers with the number of texts only: each then goes through `/send` out of our sight, so a refusal
comes by a call of its own, which names the batch and the number.  Receipts carry our reference because each
text has a dlr-url of its own; Jasmin asks for the receipt of the last part only.  It has neither look-up nor
idempotency.  Its calls are not signed: the secret path is all there is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson
from wtforms import SelectField, StringField
from wtforms import validators as v
from wtforms.fields.choices import SelectChoice

from core import (
    BadResponse,
    Balance,
    Form,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    Throttled,
    WebhookRequest,
    hookimpl,
)
from core.content import parts
from core.gateway import basic, form_body, form_of, micros, parsed
from core.http import Request, Response
from core.i18n import _l
from plugins.providers import _smsc

#: Texts of one `sendbatch`.
BATCH = 200
#: `message_status`: of the SMS centre's answer (ESME_…) and of its receipt (SMPP 3.4, appendix B).
STATUS = {
    "ESME_ROK": "accepted",
    "ENROUTE": "accepted",
    "ACCEPTD": "accepted",
    "UNKNOWN": "accepted",
    "DELIVRD": "delivered",
    "EXPIRED": "expired",
    "DELETED": "undelivered",
    "UNDELIV": "undelivered",
    "REJECTD": "rejected",
}
#: First words of Jasmin's own errors (Jasmin itself has no codes), and SMPP 3.4 names of the SMS centre's.
ERRORS = {
    "authentication failure for username": "account",
    "authentication failed": "account",
    "authorization failed for username": "account",
    "cannot charge submit_sm": "account",
    "no route found": "route",
    "failover route has no bound connectors": "temporary",
    "value filter failed for username": "route",
    "user throughput exceeded": "temporary",
    "ESME_RINVDSTADR": "number",
    "ESME_RINVNUMDESTS": "number",
    "ESME_RINVSRCADR": "route",
    "ESME_RTHROTTLED": "temporary",
    "ESME_RMSGQFUL": "temporary",
    "ESME_RSYSERR": "temporary",
    "ESME_RINVPASWD": "account",
    "ESME_RINVSYSID": "account",
    "ESME_RBINDFAIL": "account",
}
#: Said with 403, but proves only that it was too fast.
TOO_FAST = "user throughput exceeded"


class Settings(Form):
    """What an account needs: a user of Jasmin and one of its two addresses."""

    mode = SelectField(
        _l("Interface"),
        choices=[SelectChoice("http", _l("HTTP API, one text a request")), SelectChoice("rest", _l("REST API, batches"))],
        default="http",
    )  # fmt: skip
    endpoint = _smsc.address(
        _l("Address"), "http://127.0.0.1:1401", _l("Port 1401 is the HTTP API's, 8080 the REST API's.")
    )
    username = StringField(_l("User name"), [v.InputRequired(), v.Length(1, 16)])
    password = StringField(_l("Password"), [v.InputRequired()], render_kw={"secret": True})
    validity_min = _smsc.validity_min()
    most_parts = _smsc.most_parts(5)


class Jasmin(_smsc.SmscGateway):
    """Sends by /send or /secure/sendbatch."""

    name = "jasmin"
    title = "Jasmin"
    about = _l("The open SMPP gateway of your own, by HTTP or, in batches, by REST.")
    Form = Settings
    ERRORS = ERRORS

    def __init__(self, settings, callback_url=""):
        self.rest = settings["mode"] == "rest"
        self.per_request, self.concurrency = (BATCH, 4) if self.rest else (1, 50)
        super().__init__(settings, callback_url)
        self._base = settings["endpoint"].rstrip("/")
        sign_in = basic(settings["username"], settings["password"])
        self._hidden.append(sign_in.rpartition(" ")[2])
        self._headers = ("Content-Type: application/json", sign_in)

    def read(self, body: bytes) -> Any:
        """The HTTP API answers in plain words, the REST API in JSON."""
        data = parsed(body)
        return body.decode("utf-8", "replace").strip() if data is None else data

    def request(self, messages: Sequence[Outgoing]) -> Request:
        if not self.rest:
            fields = self._fields(messages[0]) | {key: self.settings[key] for key in ("username", "password")}
            head = ("Content-Type: application/x-www-form-urlencoded",)
            return Request(f"{self._base}/send", form_body(fields), head)
        body = {
            "messages": [self._fields(message) for message in messages],
            "batch_config": {"errback_url": self.callback_url},
        }
        return Request(f"{self._base}/secure/sendbatch", orjson.dumps(body), self._headers)

    def _fields(self, message: Outgoing) -> dict[str, str]:
        fields = {
            "to": message.to,
            "dlr": "yes",
            "dlr-url": f"{self.callback_url}?ref={message.ref}",
            "dlr-level": "3",
            "dlr-method": "POST",
            "priority": self.priority(message),
            "validity-period": self.minutes(message),
        }
        if message.encoding == "ucs2":
            fields |= {"coding": "8", "hex-content": message.text.encode("utf-16-be", "replace").hex()}
        else:
            fields |= {"coding": "0", "content": message.text}
        return fields | ({"from": message.sender} if message.sender else {})

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result]:
        if self.rest:
            batch, count = data["data"]["batchId"], data["data"]["messageCount"]
            if count != len(messages):
                raise BadResponse(f"{len(messages)} texts were sent and {count} were taken.")
            times = Counter(message.to for message in messages)
            return [
                Result("accepted", _batch_id(batch, message.to) if times[message.to] == 1 else None)
                for message in messages
            ]
        found = re.fullmatch(r'Success "([\w-]{1,60})"', data)
        if not found:
            raise BadResponse(f"Jasmin answered {self.plain(data)[:60]!r}.")
        return [Result("accepted", found[1])]

    def fault(self, data: Any) -> tuple[str, str]:
        if isinstance(data, dict):
            data = data.get("description") or data.get("message") or data.get("title") or ""
        said = re.sub(r'^Error "?|"$', "", str(data or ""))
        return next((code for code in self.errors if said.lower().startswith(code)), ""), said

    def declined(self, response: Response, data: Any) -> Result:
        code, reason = self.fault(data)
        if code == TOO_FAST and response.status == 403:
            raise Throttled(self.plain(reason))
        return super().declined(response, data)

    def balance(self) -> Balance | None:
        """The user's quotas; "ND" means there is none."""
        if self.rest:
            data = self.ask(Request(f"{self._base}/secure/balance", headers=self._headers))
            data = data.get("data") if isinstance(data, dict) else None
        else:
            fields = {key: self.settings[key] for key in ("username", "password")}
            head = ("Content-Type: application/x-www-form-urlencoded",)
            data = self.ask(Request(f"{self._base}/balance", form_body(fields), head))
        if not isinstance(data, dict):
            raise BadResponse("Jasmin told no balance.")
        amount, count = micros(data.get("balance"), signed=True), data.get("sms_count")
        units = int(count) if str(count).isdigit() else None
        return None if amount is None and units is None else Balance(amount, None, units)

    # --- receipts, inbound texts ------------------------------------------------------------------------

    def parse_webhook(self, request: WebhookRequest):
        fields = (form_of(request.body) if request.body else {}) | dict(request.args)
        if request.kind == "inbound":
            yield _inbound(fields)
        elif "batchId" in fields:
            yield self._refused(fields)
        else:
            yield _receipt(fields)

    def webhook_reply(self, request: WebhookRequest) -> tuple[int, str, str]:
        """Anything else is no acknowledgement, and Jasmin calls again."""
        return 200, "text/plain", "ACK/Jasmin"

    def _refused(self, fields: Mapping[str, str]) -> Receipt:
        """A text of a batch that `/send` did not take."""
        if not fields.get("to") or fields.get("status") != "0":
            raise BadResponse("The call names no refused text of a batch.")
        said = fields.get("statusText", "").removeprefix("HTTPAPI error: ")
        code, reason = self.fault(said)
        return Receipt(
            "rejected",
            None,
            _batch_id(fields["batchId"], fields["to"]),
            code=code or "refused",
            reason=self.plain(reason),
        )


# --- small parsers --------------------------------------------------------------------------------------


def _batch_id(batch: str, to: str) -> str:
    """The id of one text of a batch: a number is never part of it in clear."""
    return f"{batch}:{blake2b(to.strip().lstrip('+').encode(), digest_size=8).hexdigest()}"


def _receipt(fields: Mapping[str, str]) -> Receipt:
    word, ref = fields.get("message_status", ""), fields.get("ref")
    state = STATUS.get(word, "rejected" if word.startswith("ESME_") else None)
    if state is None or not (ref or fields.get("id")):
        raise BadResponse("The receipt of Jasmin names no message or has no known status.")
    err = fields.get("err", "").strip()
    code = None if state in ("accepted", "delivered") else err if err.strip("0") and err != "ND" else word
    return Receipt(state, ref, fields.get("id"), None, code)


def _inbound(fields: Mapping[str, str]) -> Inbound:
    if not fields.get("from") or not ("binary" in fields or "content" in fields):
        raise BadResponse("The inbound text has no sender or no words.")
    text = fields.get("content", "")
    if "binary" in fields:
        try:
            text = _decoded(bytes.fromhex(fields["binary"]), fields.get("coding", "0"))
        except ValueError:
            raise BadResponse("The inbound text cannot be read.") from None
    return Inbound(fields["from"], text, fields.get("to", ""), fields.get("id") or None)


def _decoded(raw: bytes, coding: str) -> str:
    if coding == "8":
        return raw.decode("utf-16-be")
    if coding == "3":
        return raw.decode("latin-1")
    return raw.decode("ascii") if coding == "1" else _gsm7(raw)


def _gsm7(raw: bytes) -> str:
    """GSM 03.38, a septet a byte, as an SMS centre gives its default alphabet."""
    text, escaped = [], False
    for septet in raw:
        if escaped:
            text.append(_EXTENSION.get(septet, " "))
        elif septet != _ESC:
            text.append(_ALPHABET.get(septet) or chr(septet))
        escaped = not escaped and septet == _ESC
    return "".join(text)


_ESC = 0x1B
_ALPHABET = {at + (at >= _ESC): char for at, char in enumerate(parts.BASIC)}
#: 3GPP TS 23.038 §6.2.1.1, in the order of `parts.EXTENSION`.
_EXTENSION = dict(
    zip((0x0A, 0x14, 0x28, 0x29, 0x2F, 0x3C, 0x3D, 0x3E, 0x40, 0x65), "\f^{}\\[~]|€", strict=True)
)


@hookimpl
def register_providers():
    return [Jasmin]
