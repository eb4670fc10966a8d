"""Three real texts of a dry run: the longest, the middle one and the shortest, by parts and then length."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.content import parts
from core.db import database
from core.security.crypto import mask

if TYPE_CHECKING:
    from core.runtime import Runtime


@dataclass(frozen=True, slots=True)
class _Example:
    text: str
    contact_id: int | None
    variant: int
    lang: str
    country: str


class Samples:
    """Collects one example for each number of parts and length; those are few, people are many."""

    def __init__(self) -> None:
        self._examples: dict[tuple[int, int], _Example] = {}
        self._seen: Counter[tuple[int, int]] = Counter()

    def static(self, text: str, variant: int, lang: str, country: str, n: int) -> None:
        """The same words for `n` people."""
        key = parts.count(text, country == "CN")[1], len(text)
        self._examples.setdefault(key, _Example(text, None, variant, lang, country))
        self._seen[key] += n

    def merged(
        self, texts: Sequence[tuple[int, str]], counts: Sequence[int], variant: int, lang: str, country: str
    ) -> None:
        """(contact id, words) of people with words of their own, and how many parts each takes."""
        keys = [(count, len(text)) for count, (_contact, text) in zip(counts, texts, strict=True)]
        self._seen.update(keys)
        new = set(keys) - self._examples.keys()
        for key, (contact, text) in zip(keys, texts, strict=True) if new else ():
            if key in new:
                self._examples[key] = _Example(text, contact, variant, lang, country)
                new.discard(key)

    def chosen(self, rt: Runtime, total: int) -> list[dict[str, Any]]:
        """Longest, median, shortest; a text that would stand twice stands once."""
        if not self._seen:
            return []
        ordered = sorted(self._seen)
        passed, median = 0, ordered[-1]
        for key in ordered:
            passed += self._seen[key]
            if passed * 2 >= total:
                median = key
                break
        picked: dict[tuple[int, int], str] = {}
        for kind, key in (("longest", ordered[-1]), ("median", median), ("shortest", ordered[0])):
            picked.setdefault(key, kind)
        return [self._show(rt, kind, self._examples[key]) for key, kind in picked.items()]

    @staticmethod
    def _show(rt: Runtime, kind: str, example: _Example) -> dict[str, Any]:
        plan = parts.plan(example.text, example.country == "CN")
        blob = example.contact_id and database.scalar(
            "SELECT phone_enc FROM contact WHERE id = ?", (example.contact_id,)
        )
        return {
            "kind": kind,
            "text": example.text,
            "contact_id": example.contact_id,
            "phone": mask(rt.keys.open_number(blob)) if blob else "",
            "variant": example.variant,
            "lang": example.lang,
            "encoding": plan.encoding,
            "units": plan.units,
            "parts": plan.parts,
        }
