"""Merge fields: unknown names, syntax errors, and values people of the audience do not have."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from core import ContentCheck, Draft, Finding, hookimpl
from core.content import merge
from core.i18n import _, _n

#: What a default button writes, a row a language: field → words; `*` takes the field's own name.
DEFAULTS = {
    "en": {"name": "friend", "first_name": "friend", "city": "your city", "*": "your %s"},
    "zh": {"name": "顾客", "first_name": "朋友", "city": "您的城市", "*": "您的%s"},
    "de": {"name": "Kundin oder Kunde", "first_name": "Freund", "city": "deiner Stadt", "*": "%s"},
    "tr": {"name": "müşterimiz", "first_name": "dostum", "city": "şehriniz", "*": "%s"},
}

#: The Chinese honorific begins with these characters already.
_TWICE = re.compile(r"(尊敬的\s*)\{\{\s*(?:honorific|name\s*\|\s*honorific)\b")


class Fields(ContentCheck):
    name = "fields"
    title = "Fields"

    def check(self, draft: Draft) -> Iterator[Finding]:
        if twice := _TWICE.search(draft.text):
            sentence = _("The form of address says “尊敬的” itself; people would read it twice.")
            fix = (_("Write it once"), draft.text[: twice.start()] + draft.text[twice.end(1) :])
            yield Finding("warn", "fields.twice", sentence, twice.span(1), fix)
        try:
            compiled = merge.compile(draft.text, draft.lang)
        except merge.BadText as error:
            yield Finding("block", "fields.syntax", str(error), error.span)
            return
        unknown = [tag for tag in compiled.tags if tag.name not in draft.fields]
        for tag in unknown:
            yield self._unknown(draft, tag)
        bad = {tag.name for tag in unknown}
        lacking = [tag for tag in compiled.tags if draft.missing.get(tag.name) and not tag.has_default]
        seen: set[str] = set()
        for tag in lacking:
            if tag.name not in bad | seen:
                seen.add(tag.name)
                yield self._missing(draft, tag)
        if compiled.tags and not unknown and not lacking and draft.audience is not None:
            yield Finding("good", "fields.complete", self._complete(draft))

    def _unknown(self, draft: Draft, tag: merge.Tag) -> Finding:
        span = (tag.start, tag.end)
        near = merge.closest(tag.name, draft.fields)
        if near is None:
            return Finding("block", "fields.unknown", _("There is no field “%(name)s”.", name=tag.name), span)
        sentence = _("There is no field “%(name)s”; did you mean “%(near)s”?", name=tag.name, near=near)
        fixed = _change(draft.text, tag.name, lambda _tag, inside: inside.replace(tag.name, near, 1))
        return Finding("block", "fields.unknown", sentence, span, (_("Use %(near)s", near=near), fixed))

    def _complete(self, draft: Draft) -> str:
        if draft.sampled:
            return _("Each of the newest %(all)s people has a value, or a default, for each field.",
                     all=f"{draft.audience:,}")  # fmt: skip
        return _("Everyone has a value, or a default, for each field.")

    def _missing(self, draft: Draft, tag: merge.Tag) -> Finding:
        lacking = draft.missing[tag.name]
        if draft.audience:
            of_all = {"n": f"{lacking:,}", "all": f"{draft.audience:,}", "name": tag.name}
            if draft.sampled:
                sentence = _n("%(n)s of the newest %(all)s people has no %(name)s and would get no text.",
                              "%(n)s of the newest %(all)s people have no %(name)s and would get no text.",
                              lacking, **of_all)  # fmt: skip
            else:
                sentence = _n("%(n)s of %(all)s people has no %(name)s and would get no text.",
                              "%(n)s of %(all)s people have no %(name)s and would get no text.",
                              lacking, **of_all)  # fmt: skip
        else:
            sentence = _n("One person has no %(name)s and would get no text.",
                          "%(n)s people have no %(name)s and would get no text.",
                          lacking, name=tag.name)  # fmt: skip
        words = DEFAULTS.get(draft.lang[:2].lower(), DEFAULTS["en"])
        default = words.get(tag.name) or words["*"].replace("%s", tag.name)
        fixed = _change(
            draft.text,
            tag.name,
            lambda found, inside: inside if found.has_default else f'{inside.rstrip()}|default:"{default}"',
        )
        fix = (_("Write “%(default)s” for them", default=default), fixed)
        return Finding("warn", "fields.missing", sentence, (tag.start, tag.end), fix)


def _change(text: str, name: str, change: Callable[[merge.Tag, str], str]) -> str:
    """The text with the inside of each tag of a name rewritten."""
    for tag in reversed(merge.compile(text).tags):
        if tag.name == name:
            start, end = tag.start + 2, tag.end - 2
            text = text[:start] + change(tag, text[start:end]) + text[end:]
    return text


@hookimpl
def register_checks():
    return [Fields]
