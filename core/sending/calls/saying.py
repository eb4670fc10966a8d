"""What was said in a call, masked: request line, headers and body, and the answer."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from core.contract.types import Outgoing
from core.db import settings
from core.redact import Mask, numbers, parts_of

#: Exchanges kept of one call, and characters of each body.
KEPT, BODY = 5, 4_000
#: Setting: keep the words of messages in the log, not only their length.
WORDS_KEY = "calls.words"
#: Setting: days a row stays.
DAYS_KEY, DAYS = "calls.days", 30
_CODE = re.compile(r"[0-9]{4,10}")


def listen(provider: Any) -> None:
    """Forget what was said before the call that is to be logged."""
    heard = getattr(provider.outgoing, "heard", None)
    if heard:
        heard.clear()


def heard(provider: Any) -> list[tuple[Any, Any]]:
    """(request, answer or error) pairs since `listen`, in order; they are forgotten here."""
    kept = getattr(provider.outgoing, "heard", None)
    if not kept:
        return []
    calls = list(kept)
    kept.clear()
    return [pair for requests, answers in calls for pair in zip(requests, answers, strict=True)]


def secrets_of(provider: Any) -> list[str]:
    """Values of the settings that must never be seen, with the pieces they are made of; and the token of the
    addresses where the provider calls us, for whoever has it can send receipts and STOP words."""
    found: list[str] = re.findall(r"/hooks/([^/]+)/", provider.callback_url)
    for field in provider.Form():
        value = provider.settings.get(field.short_name) if provider.settings else None
        if value and (field.render_kw or {}).get("secret"):
            found += parts_of(str(value)) or [str(value)]
    return found


def mask_for(provider: Any, messages: Sequence[Outgoing] = ()) -> Mask:
    """The mask of an account's exchanges, and of the words of these messages."""
    words: set[str] = set()
    for message in messages:
        words.add(message.text)
        if message.cls == "otp":
            words.update(_CODE.findall(message.text))
        if message.vendor:
            words.update(str(value) for value in message.vendor.params.values())
    return Mask(secrets_of(provider), words, bool(settings.get(WORDS_KEY, False)))


def told(pairs: Iterable[tuple[Any, Any]], mask: Mask) -> list[dict[str, Any]]:
    """Exchanges as they are stored."""
    return [_one(request, answer, mask) for request, answer in list(pairs)[:KEPT]]


def _one(request: Any, answer: Any, mask: Mask) -> dict[str, Any]:
    method = request.method or ("GET" if request.body is None else "POST")
    said: dict[str, Any] = {
        "request": f"{method} {mask.url(request.url)}"[:BODY],
        "headers": [mask.header(line)[:BODY] for line in request.headers],
        "body": mask.body(request.body or b"")[:BODY],
    }
    if isinstance(answer, Exception):
        return said | {"error": mask.text(f"{type(answer).__name__}: {answer}")[:500]}
    return said | {"status": answer.status, "answer": mask.body(answer.body, answer=True)[:BODY]}


def trace(error: BaseException, mask: Mask) -> str:
    """Where an error came from, for the log: its lines of code, and its words masked; causes first."""
    cause = error.__cause__ or error.__context__
    before = trace(cause, mask) if cause else ""
    lines = "".join(traceback.format_tb(error.__traceback__))
    return f"{before}{lines}{type(error).__name__}: {sentence(error, mask)}\n"


def sentence(error: object, mask: Mask | None = None) -> str:
    """An error as one masked line."""
    text = str(error or "").replace("\x00", "")
    return (mask.text(text) if mask else numbers(text))[:250]
