"""Merging values into a text: `{{name}}`, `{{name|default:"friend"}}`, and at most ten filters.

A small language of our own instead of a template engine: no loops, attributes or calls, so a text can
neither read what it should not nor run for long (sandboxed Jinja2 still ran `'a'*2e8`).  Values are put in
once and never read again as text of the template; two braces in a row never come out of a value.

Speed: the text is cut once; a batch is merged column by column with one `%` per message.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from core.content import filters, honorific
from core.contract.errors import Refusal
from core.i18n import _

#: What Twilio, Braze and AWS take at most.
MAX_CHARS = 1600

_TAG = re.compile(r"\{\{([^{}]*)\}\}")
_FILTER = re.compile(
    r"""\s*(\w+)\s*(?:[:：]\s*(?:["“”]([^"“”]*)["“”]|['‘’]([^'‘’]*)['‘’]|([^\s"“”'‘’|｜:：]+))\s*)?"""
)
_NAME = re.compile(r"""[^"“”:：]+""")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]")
_DOUBLE = re.compile(r"\{(?=\{)")

#: Names that are never missing.
_ALWAYS = ("honorific", "optout_link", "preferences_link", "confirm_link")

#: Words people type for the names there are.
_ALIASES = {
    "姓名": "name", "名字": "first_name", "称呼": "honorific", "尊称": "honorific", "城市": "city",
    "邮箱": "email", "性别": "gender", "生日": "birthday", "国家": "country", "语言": "language",
    "firstname": "first_name", "fullname": "name", "salutation": "honorific", "title": "honorific",
    "mail": "email",
}  # fmt: skip


class BadText(Refusal):
    """A text that cannot be merged.  `span` is (start, end) of the place at fault."""

    def __init__(self, sentence: str, span: tuple[int, int], name: str = ""):
        super().__init__(sentence, field="text")
        self.span = span
        self.name = name


@dataclass(frozen=True, slots=True)
class NoText:
    """Why a contact gets no text: `reason` is "missing_field" (of `name`) or "too_long"."""

    reason: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    """One `{{…}}` of a text with its place; `filters` are (name, argument or None) pairs."""

    name: str
    filters: tuple[tuple[str, str | None], ...]
    start: int
    end: int

    @property
    def has_default(self) -> bool:
        """A contact without this value still gets the text."""
        return (
            self.name in _ALWAYS
            or self.name[:1] == "@"
            or any(name == "default" and arg for name, arg in self.filters)
        )


class Merge:
    """A compiled text.  `names` are the values it needs, `tags` its places; made by `compile`."""

    def __init__(self, text: str, lang: str, pieces: Sequence[str], tags: Sequence[Tag]):
        self.text = text
        self.lang = lang
        self.tags = tuple(tags)
        self.names = tuple(dict.fromkeys(tag.name for tag in tags))
        #: No fields: everyone gets the same words.
        self.static = not tags
        self._format = "%s".join(piece.replace("%", "%%") for piece in pieces)
        self._columns = [(tag.name, tag.filters) for tag in tags]
        self._steps = {key: _steps(*key, lang) for key in self._columns}

    def __repr__(self) -> str:
        return f"Merge({self.text!r})"

    def render(self, values: Mapping[str, Any]) -> str | NoText:
        """The text for one set of values; absent, None and empty values are missing."""
        return self.render_columns({name: [values.get(name)] for name in self.names}, 1)[0]

    def render_many(self, rows: Sequence[Sequence[Any]]) -> list[str | NoText]:
        """The texts of many rows of values in the order of `names`."""
        columns = dict(zip(self.names, zip(*rows, strict=True), strict=True)) if rows else {}
        return self.render_columns(columns, len(rows))

    def render_columns(self, columns: Mapping[str, Sequence[Any]], n: int) -> list[str | NoText]:
        """The texts of `n` contacts, a column of values a name, as `values.Reader` gives them.

        Results are in the order of the columns; `NoText` stands where a contact must be skipped.
        """
        if self.static:
            return [self.text] * n
        if not n:
            return []
        done = {key: step(columns[key[0]]) for key, step in self._steps.items()}
        merged = [done[key] for key in self._columns]
        texts: list[str | NoText] = list(map(self._format.__mod__, zip(*merged, strict=True)))
        if "{{" in "\0".join(texts):
            texts = [_DOUBLE.sub("{ ", text) for text in texts]
        if max(map(len, texts)) > MAX_CHARS:
            texts = [text if len(text) <= MAX_CHARS else NoText("too_long") for text in texts]
        for (name, _filters), column in done.items():
            if None in column:
                missing = NoText("missing_field", name)
                for at, value in enumerate(column):
                    if value is None:
                        texts[at] = missing
        return texts


def _steps(name: str, chain: Sequence[tuple[str, str | None]], lang: str) -> Callable:
    """One function from a column of values to a column of texts (None where missing)."""
    if name == "honorific" and not any(word == "default" for word, _arg in chain):
        chain = (("default", honorific.fallback(lang)), *chain)
    if not chain:
        return partial(filters.texts, lang=lang)
    if len(chain) == 1 and chain[0][0] == "default":
        return partial(filters.texts, lang=lang, default=chain[0][1] or None)
    functions = [partial(filters.FILTERS[word], arg=arg, lang=lang) for word, arg in chain]

    def run(values: Sequence[Any]) -> list[str | None]:
        for function in functions:
            values = [function(value) for value in values]
        return filters.texts(values, lang=lang)

    return run


def compile(text: str, lang: str = "en", known: Collection[str] | None = None) -> Merge:
    """Read a text once.  `lang` decides how dates, numbers and honorifics are written.

    Raises `BadText` with the place for syntax errors, unknown filters, texts over 1,600 characters and,
    when `known` is given, names that are not in it.
    """
    if bad := _UNPRINTABLE.search(text):
        raise BadText(
            _(
                "Character %(at)s (U+%(code)s) cannot be sent; remove it.",
                at=bad.start() + 1,
                code=f"{ord(bad[0]):04X}",
            ),
            bad.span(),
        )
    pieces, tags, at = [], [], 0
    for found in _TAG.finditer(text):
        pieces.append(_static(text, at, found.start()))
        tags.append(_tag(found, known))
        at = found.end()
    pieces.append(_static(text, at, len(text)))
    if (length := sum(map(len, pieces))) > MAX_CHARS:
        raise BadText(
            _("The text has %(n)s characters; at most %(max)s can be sent.", n=length, max=MAX_CHARS),
            (MAX_CHARS, len(text)),
        )
    return Merge(text, lang, pieces, tags)


def names_in(text: str) -> list[str]:
    """The names a text uses, in order, also when it has errors elsewhere."""
    return list(dict.fromkeys(re.split("[|｜]", found[1])[0].strip() for found in _TAG.finditer(text)))


def map_static(text: str, change: Callable[[str], str]) -> str:
    """The text with `change` applied to everything outside `{{…}}`."""
    pieces, at = [], 0
    for found in _TAG.finditer(text):
        pieces += [change(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*pieces, change(text[at:])])


def closest(name: str, known: Collection[str]) -> str | None:
    """The known name someone most likely meant, or None."""
    folded = {re.sub(r"[\s_-]", "", word).casefold(): word for word in known}
    plain = re.sub(r"[\s_-]", "", name).casefold()
    if plain in folded:
        return folded[plain]
    if _ALIASES.get(plain) in known:
        return _ALIASES[plain]
    near = difflib.get_close_matches(plain, folded, n=1, cutoff=0.6)
    return folded[near[0]] if near else None


def _static(text: str, start: int, end: int) -> str:
    piece = text[start:end]
    if (opened := piece.find("{{")) >= 0:
        at = start + opened
        sentence = _("“{{” at character %(at)s is never closed; write {{name}}.", at=at + 1)
    elif (closed := piece.find("}}")) >= 0:
        at = start + closed
        sentence = _("“}}” at character %(at)s has no “{{” before it.", at=at + 1)
    else:
        return piece
    raise BadText(sentence, (at, at + 2))


def _tag(found: re.Match[str], known: Collection[str] | None) -> Tag:
    """Read the inside of one `{{…}}`; full-width marks of Chinese keyboards count as the plain ones."""
    span, inside = found.span(), found[1]
    parts = _split_pipes(inside)
    name = parts[0].strip()
    if not name or not _NAME.fullmatch(name):
        raise BadText(
            _("{{%(inside)s}} at character %(at)s has no field name.", inside=inside, at=span[0] + 1), span
        )
    chain = []
    for part in parts[1:]:
        match = _FILTER.fullmatch(part)
        if match is None:
            raise BadText(
                _("“%(part)s” at character %(at)s is no filter; write for instance |default:\"friend\".",
                  part=part.strip(), at=span[0] + 1),
                span,
            )  # fmt: skip
        word, arg = match[1], next((arg for arg in match.groups()[1:] if arg is not None), None)
        if problem := filters.problem(word, arg):
            raise BadText(_("Character %(at)s: %(problem)s", at=span[0] + 1, problem=problem), span)
        chain.append((word, arg))
    if any(word == "honorific" for word, _arg in chain):
        if name != "name":
            raise BadText(_("The filter honorific works on name only, not on %(name)s.", name=name), span)
        name, chain = "honorific", [step for step in chain if step[0] != "honorific"]
    if known is not None and name not in known:
        hint = closest(name, known)
        raise BadText(
            _("There is no field “%(name)s” (character %(at)s); did you mean “%(hint)s”?",
              name=name, at=span[0] + 1, hint=hint)
            if hint else _("There is no field “%(name)s” (character %(at)s).", name=name, at=span[0] + 1),
            span, name,
        )  # fmt: skip
    return Tag(name, tuple(chain), *span)


def _split_pipes(inside: str) -> list[str]:
    """Cut at pipes outside quotes."""
    parts, quoted = [""], False
    for char in inside:
        if char in '"“”':
            quoted = not quoted
        if char in "|｜" and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return parts
