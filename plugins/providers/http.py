"""Any HTTP gateway, described by settings.

One request a text, many at once; where the body has a list whose one element holds {to}, that element is
repeated and one request carries the whole batch.  Receipts come by webhook as JSON or form, one or a list.

May be in doubt: a request that was written and got no usable answer, any 5xx, 3xx, 408 or 409, and a 2xx that
cannot be understood.  Only a connection that was never made, 429, a 4xx or a status word that says so prove
that a text was not accepted.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core import (
    BadConfig,
    BadResponse,
    Forged,
    Found,
    Inbound,
    Outgoing,
    Provider,
    ProviderError,
    Receipt,
    Result,
    Throttled,
    hookimpl,
)
from core.contract import payloads
from core.contract.payloads import find, json_text, steps, text_at, time_of, url_text
from core.i18n import _l
from plugins.providers._http import NAMES, Settings, is_json

#: In the answer to a submit these states mean that the text was not taken.
NOT_TAKEN = frozenset({"rejected", "undelivered", "expired"})
#: Status codes (RFC 9110) that say: address or credentials are wrong, nothing was sent.
MISCONFIGURED = frozenset({401, 403, 404, 405})
#: The text was refused for what it is.  408 and 409 prove nothing.
REFUSED = frozenset(range(400, 500)) - MISCONFIGURED - {408, 409, 429}

#: Where gateways usually put things, used where no path is set and, for receipts, after the path that is.
ID = steps("id|message_id|messageId|msgid|message-id|sid|uuid")
STATUS = steps("status|state|stat|messageStatus|message_status|success|ok|result")
REF = steps("ref|reference|client_ref|clientRef|client-ref|custom_id")
CODE = steps("code|error_code|errorCode|err|err-code")
REASON = steps("reason|error|description|error.message|message")
AT = steps("at|time|timestamp|done_at|doneDate|done_date")
TO = steps("to|recipient|destination")
FAULT = steps("error|errors|fault|exception")


class Http(Provider):
    """A gateway by settings."""

    name = "http"
    title = _l("HTTP gateway")
    about = _l(
        "Any gateway that takes texts by HTTP, described by settings: JSON or form, one text or many a request."
    )
    Form = Settings
    pushes = True

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.batch_size = settings["batch"]
        self.idempotency_ttl_s = settings["idempotency_ttl_s"] or None
        self.echoes_reference = bool(settings["ref_path"])
        self.can_look_up = bool(settings["lookup_url"])
        self._client = None
        self._words = {**payloads.STATUS_WORDS, **dict(payloads.status_lines(settings["status_map"]))}
        self._path = {name: steps(settings[f"{name}_path"]) for name in ("id", "status", "ref", "code")}
        usual = {"id": ID, "status": STATUS, "ref": REF, "code": CODE}
        self._in_receipt = {name: path | usual[name] for name, path in self._path.items()}
        self._hidden = [settings[name] for name in ("secret", "webhook_secret") if settings[name]]
        self._hidden += [line.partition(":")[2].strip() for line in settings["headers"].splitlines()]
        body = settings["body"] if settings["method"] != "GET" else ""
        write = json_text if is_json(body) else url_text
        parts = payloads.repeated(body, "to") if is_json(body) and settings["batch"] > 1 else None
        before, body, after = parts or ("", body, "")
        self._bulk = parts is not None
        self._body = payloads.template(body, NAMES, write) if body else None
        self._before, self._after = (payloads.template(text, NAMES, write) for text in (before, after))
        self._url = payloads.template(settings["url"], NAMES, url_text)
        self._look_up_url = payloads.template(settings["lookup_url"], NAMES, url_text)
        self._headers = _headers(settings, "json" if write is json_text else "x-www-form-urlencoded")

    def _http(self):
        from core.http import Client  # libcurl costs 20 ms, which only those pay who send

        if self._client is None:
            self._client = Client(self.outgoing, concurrency=self.settings["concurrency"])
        return self._client

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    # --- sending --------------------------------------------------------------------------------------

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        from core.http import Request

        if not messages:
            return []
        values = [self._values(m.ref, m.to, m.text, m.sender) for m in messages]
        method = self.settings["method"]
        if self._bulk:
            rows = ", ".join(map(self._body, values))
            whole = f"{self._before(values[0])}{rows}{self._after(values[0])}".encode()
            answer = self._http().send(Request(self._url(values[0]), whole, self._headers, method))
            return _settled(self._outcomes(answer, len(messages)))
        bodies = [self._body(each).encode() if self._body else None for each in values]
        requests = [
            Request(self._url(each), body, self._headers, method)
            for each, body in zip(values, bodies, strict=True)
        ]
        return _settled([self._outcome(answer) for answer in self._http().send_many(requests)])

    def _values(self, ref: str, to: str = "", text: str = "", sender: str = "") -> dict[str, str]:
        secret = self.settings["secret"]
        return {
            "ref": ref,
            "to": to,
            "text": text,
            "sender": sender,
            "secret": secret,
            "callback": self.callback_url,
        }

    def _outcome(self, answer: Any) -> Result | ProviderError:
        """One answer for one text: a result, or an error that proves it was not sent."""
        if isinstance(answer, ProviderError):
            return answer if answer.proves_not_sent else Result("unknown", reason=self._hide(answer))
        if 200 <= answer.status < 300:
            return self._taken(answer.body)
        try:
            data = payloads.parse(answer.body)
        except BadResponse:
            data = {}
        said = f"HTTP {answer.status}"
        reason = self._hide(text_at(data, REASON) or said)
        code = text_at(data, self._path["code"] or CODE) or said
        if answer.status == 429:
            return Throttled(reason, after_s=_seconds(answer.header("retry-after")))
        if answer.status in REFUSED or (
            answer.status in MISCONFIGURED and self._state(data, self._path["status"] or STATUS) in NOT_TAKEN
        ):
            return Result("rejected", code=code[:60], reason=reason)
        if answer.status in MISCONFIGURED:
            return BadConfig(f"The gateway answered {said}: {reason}. Check URL and credentials.")
        return Result("unknown", code=code[:60], reason=reason)

    def _taken(self, body: bytes) -> Result:
        """What a 2xx says of one text."""
        if not body.strip():
            return Result("unknown", reason="empty answer") if self._path["id"] else Result("accepted")
        try:
            return self._said(payloads.parse(body))
        except BadResponse:
            words = re.findall(r"[\w.-]+", body[:300].decode("utf-8", "replace"))
            state = self._words.get(payloads.word_key(words[0])) if words else None
            if self._path["id"] or len(words) > 5:
                state = None
            provider_id = words[1] if state and len(words) > 1 else None
            return _verdict(state, provider_id, "", self._hide(" ".join(words[:12])))

    def _said(self, data: Any) -> Result:
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        state = self._state(data, self._path["status"] or STATUS)
        provider_id = text_at(data, self._path["id"] or ID)
        word = text_at(data, self._path["status"])
        code, reason = text_at(data, self._path["code"] or CODE), self._hide(text_at(data, REASON) or "")
        if state is None and word is None and isinstance(data, dict):
            fine = provider_id is not None or (not self._path["id"] and find(data, FAULT) is None)
            state = "accepted" if fine else None
        return _verdict(
            state, provider_id, code, reason or (f"status {word!r}" if word else "no id in the answer")
        )

    def _outcomes(self, answer: Any, n: int) -> list[Result | ProviderError]:
        """One answer for a whole batch: its list has one element a text, in order."""
        if not 200 <= answer.status < 300 or not answer.body.strip():
            return [self._outcome(answer)] * n
        rows = _rows(payloads.parse(answer.body))
        if len(rows) != n:
            raise BadResponse(f"{n} texts were sent and {len(rows)} were answered for.")
        return [self._said(row) for row in rows]

    def _state(self, data: Any, where: payloads.Path) -> str | None:
        word = text_at(data, where)
        return None if word is None else self._words.get(payloads.word_key(word))

    def _hide(self, text: Any) -> str:
        text = str(text)
        for secret in self._hidden:
            text = text.replace(secret, "…") if secret else text
        return text[:200]

    # --- receipts -------------------------------------------------------------------------------------

    def verify_webhook(self, request):
        secret = self.settings["webhook_secret"]
        if not secret:
            return
        given = request.headers.get(self.settings["webhook_header"].lower(), "").rpartition("=")[2]
        wanted = hmac.digest(secret.encode(), request.body, "sha256").hex()
        if not hmac.compare_digest(given.strip().lower().encode(), wanted.encode()):
            raise Forged("The signature of the webhook does not fit the secret.")

    def parse_webhook(self, request) -> Iterator[Receipt | Inbound]:
        """Gives what it understands, then raises `BadResponse` for what it does not."""
        if request.body.strip():
            data = payloads.parse(request.body, request.headers.get("content-type", ""))
        else:
            data = dict(request.args)
        read = self._inbound if request.kind == "inbound" else self._receipt
        trouble: BadResponse | None = None
        for row in _rows(data):
            try:
                yield read(row)
            except BadResponse as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _receipt(self, row: Any) -> Receipt:
        where = self._in_receipt
        state = self._state(row, where["status"])
        ref, provider_id = text_at(row, where["ref"]), text_at(row, where["id"])
        if state is None:
            raise BadResponse(f"The receipt has no known status word: {str(row)[:120]}.")
        if ref is None and provider_id is None:
            raise BadResponse(f"The receipt names no message: {str(row)[:120]}.")
        at, code = time_of(find(row, AT)), text_at(row, where["code"])
        reason = text_at(row, REASON) if state != "delivered" else None
        state = "accepted" if state == "retry" else state
        return Receipt(state, ref, provider_id, at, code and code[:60], reason and reason[:200])

    def _inbound(self, row: Any) -> Inbound:
        sender = text_at(row, steps(self.settings["from_path"]))
        text = text_at(row, steps(self.settings["text_path"]))
        if sender is None or text is None:
            raise BadResponse(f"The inbound text has no sender or no words: {str(row)[:60]}.")
        return Inbound(sender, text, text_at(row, TO) or "", text_at(row, ID), time_of(find(row, AT)))

    def poll(self, refs) -> Iterable[Receipt]:
        """Not by HTTP in general: gateways differ too much; receipts come by webhook."""
        return ()

    def look_up(self, ref: str) -> Found:
        from core.http import Request

        answer = self._http().send(Request(self._look_up_url(self._values(ref)), headers=self._headers))
        if answer.status == 404:
            return Found(False)
        if not 200 <= answer.status < 300:
            return Found(None)
        row = next(iter(_rows(payloads.parse(answer.body))), None)
        if row is None:
            return Found(False)
        state, provider_id = (
            self._state(row, self._path["status"] or STATUS),
            text_at(row, self._path["id"] or ID),
        )
        if state is None and provider_id is None:
            return Found(None)
        receipt = Receipt(state, ref, provider_id) if state and state != "retry" else None
        return Found(True, provider_id, receipt)


# --- small parsers --------------------------------------------------------------------------------------


def _headers(settings, kind: str) -> tuple[str, ...]:
    lines = [line.strip() for line in settings["headers"].splitlines() if ":" in line]
    lines = [line.replace("{secret}", settings["secret"]) for line in lines]
    if settings["method"] != "GET" and not any(line.lower().startswith("content-type:") for line in lines):
        lines.append(f"Content-Type: application/{kind}; charset=utf-8")
    return tuple(lines)


def _verdict(state: str | None, provider_id: str | None, code: str | None, reason: str) -> Result:
    if state in NOT_TAKEN:
        return Result("rejected", provider_id, code, reason)
    if state == "retry":
        return Result("retry", code=code, reason=reason)
    if state is None:
        return Result("unknown", provider_id, code, reason)
    return Result("accepted", provider_id)


def _rows(data: Any) -> list[Any]:
    """One or a list: the list itself, the only list of objects inside an object, or the object."""
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        rows = lists[0] if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]) else None
        return rows if rows is not None else [data]
    if isinstance(data, list):
        return data
    raise BadResponse(f"Neither an object nor a list: {str(data)[:60]!r}.")


def _seconds(retry_after: str) -> float | None:
    return min(float(retry_after), 3600.0) if retry_after.isdigit() else None


def _settled(outcomes: Sequence[Result | ProviderError]) -> list[Result]:
    """Raise when nothing at all was sent; else each text has its own result."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, ProviderError)]
    if len(errors) == len(outcomes):
        raise next((error for error in errors if isinstance(error, BadConfig)), errors[0])
    return [
        outcome
        if isinstance(outcome, Result)
        else Result("retry", reason=str(outcome), after_s=outcome.after_s or 10.0)
        for outcome in outcomes
    ]


@hookimpl
def register_providers():
    return [Http]
