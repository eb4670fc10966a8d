"""Reading what gateways say and writing what they want: bodies, paths, status words, templates.

Pure helpers for provider plugins; everything they cannot understand is a `BadResponse`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson

from core.contract.errors import BadResponse

#: Words gateways use for a state, as `word_key` writes them.  Usual words of HTTP gateways; the forms with
#: missing letters are those of SMPP receipts (SMPP 3.4, appendix B).
STATUS_WORDS: Mapping[str, str] = {
    word: state
    for state, words in {
        "accepted": "accepted accept accepting acceptd queued queue enroute sent sending submitted scheduled "
        "buffered ok success successful true 200 201 202 pending processing processed created received",
        "delivered": "delivered delivrd delivery deliveredtohandset deliveredtoterminal read seen",
        "undelivered": "undelivered undeliv undeliverable failed fail failure error notdelivered blocked deleted "
        "permanentfailure temporaryfailure technicalfailure false unknownsubscriber unreachable",
        "expired": "expired ttlexpired timeout timedout validityexpired",
        "rejected": "rejected reject rejectd invalid refused denied forbidden barred",
        "retry": "throttled throttle ratelimited toomanyrequests busy retry",
    }.items()
    for word in words.split()
}


@lru_cache(maxsize=1024)
def word_key(word: Any) -> str:
    """A status word as it is compared: lower case, letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", str(word).lower())


def status_lines(text: str) -> list[tuple[str, str]]:
    """Lines "WORD=state" as pairs."""
    pairs = (line.partition("=") for line in re.split(r"[\n;,]", text) if line.strip())
    return [(word_key(word), state.strip().lower()) for word, _, state in pairs]


def parse(body: bytes, content_type: str = "") -> Any:
    """The data of a body: JSON, else a form (first value of each name).  Raises `BadResponse`."""
    raw = body.strip()
    if "json" in content_type or raw[:1] in (b"{", b"["):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadResponse(f"The body is no valid JSON: {error}.") from None
    try:
        text = raw.decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        raise BadResponse("The body is neither JSON nor a form.") from None
    if not pairs or ("=" not in text):
        raise BadResponse(f"The body is neither JSON nor a form: {text[:80]!r}.")
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name, value)
    return found


class Path(tuple[tuple[str, ...], ...]):
    """Where a value is: alternatives of steps.  `firsts` are the names an object must have one of."""

    firsts: frozenset[str]

    def __new__(cls, alternatives: Iterable[tuple[str, ...]]) -> Path:
        made = super().__new__(cls, alternatives)
        made.firsts = frozenset(one[0] for one in made if one)
        return made

    def __or__(self, other: Path) -> Path:
        return Path((*self, *other))


def steps(path: str) -> Path:
    """A path such as "data.messages[0].id|id"; "$." in front is fine."""
    plain = re.sub(r"\[(\d+)\]", r".\1", path).replace("$", "")
    return Path(tuple(s for s in one.strip().split(".") if s) for one in plain.split("|") if one.strip())


def find(data: Any, path: Path) -> Any:
    """The first value there is at one of the paths; None when there is none."""
    if type(data) is dict and path.firsts.isdisjoint(data):
        return None
    for one in path:
        found = data
        for step in one:
            if type(found) is dict:
                found = found.get(step)
            elif type(found) is list and step.isdigit() and int(step) < len(found):
                found = found[int(step)]
            else:
                found = None
                break
        if found is not None and found != "":
            return found
    return None


def text_at(data: Any, path: Path) -> str | None:
    """The value as text; None when there is none or it is no plain value."""
    found = find(data, path)
    if found is None or type(found) is str:
        return found
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, int | float) else None


def time_of(value: Any) -> datetime | None:
    """An aware datetime of what gateways write: ISO 8601, epoch seconds or milliseconds; None otherwise.

    A time without a zone is taken as UTC.
    """
    if value is None:
        return None
    try:
        if isinstance(value, int | float) or str(value).isdigit():
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        made = datetime.fromisoformat(str(value))
        return made if made.tzinfo else made.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


class Template:
    """A text with values in place of {name}; made once, filled often.

    `write` is how a value stands in the text; it must do so character by character.
    """

    def __init__(self, text: str, names: Sequence[str], write: Callable[[str], str]):
        self._pieces = re.split(r"\{(" + "|".join(names) + r")\}", text)
        #: What it takes.
        self.names = frozenset(self._pieces[1::2])
        self._write = write

    def fill(self, values: Mapping[str, str]) -> str:
        """One text."""
        written = {name: self._write(values[name]) for name in self.names}
        return "".join([written[p] if at % 2 else p for at, p in enumerate(self._pieces)])

    def fill_all(self, columns: Mapping[str, str | Sequence[str]], n: int) -> list[bytes]:
        """`n` texts in UTF-8; a column is one value for all of them or a value for each.

        What all share becomes part of the format, so that a text is written and encoded once.
        """
        line, varying = [], []
        for at, piece in enumerate(self._pieces):
            column = columns[piece] if at % 2 else piece
            if isinstance(column, str) or column.count(column[0]) == n:
                shared = column if isinstance(column, str) else column[0]
                line.append((self._write(shared) if at % 2 else shared).encode().replace(b"%", b"%%"))
            else:
                line.append(b"%b")
                varying.append(self._written(column))
        form = b"".join(line)
        return [form % row for row in zip(*varying, strict=True)] if varying else [form % ()] * n

    def _written(self, column: Sequence[str]) -> list[bytes]:
        """Each value as it stands in the text: numbers and references mostly stand as they are."""
        whole = "".join(column)
        if self._write(whole) == whole:
            return [value.encode() for value in column]
        known = {value: self._write(value).encode() for value in set(column)}
        return [known[value] for value in column]


def json_text(value: str) -> str:
    """A value as it stands between the quotes of a JSON text."""
    return orjson.dumps(value).decode()[1:-1]


def url_text(value: str) -> str:
    """A value as it stands in a URL or a form."""
    return quote(value, safe="")


def repeated(body: str, name: str) -> tuple[str, str, str] | None:
    """Split JSON around the one element of a list that mentions {name}: (before, element, after).

    `{"messages": [{"to": "{to}"}]}` → `{"messages": [`, `{"to": "{to}"}`, `]}`; None where there is none.
    """
    mark, found = "\x00", []

    def walk(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            if len(node) == 1 and not found and f"{{{name}}}" in json.dumps(node[0], ensure_ascii=False):
                found.append(node[0])
                return [mark]
            return [walk(value) for value in node]
        return node

    whole = json.dumps(walk(json.loads(body)), ensure_ascii=False)
    if not found:
        return None
    before, _, after = whole.partition(json.dumps(mark))
    return before, json.dumps(found[0], ensure_ascii=False), after
