"""Reading what an HTTP gateway answers to a submit (http.py)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from itertools import repeat
from typing import Any

import orjson

from core import BadConfig, BadResponse, ProviderError, Result, Throttled
from core.contract import payloads
from core.contract.payloads import find, steps, text_at

#: In the answer to a submit these states mean that the text was not taken.
NOT_TAKEN = frozenset({"rejected", "undelivered", "expired"})
#: Status codes (RFC 9110) that say: address or credentials are wrong, nothing was sent.
MISCONFIGURED = frozenset({401, 403, 404, 405})
#: The text was refused for what it is.  408 and 409 prove nothing.
REFUSED = frozenset(range(400, 500)) - MISCONFIGURED - {408, 409, 429}

#: Sorts of answers of which it is kept where they have their status and id.
PLANS = 100

#: Where gateways usually put things, used where no path is set and, for receipts, after the path that is.
USUAL = {
    "id": steps("id|message_id|messageId|msgid|message-id|sid|uuid"),
    "status": steps("status|state|stat|messageStatus|message_status|success|ok|result"),
    "ref": steps("ref|reference|client_ref|clientRef|client-ref|custom_id"),
    "code": steps("code|error_code|errorCode|err|err-code"),
}
#: (outcome, provider's id, and no more) as a `Result`, without the call of a Python function.
_result = partial(tuple.__new__, Result)
_SILENT = [repeat(None)] * (len(Result._fields) - 2)

REASON = steps("reason|error|description|error.message|message")
FAULT = steps("error|errors|fault|exception")


class Answers:
    """What an account's gateway says, read by its settings."""

    def __init__(self, settings):
        self._words = {**payloads.STATUS_WORDS, **dict(payloads.status_lines(settings["status_map"]))}
        #: Paths that are set, and where to look: there, else at the usual places.
        self.path = {name: steps(settings[f"{name}_path"]) for name in USUAL}
        self.where = {name: path or USUAL[name] for name, path in self.path.items()}
        self._hidden = [settings[name] for name in ("secret", "webhook_secret") if settings[name]]
        self._hidden += [line.partition(":")[2].strip() for line in settings["headers"].splitlines()]
        #: The names of an answer → where in it the status and the id are (`_plan`).
        self._plans: dict[tuple[str, ...], tuple[str, str] | None] = {}
        #: The last 2xx body with what it said: a gateway without ids says the same of every text.
        self._last: tuple[bytes, Result] = (b"", Result("unknown"))

    def each(self, answers: Sequence[Any]) -> list[Result | ProviderError]:
        """An answer a text: its result, or an error that proves it was not sent."""
        return self._all_taken(answers) or list(map(self.outcome, answers))

    def outcome(self, answer: Any) -> Result | ProviderError:
        """One answer for one text: a result, or an error that proves it was not sent."""
        if isinstance(answer, ProviderError):
            return answer if answer.proves_not_sent else Result("unknown", reason=self._hide(answer))
        if 200 <= answer.status < 300:
            body = answer.body
            if not body or body != self._last[0]:
                self._last = body, self._plain(body) or self._taken(body)
            return self._last[1]
        try:
            data = payloads.parse(answer.body)
        except BadResponse:
            data = {}
        said = f"HTTP {answer.status}"
        reason = self._hide(text_at(data, REASON) or said)
        code = text_at(data, self.where["code"]) or said
        if answer.status == 429:
            return Throttled(reason, after_s=_capped(answer.retry_after_s))
        if answer.status in REFUSED or (
            answer.status in MISCONFIGURED and self.state(data, self.where["status"]) in NOT_TAKEN
        ):
            return Result("rejected", code=code[:60], reason=reason)
        if answer.status in MISCONFIGURED:
            return BadConfig(f"The gateway answered {said}: {reason}. Check URL and credentials.")
        return Result("unknown", code=code[:60], reason=reason)

    def outcomes(self, answer: Any, n: int) -> list[Result | ProviderError]:
        """One answer for a whole batch: its list has one element a text, in order."""
        if not 200 <= answer.status < 300 or not answer.body.strip():
            return [self.outcome(answer)] * n
        found = rows(payloads.parse(answer.body))
        if len(found) != n:
            raise BadResponse(f"{n} texts were sent and {len(found)} were answered for.")
        return [self._said(row) for row in found]

    def state(self, data: Any, where: payloads.Path) -> str | None:
        """The state a status word at one of the paths stands for; None when there is none."""
        word = text_at(data, where)
        return None if word is None else self._words.get(payloads.word_key(word))

    def _all_taken(self, answers: Sequence[Any]) -> list[Result] | None:
        """Their results, where every answer says that its text was taken, names it, and says no more.

        All are parsed at once.  Each is an object of its own: there is a line feed between them, which no text of
        JSON can hold, and no brace but the one each begins with.
        """
        kinds, n = set(map(type, answers)), len(answers)
        if len(kinds) != 1 or issubclass(kinds.pop(), ProviderError) or {a.status for a in answers} != {200}:
            return None
        lines = b"[\n" + b",\n".join([answer.body for answer in answers]) + b"]"
        if not lines.count(b"{") == lines.count(b"\n{") == n:
            return None
        try:
            rows = orjson.loads(lines)
        except orjson.JSONDecodeError:
            return None
        sorts = set(map(tuple, rows))
        plan = self._place(sorts.pop()) if len(rows) == n and len(sorts) == 1 else None
        if plan is None:
            return None
        status, id_ = plan
        names, words = [row[id_] for row in rows], [row[status] for row in rows] if status else []
        if set(map(type, names + words)) != {str} or "" in names or "" in words:
            return None
        if not all(map(self._is_taken, set(words))):
            return None
        return list(map(_result, zip(repeat("accepted"), names, *_SILENT)))  # noqa: B905

    def _is_taken(self, word: str) -> bool:
        return self._words.get(payloads.word_key(word)) == "accepted"

    def _place(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        """Where answers with these names have status and id; None where that is not plain."""
        if names not in self._plans:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            self._plans[names] = self._plan(names)
        return self._plans[names]

    def _plain(self, body: bytes) -> Result | None:
        """What `_said` makes of an object that says at its top that the text was taken; None for all others."""
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        if type(data) is not dict:
            return None
        if (plan := self._place(tuple(data))) is None:
            return None
        status, id_ = plan
        # Only texts that say something: of others the slow way looks further.
        for name in filter(None, plan):
            if type(data[name]) is not str or not data[name]:
                return None
        if status and not self._is_taken(data[status]):
            return None
        return Result("accepted", data[id_])

    def _plan(self, names: tuple[str, ...]) -> tuple[str, str] | None:
        """The names of the status ("" for none) and of the id, where each is a single step away."""
        found = []
        for path in (self.where["status"], self.where["id"]):
            first = next((one for one in path if not one or one[0] in names), ("",))
            if len(first) != 1:
                return None
            found.append(first[0])
        return (found[0], found[1]) if found[1] else None

    def _taken(self, body: bytes) -> Result:
        """What a 2xx says of one text."""
        if not body.strip():
            return Result("unknown", reason="empty answer") if self.path["id"] else Result("accepted")
        try:
            return self._said(payloads.parse(body))
        except BadResponse:
            words = re.findall(r"[\w.-]+", body[:300].decode("utf-8", "replace"))
            state = self._words.get(payloads.word_key(words[0])) if words else None
            if self.path["id"] or len(words) > 5:
                state = None
            provider_id = words[1] if state and len(words) > 1 else None
            return _verdict(state, provider_id, "", self._hide(" ".join(words[:12])))

    def _said(self, data: Any) -> Result:
        if isinstance(data, list) and len(data) == 1:
            data = data[0]
        word = text_at(data, self.where["status"])
        state = None if word is None else self._words.get(payloads.word_key(word))
        provider_id = text_at(data, self.where["id"])
        if not self.path["status"]:
            word = None
        if state is None and word is None and isinstance(data, dict):
            fine = provider_id is not None or (not self.path["id"] and find(data, FAULT) is None)
            state = "accepted" if fine else None
        if state == "accepted":
            return Result("accepted", provider_id)
        reason = self._hide(text_at(data, REASON) or "")
        reason = reason or (f"status {word!r}" if word else "no id in the answer")
        return _verdict(state, provider_id, text_at(data, self.where["code"]), reason)

    def _hide(self, text: Any) -> str:
        text = str(text)
        for secret in self._hidden:
            text = text.replace(secret, "…") if secret else text
        return text[:200]


def rows(data: Any) -> list[Any]:
    """One or a list: the list itself, the only list of objects inside an object, or the object."""
    if isinstance(data, dict):
        lists = [value for value in data.values() if isinstance(value, list)]
        found = lists[0] if len(lists) == 1 and all(isinstance(row, dict) for row in lists[0]) else None
        return found if found is not None else [data]
    if isinstance(data, list):
        return data
    raise BadResponse(f"Neither an object nor a list: {str(data)[:60]!r}.")


def _verdict(state: str | None, provider_id: str | None, code: str | None, reason: str) -> Result:
    if state in NOT_TAKEN:
        return Result("rejected", provider_id, code, reason)
    if state == "retry":
        return Result("retry", code=code, reason=reason)
    if state is None:
        return Result("unknown", provider_id, code, reason)
    return Result("accepted", provider_id)


def _capped(after_s: float | None) -> float | None:
    return min(after_s, 3600.0) if after_s else None
