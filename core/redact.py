"""Masks for what is kept or logged: secrets, phone numbers, words.

A stranger's answer may hold anything anywhere, so the rules are coarse: any run of seven digits and more is
treated as a number, with single spaces, dots, dashes or brackets inside it.  What looks like a date is not.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, urlencode

import orjson

DOTS = "••••"
#: So many different texts at once are not searched for inside others; what is longer than this is left out then.
MANY, LONG = 40, 60
_DIGITS = re.compile(r"\d(?:[ .()\-]{0,2}\d){6,}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_LOG_NUMBER = re.compile(r"(?<!\d)\d(?:[ .()\-]{0,2}\d){6,14}(?!\d)")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
#: Where in the code a line of a traceback is: it says where to look, and nobody's number.
_PLACE = re.compile(r'(^ *File ".*", line \d+)', re.M)
#: The token of a webhook's address, plain, in JSON and in a URL.
_HOOK = re.compile(r"(hooks(?:\\?/|%2F))[\w-]{20,}(?=\\?/|%2F)", re.I)
#: Names of fields, parameters and headers whose value is never kept.
_SECRET = re.compile(
    r"pass|pwd|secret|token|auth|api.?key|app.?key|credential|signature|^sig$|^key$|cookie|session", re.I
)
#: Names whose value is somebody's words: only their length is kept.
_WORDS = re.compile(
    r"^(text|body|message|msg|content|sms|words|hex.?content|templateparam.*|template_?params?.*|params?|"
    r"messagebody|textmessage|variables|code.?value|otp|pin|tts|speech|short_message|smstext|data)$",
    re.I,
)
#: In an answer "message" is the vendor's sentence; only what cannot be anything else is taken for words.
_ECHO = re.compile(r"^(text|body|sms|words|messagebody|textmessage|smstext|short_message|otp|pin)$", re.I)


def number(digits: str) -> str:
    """A number with its middle hidden: 8613800138000 → 86138••••8000.

    >>> number("8613800138000"), number("5551234")
    ('86138••••8000', '••••234')
    """
    return f"{digits[: max(0, min(5, len(digits) - 8))]}{DOTS}{digits[-4 if len(digits) > 7 else -3 :]}"


def numbers(text: str) -> str:
    """A text with every phone number in it masked.

    >>> numbers("+86 138-0013-8000 at 2026-11-22 02:01")
    '+86138••••8000 at 2026-11-22 02:01'
    """
    return _DIGITS.sub(_hidden, text)


def _hidden(found: re.Match[str]) -> str:
    run = found[0]
    date = _DATE.match(run)
    if date and not run[date.end() : date.end() + 1].isdigit():
        return date[0] + _DIGITS.sub(_hidden, run[date.end() :])
    return number("".join(char for char in run if char.isdigit()))


def hooks(text: str) -> str:
    """A text without the tokens of our addresses for webhooks.

    >>> hooks("https://shop.example/hooks/0123456789abcdefghij_-/receipt")
    'https://shop.example/hooks/••••/receipt'
    """
    return _HOOK.sub(rf"\1{DOTS}", text)


class Mask:
    """What must not be kept of one account and, for a send, of its messages.

    `secrets` are replaced by dots in any spelling, `words` by their length unless `keep_words`.
    """

    def __init__(self, secrets: Iterable[str] = (), words: Iterable[str] = (), keep_words: bool = False):
        self._keep_words = keep_words
        self._secrets = _longest({form for one in secrets for form in _spellings(one)})
        hidden = {} if keep_words else {self._dotted(one): f"‹{len(one)}›" for one in words if len(one) > 1}
        self._words = {form: told for one, told in hidden.items() for form in _spellings(one)}
        #: Many texts are looked up whole, and long strings are left out: to search each would take seconds.
        self._many = len(hidden) > MANY
        self._order = [] if self._many else _longest(self._words)

    def text(self, text: str) -> str:
        """A plain text."""
        text = self._dotted(text)
        if self._many and (text in self._words or len(text) > LONG):
            return f"‹{len(text)}›"
        for form in self._order:
            if form in text:
                text = text.replace(form, self._words[form])
        return numbers(text)

    def _dotted(self, text: str) -> str:
        for form in self._secrets:
            if form in text:
                text = text.replace(form, DOTS)
        return text

    def body(self, raw: bytes, *, answer: bool = False) -> str:
        """The body of a request or an answer: JSON and forms field by field, anything else as text."""
        if not raw:
            return ""
        names = _ECHO if answer else _WORDS
        try:
            return orjson.dumps(self.value(orjson.loads(raw), names=names)).decode()
        except orjson.JSONDecodeError:
            text = raw.decode("utf-8", "replace")
        if "=" in text and "<" not in text and "\n" not in text.strip():
            return self.query(text, names)
        return self.text(text)

    def query(self, text: str, names: re.Pattern[str] = _WORDS) -> str:
        """A form, or what stands behind the ? of a URL."""
        pairs = parse_qsl(text, keep_blank_values=True)
        return urlencode([(self.text(k), self.value(v, k, names)) for k, v in pairs], safe="‹›•+:/ ")

    def url(self, url: str) -> str:
        """A URL; what stands in its query is masked by name, too."""
        path, mark, query = url.partition("?")
        return self.text(path) + (mark + self.query(query) if mark else "")

    def header(self, line: str) -> str:
        """A header line."""
        name, colon, value = line.partition(":")
        return f"{name}: {self.value(value.strip(), name)}" if colon else self.text(line)

    def value(self, value: Any, name: str = "", names: re.Pattern[str] = _WORDS) -> Any:
        """A value of a JSON document below the name of its field; those of `names` are somebody's words."""
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(one, str(key), names) for key, one in value.items()}
        if isinstance(value, list):
            return [self.value(one, name, names) for one in value]
        if value is None or isinstance(value, bool):
            return value
        if _SECRET.search(name) and value != "":
            return DOTS
        text = str(value)
        if isinstance(value, str):
            if not self._keep_words and names.match(name):
                return f"‹{len(text)}›"
            return self.text(text)
        return value if self.text(text) == text else self.text(text)


def _longest(forms: Iterable[str]) -> list[str]:
    return sorted(forms, key=lambda form: (-len(form), form))


def _spellings(text: str) -> set[str]:
    """How a value may stand in a request: plain, in a URL, in a form, in JSON, in hexadecimal."""
    if not text:
        return set()
    ascii_json = "".join(char if ord(char) < 128 else f"\\u{ord(char):04x}" for char in text)
    return {
        *(text, quote(text, safe=""), quote(text), quote_plus(text), ascii_json),
        *(orjson.dumps(text).decode()[1:-1] if text.isprintable() else text,),
        *(text.encode("utf-16-be", "replace").hex(), text.encode("utf-16-be", "replace").hex().upper()),
    }


def parts_of(secret: str) -> list[str]:
    """A secret setting and the pieces that are secret by themselves: lines of headers, a token behind its
    scheme."""
    pieces = {secret.strip(), *(line.strip() for line in secret.splitlines())}
    pieces |= {piece for line in secret.splitlines() for piece in re.split(r"[\s:,;]+", line)}
    return sorted(piece for piece in pieces if len(piece) >= 3 and not _COMMON.fullmatch(piece))


_COMMON = re.compile(
    r"authorization|bearer|basic|apikey|x-[a-z-]+|accept|content-type|application/json|text/plain|key|token",
    re.I,
)


class LogFilter(logging.Filter):
    """Masks phone numbers and tokens of webhooks in log lines and the tracebacks below them.

    Ids of messages and leases have more digits; addresses of machines, dates and lines of files stay.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = logged(text)
        if masked != text:
            record.msg, record.args = masked, ()
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        # What a formatter finds here it takes as it is.
        record.exc_text = record.exc_text and traced(record.exc_text)
        record.stack_info = record.stack_info and traced(record.stack_info)
        return True


def logged(text: str) -> str:
    """A line of the log, masked.

    >>> logged("138-0013-8000 from 192.168.100.200 on lease 4611686018427387904")
    '138••••8000 from 192.168.100.200 on lease 4611686018427387904'
    """
    return hooks(_LOG_NUMBER.sub(_hidden_in_log, text))


def traced(text: str) -> str:
    """A traceback, masked; files and lines stay."""
    pieces = _PLACE.split(text)
    return "".join(piece if at % 2 else logged(piece) for at, piece in enumerate(pieces))


def _hidden_in_log(found: re.Match[str]) -> str:
    return found[0] if _ADDRESS.fullmatch(found[0]) else _hidden(found)


def guard_logs(handlers: Sequence[logging.Handler] | None = None) -> None:
    """Put the filter on the handlers of the root logger, once each."""
    for handler in logging.getLogger().handlers if handlers is None else handlers:
        if not any(isinstance(each, LogFilter) for each in handler.filters):
            handler.addFilter(LogFilter())
