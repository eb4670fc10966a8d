"""Any HTTP gateway, described by settings.

One request a text, many at once; where the body has a list whose one element holds {to}, that element is
repeated and one request carries the whole batch.  Receipts come by webhook as JSON or form, one or a list.

May be in doubt: a request that was written and got no usable answer, any 5xx, 3xx, 408 or 409, and a 2xx that
cannot be understood.  Only a connection that was never made, 429, a 4xx or a status word that says so prove
that a text was not accepted.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core import (
    BadResponse,
    Forged,
    Found,
    Inbound,
    Outgoing,
    Provider,
    Receipt,
    Result,
    clock,
    hookimpl,
)
from core.contract import payloads
from core.contract.payloads import Template, find, json_text, steps, text_at, time_of, url_text
from core.gateway import settled
from core.i18n import _l
from plugins.providers._answers import REASON, USUAL, Answers, rows
from plugins.providers._http import NAMES, Settings, is_json

#: One text a request: as many in a call as the gateway takes in about this long, so that none waits for its
#: turn until the call's time is up.
CALL_S, CALL_MOST = 2.0, 5000

#: Placeholders that a message fills.
MESSAGE_NAMES = ("ref", "to", "text", "sender")
AT = steps("at|time|timestamp|done_at|doneDate|done_date")
TO = steps("to|recipient|destination")


class Http(Provider):
    """A gateway by settings."""

    name = "http"
    group = "own"
    title = _l("HTTP gateway")
    about = _l(
        "Any gateway that takes texts by HTTP, described by settings: JSON or form, one text or many a request."
    )
    Form = Settings
    pushes = True

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self.idempotency_ttl_s = settings["idempotency_ttl_s"] or None
        self.echoes_reference = bool(settings["ref_path"])
        self.can_look_up = bool(settings["lookup_url"])
        self.optout_codes = tuple(settings["optout_codes"].replace(",", " ").split())
        self._client = None
        self._answers = Answers(settings)
        self._in_receipt = {name: path | USUAL[name] for name, path in self._answers.path.items()}
        body = settings["body"] if settings["method"] != "GET" else ""
        write = json_text if is_json(body) else url_text
        parts = payloads.repeated(body, "to") if is_json(body) and settings["batch"] > 1 else None
        before, body, after = parts or ("", body, "")
        self._bulk = parts is not None
        self.batch_size = settings["batch"] if self._bulk else min(CALL_MOST, 4 * settings["concurrency"])
        self._body = Template(body, NAMES, write) if body else None
        self._before, self._after = (Template(text, NAMES, write) for text in (before, after))
        self._url = Template(settings["url"], NAMES, url_text)
        self._look_up_url = Template(settings["lookup_url"], NAMES, url_text)
        self._constant = {"secret": settings["secret"], "callback": callback_url}
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
        n, method, began = len(messages), self.settings["method"], clock.monotonic()
        columns = self._columns(messages)
        bodies = self._body.fill_all(columns, n) if self._body else []
        if self._bulk:
            first = messages[0]._asdict() | self._constant
            before, after = self._before.fill(first).encode(), self._after.fill(first).encode()
            whole = before + b", ".join(bodies) + after
            request = Request(self._url.fill(first), whole, self._headers, method)
            return settled(self._answers.outcomes(self._http().send(request), n))
        urls = [url.decode() for url in self._url.fill_all(columns, n)] if self._url.names else []
        requests = [
            Request(url, body, self._headers, method)
            for url, body in zip(urls or [self._url.fill({})] * n, bodies or [None] * n, strict=True)
        ]
        answers = self._http().send_many(requests)
        if n >= self.settings["concurrency"]:
            pace = n / max(clock.monotonic() - began, 0.001)
            self.batch_size = max(self.settings["concurrency"], min(CALL_MOST, int(pace * CALL_S)))
        return settled(self._answers.each(answers))

    def _columns(self, messages: Sequence[Outgoing]) -> dict[str, str | list[str]]:
        """What the templates take: a value for each message, or one for all of them."""
        taken = self._url.names | (self._body.names if self._body else frozenset())
        each = [name for name in MESSAGE_NAMES if name in taken]
        return {name: [getattr(m, name) for m in messages] for name in each} | self._constant

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
        for row in rows(data):
            try:
                yield read(row)
            except BadResponse as error:
                trouble = error
        if trouble is not None:
            raise trouble

    def _receipt(self, row: Any) -> Receipt:
        where = self._in_receipt
        state = self._answers.state(row, where["status"])
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
        return Inbound(
            sender, text, text_at(row, TO) or "", text_at(row, USUAL["id"]), time_of(find(row, AT))
        )

    def poll(self, refs) -> Iterable[Receipt]:
        """Not by HTTP in general: gateways differ too much; receipts come by webhook."""
        return ()

    def look_up(self, ref: str) -> Found:
        from core.http import Request

        values = dict.fromkeys(NAMES, "") | self._constant | {"ref": ref}
        answer = self._http().send(Request(self._look_up_url.fill(values), headers=self._headers))
        if answer.status == 404:
            return Found(False)
        if not 200 <= answer.status < 300:
            return Found(None)
        row = next(iter(rows(payloads.parse(answer.body))), None)
        if row is None:
            return Found(False)
        state, provider_id = (
            self._answers.state(row, self._answers.where["status"]),
            text_at(row, self._answers.where["id"]),
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


@hookimpl
def register_providers():
    return [Http]
