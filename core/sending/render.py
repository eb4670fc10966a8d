"""Words, parts and price of claimed messages, in bulk.

A text without fields is compiled, counted and priced once and shared by everyone who gets it.  A text with
fields is merged column by column; one whose only fields are links is counted once, and not kept, because
its links follow from the message's id.  Single messages carry their words from the start.  Who cannot be given a
text (a field is missing, it became too long) is skipped with that reason, never sent half a text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.content import links, merge, parts, values
from core.content.languages import pick_language
from core.db import database, marking
from core.sending.item import Item
from core.sending.links import Maker
from core.sending.otp import codes

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Inside China every character counts the same.
DOMESTIC = "CN"


class _Compiled(NamedTuple):
    """A text, what reads its values, and whether links are all it needs."""

    text: merge.Merge
    reader: values.Reader
    links_only: bool


class Words:
    """The frozen texts of one campaign, compiled; kept by a worker from batch to batch."""

    def __init__(self, rt: Runtime, campaign_id: int):
        self._rt = rt
        self._bodies: dict[int, dict[str, str]] = defaultdict(dict)
        self._defaults: dict[int, str] = {}
        for idx, lang, body, default in database.query(
            "SELECT t.idx, t.lang, t.body, m.default_lang FROM variant_text t "
            "LEFT JOIN variant v ON v.campaign_id = t.campaign_id AND v.idx = t.idx "
            "LEFT JOIN template m ON m.id = v.template_id WHERE t.campaign_id = ? ORDER BY t.idx, t.lang",
            (campaign_id,),
        ):
            self._bodies[idx][lang] = body
            self._defaults[idx] = default or lang
        self._langs: dict[tuple[int, str], str] = {}
        self._made: dict[tuple[int, str], _Compiled] = {}
        self._maker: Maker | None = None
        self._counted: dict[tuple[str, bool], tuple[str, int]] = {}

    def fill(self, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Give each item text, encoding and parts; those that get none, with the reason."""
        groups: dict[tuple[int, str], list[Item]] = defaultdict(list)
        langs = self._langs
        for item in items:
            key = (item.variant, item.language)
            lang = langs.get(key)
            if lang is None:
                lang = langs[key] = self.language(item)
            groups[item.variant, lang].append(item)
        refused: list[tuple[Item, str]] = []
        for key, some in groups.items():
            refused += self._group(key, some)
        return refused

    def language(self, item: Item) -> str:
        """The language in which a message's words are."""
        bodies = self._bodies.get(item.variant)
        return pick_language(bodies, item.language, self._defaults[item.variant]) if bodies else ""

    def _group(self, key: tuple[int, str], items: list[Item]) -> list[tuple[Item, str]]:
        if key[0] not in self._bodies:
            return [(item, "missing_text") for item in items]
        compiled, reader, links_only = self._compiled(key)
        if links_only:
            return self._link(compiled, items)
        if compiled.static:
            return self._share(compiled.text, items)
        columns = reader([item.contact_id for item in items])
        if self._maker:
            columns |= self._maker.columns(compiled.names, [item.id for item in items])
        refused = []
        for item, text in zip(items, compiled.render_columns(columns, len(items)), strict=True):
            if isinstance(text, merge.NoText):
                refused.append((item, text.reason))
            else:
                item.text, item.own_text = text, True
        count([item for item in items if item.text is not None] if refused else items, {})
        return refused

    def _share(self, text: str, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """One text for all."""
        for domestic in (True, False):
            key = (text, domestic)
            if key not in self._counted:
                self._counted[key] = parts.count(*key)
        at_home, abroad = self._counted[text, True], self._counted[text, False]
        for item in items:
            item.text = text
            item.encoding, item.parts = at_home if item.country == DOMESTIC else abroad
        return []

    def _compiled(self, key: tuple[int, str]) -> _Compiled:
        if key not in self._made:
            made = merge.compile(self._bodies[key[0]][key[1]], key[1])
            own = [name for name in made.names if links.number_of(name) is None]
            plain = all(not tag.filters for tag in made.tags)
            if len(own) < len(made.names) and self._maker is None:
                self._maker = Maker(self._rt)
            reader = values.Reader(self._rt, own, key[1])
            self._made[key] = _Compiled(made, reader, not made.static and not own and plain)
        return self._made[key]

    def _link(self, compiled: merge.Merge, items: Sequence[Item]) -> list[tuple[Item, str]]:
        """Links are as long for everyone, so the first text of a country's kind is counted for all."""
        columns = self._maker.columns(compiled.names, [item.id for item in items])
        texts = compiled.render_columns(columns, len(items))
        if isinstance(texts[0], merge.NoText):
            return [(item, texts[0].reason) for item in items]
        counted: dict[bool, tuple[str, int]] = {}
        for item, text in zip(items, texts, strict=True):
            domestic = item.country == DOMESTIC
            if domestic not in counted:
                counted[domestic] = parts.count(text, domestic)
            item.text = text
            item.encoding, item.parts = counted[domestic]
        return []


def count(items: Sequence[Item], known: dict[tuple[str, bool], tuple[str, int]]) -> None:
    """Set encoding and parts; `known` remembers shared texts."""
    for item in items:
        domestic = item.country == DOMESTIC
        if item.own_text:
            item.encoding, item.parts = parts.count(item.text, domestic)
            continue
        key = (item.text, domestic)
        found = known.get(key)
        if found is None:
            found = known[key] = parts.count(*key)
        item.encoding, item.parts = found


def fill(rt: Runtime, words: Words, items: Sequence[Item], direct: bool) -> list[tuple[Item, str]]:
    """Render a batch: words kept with the message first, then those of its variant.

    A message that went on the wire before is repeated with exactly the words it had.
    """
    keeps = [item for item in items if direct or item.attempt]
    refused: list[tuple[Item, str]] = []
    if keeps:
        kept = marking.stored_texts([item.id for item in keeps])
        secret = codes.revealed(rt.keys, kept) if direct else {}
        found = [item for item in keeps if item.id in kept and item.id not in secret]
        for item in found:
            item.text, item.own_text = kept[item.id], True
        for item in keeps:
            if item.id in secret:
                # Not its own text: the words with the code are never kept.
                item.text, item.language = secret[item.id]
                if item.text is None:
                    refused.append((item, "voided"))
                else:
                    found.append(item)
        count(found, {})
        gone = {item.id for item, _reason in refused}
        items = [item for item in items if item.text is None and item.id not in gone]
    if direct:
        return refused + [(item, "missing_text") for item in items]
    if items:
        refused = words.fill(items)
    return refused
