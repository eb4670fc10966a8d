"""The base of vendors reached by HTTP: a plugin says what a request and an answer look like, and no more.

The wire, many requests at once, which answers prove that nothing was sent, and keeping secrets and numbers out
of every sentence are here, so that each vendor's file is its own facts and small parsers.

May be in doubt: a request that was written and got no usable answer, 3xx, 408, 409, any 5xx, and a 2xx that
cannot be understood.  Only a connection that was never made, 429, another 4xx and a refusal in the vendor's
own words prove that a text was not taken.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from core import clock
from core.bodies import basic as basic
from core.bodies import fields_of as fields_of
from core.bodies import form_body as form_body
from core.bodies import form_of as form_of
from core.bodies import micros as micros
from core.bodies import parsed as parsed
from core.bodies import said as said
from core.contract.errors import BadConfig, BadResponse, ProviderError, Throttled
from core.contract.kinds import KINDS
from core.contract.types import Outgoing, Provider, Receipt, Result

if TYPE_CHECKING:
    from core.http import Client, Request, Response

#: A call takes about this long, so that no text waits for its turn until the call's time is up.
CALL_S, CALL_MOST = 2.0, 1000
#: Status codes (RFC 9110) that say: address or credentials are wrong, nothing was sent.
MISCONFIGURED = frozenset({401, 403, 404, 405})
#: The request was refused for what it is.  408, 409 and 425 prove nothing.
REFUSED = frozenset(range(400, 500)) - MISCONFIGURED - {408, 409, 425, 429}
#: A one-time code that waits longer than this at a vendor is worth nothing.
OTP_VALID_S = 600
#: What reading an answer of another shape than the vendor's raises.
SENSELESS = (KeyError, TypeError, ValueError, AttributeError, IndexError)
#: What may be a phone number in a vendor's sentence.
_DIGITS = re.compile(r"\+?\d[\d\s().-]{5,}\d")


class Gateway(Provider):
    """A vendor's HTTP API.  Subclasses give `request` and `taken`, and where it pays `declined` and `alike`."""

    #: Texts one request may carry, and requests at the same time.
    per_request: int = 1
    concurrency: int = 50

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        self._client: Client | None = None
        self._hidden = _secrets(self.Form(), settings)
        self.optout_codes = tuple(code for code, kind in self.errors.items() if kind == "optout")
        self.batch_size = min(CALL_MOST, self.per_request * self.concurrency * 4)

    # --- what a vendor says -------------------------------------------------------------------------------

    def request(self, messages: Sequence[Outgoing]) -> Request:
        """The request that submits these (one, or up to `per_request` of which `alike` says the same)."""
        raise NotImplementedError

    def taken(self, messages: Sequence[Outgoing], data: Any) -> Sequence[Result | ProviderError]:
        """What a 2xx with this parsed body says of each.

        Raise `BadResponse` for what makes no sense, and an error that proves nothing was sent only for an answer
        that refuses all of them: for one of several give `refused_one`.
        """
        raise NotImplementedError

    def read(self, body: bytes) -> Any:
        """The body of an answer as `taken`, `fault` and `declined` get it: JSON, or None where it is none."""
        return parsed(body)

    def alike(self, message: Outgoing) -> Hashable:
        """Texts with the same answer may travel in one request."""
        return None

    def fault(self, data: Any) -> tuple[str, str]:
        """(code, sentence) of a body that tells an error; ("", "") when it tells none."""
        return "", ""

    def declined(self, response: Response, data: Any) -> Result:
        """What an answer other than 2xx says; raise a `ProviderError` that proves nothing was sent."""
        said = f"HTTP {response.status}"
        code, reason = self.fault(data)
        reason = reason or said
        if response.status == 429:
            raise Throttled(self.plain(reason), after_s=min(response.retry_after_s or 0.0, 3600.0) or None)
        if code and response.status < 500 and response.status not in (408, 409, 425) and code in self.errors:
            return self.refusal(code, reason)
        if response.status in MISCONFIGURED:
            raise BadConfig(
                self.plain(f"{self.title} answered {said}: {reason}. Check address and credentials.")
            )
        if response.status in REFUSED:
            return self.refusal(code or said, reason)
        return Result("unknown", code=(code or said)[:60], reason=self.plain(reason))

    def refusal(self, code: Any, reason: str = "", *, after_s: float | None = None) -> Result:
        """As `Provider.refusal`, the vendor's sentence without secrets and numbers."""
        return super().refusal(code, self.plain(reason), after_s=after_s)

    def refused_one(self, code: Any, reason: str = "") -> Result | ProviderError:
        """A refusal of one text among several, for `taken`: an error of the account is given, not raised.

        Raised, it would say of the texts beside it, too, that they were not sent.
        """
        try:
            return self.refusal(code, reason)
        except BadConfig as error:
            return error

    def callback(self, ref: str = "") -> str:
        """Where the vendor shall call for receipts, with our reference in the query if given.

        "" when our address is one that nobody outside can reach: vendors refuse texts with such a callback.
        """
        host = urlsplit(self.callback_url).hostname or ""
        if "." not in host or host.startswith("127.") or host.endswith((".local", ".localhost")):
            return ""
        return f"{self.callback_url}?{urlencode({'ref': ref})}" if ref else self.callback_url

    def valid_s(self, message: Outgoing, given_s: int) -> int:
        """How long a text may wait at the vendor: as set, and a one-time code ten minutes at most."""
        return min(given_s, OTP_VALID_S) if message.cls == "otp" else given_s

    def receipt(
        self,
        state: str | None,
        ref: str = "",
        provider_id: str = "",
        *,
        code: str = "",
        reason: str = "",
        at: datetime | None = None,
        parts: int | None = None,
        cost_micros: int | None = None,
    ) -> Receipt:
        """A receipt of what a vendor said.  Raises `BadResponse` for an unknown state or no message named."""
        if state is None:
            raise BadResponse("The receipt has no known status.")
        if not ref and not provider_id:
            raise BadResponse("The receipt names no message.")
        words = self.plain(reason) if reason and state != "delivered" else None
        return Receipt(
            state, ref or None, provider_id or None, at, code[:60] or None, words, parts, cost_micros
        )

    # --- the wire -----------------------------------------------------------------------------------------

    def http(self) -> Client:
        """The client of this instance; made when first needed, because libcurl costs 20 ms."""
        from core.http import Client

        if self._client is None:
            self._client = Client(self.outgoing, concurrency=self.concurrency)
        return self._client

    def close(self):
        if self._client is not None:
            self._client.close()
            self._client = None

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if not messages:
            return []
        began, chunks = clock.monotonic(), list(self._chunks(messages))
        outcomes: list[Result | ProviderError] = [Result("unknown")] * len(messages)
        going = chunks
        while going:
            answers = self.http().send_many([self.request([messages[at] for at in chunk]) for chunk in going])
            alone: list[list[int]] = []
            for chunk, answer in zip(going, answers, strict=True):
                if len(chunk) > 1 and self._for_one(answer):
                    alone += [[at] for at in chunk]
                    continue
                for at, outcome in zip(
                    chunk, self._read([messages[at] for at in chunk], answer), strict=True
                ):
                    outcomes[at] = outcome
            going = alone
        if len(chunks) >= self.concurrency:
            pace = len(messages) / max(clock.monotonic() - began, 0.001)
            least = self.per_request * self.concurrency
            self.batch_size = max(least, min(CALL_MOST, int(pace * CALL_S)))
        return settled(outcomes)

    def ask(self, request: Request) -> Any:
        """The parsed body of a call that sends nothing (balance, look-up, poll).

        Raises `BadConfig` for wrong credentials, `BadResponse` for any other answer than 2xx.
        """
        response = self.http().send(request)
        data = self.read(response.body)
        if response.status in MISCONFIGURED:
            raise BadConfig(f"{self.title} answered HTTP {response.status}. Check address and credentials.")
        if not 200 <= response.status < 300:
            raise BadResponse(self.plain(f"HTTP {response.status}: {self.fault(data)[1]}"))
        return data

    def plain(self, sentence: Any) -> str:
        """A vendor's sentence without this account's secrets and without phone numbers, 200 characters."""
        text = str(sentence)
        for secret in self._hidden:
            text = text.replace(secret, "…")
        return _DIGITS.sub(lambda found: "…" + found[0][-4:], text)[:200]

    def _chunks(self, messages: Sequence[Outgoing]) -> Iterator[list[int]]:
        if self.per_request == 1:
            yield from ([at] for at in range(len(messages)))
            return
        groups: dict[Hashable, list[int]] = {}
        for at, message in enumerate(messages):
            groups.setdefault(self.alike(message), []).append(at)
        for group in groups.values():
            for first in range(0, len(group), self.per_request):
                yield group[first : first + self.per_request]

    def _for_one(self, answer: Response | ProviderError) -> bool:
        """Was a request refused as a whole, perhaps for one text of it?  Then each is tried by itself."""
        if isinstance(answer, ProviderError) or answer.status not in REFUSED:
            return False
        try:
            kind = self.kind(self.fault(self.read(answer.body))[0])
        except SENSELESS:
            return False
        return kind != "account" and KINDS[kind].outcome == "rejected"

    def _read(
        self, messages: Sequence[Outgoing], answer: Response | ProviderError
    ) -> Sequence[Result | ProviderError]:
        n = len(messages)
        if isinstance(answer, ProviderError):
            lost = Result("unknown", code=type(answer).__name__, reason=self.plain(answer))
            return [answer if answer.proves_not_sent else lost] * n
        data = self.read(answer.body)
        try:
            if not 200 <= answer.status < 300:
                return [self.declined(answer, data)] * n
            results: list[Result | ProviderError] = list(self.taken(messages, data))
        except ProviderError as error:
            proof = error.proves_not_sent
            return [error if proof else Result("unknown", code="bad_response", reason=self.plain(error))] * n
        except SENSELESS:
            return [Result("unknown", code="bad_response", reason="The answer makes no sense.")] * n
        if len(results) != n:
            return [
                Result("unknown", code="bad_response", reason="An answer for another number of texts.")
            ] * n
        return results


def settled(outcomes: Sequence[Result | ProviderError]) -> list[Result]:
    """Raise when nothing at all was sent; else each text has its own result."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, ProviderError)]
    if not errors:
        return list(outcomes)
    if len(errors) == len(outcomes):
        raise next((error for error in errors if isinstance(error, BadConfig)), errors[0])
    return [
        outcome
        if isinstance(outcome, Result)
        else Result("retry", reason=str(outcome), after_s=outcome.after_s or 10.0)
        for outcome in outcomes
    ]


def _secrets(form: Any, settings: Any) -> list[str]:
    names = [field.short_name for field in form if (field.render_kw or {}).get("secret")]
    return [value for name in names if isinstance(value := settings.get(name), str) and value]
