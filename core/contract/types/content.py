"""What is said: drafts and the checks that read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from core.contract.types.vendor import AtVendor


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.  `level`: "block" | "warn" | "info" | "good".

    `span` is (start, end) in the draft's text; `fix` is (label, the whole text after the fix).
    """

    level: str
    code: str
    message: str
    span: tuple[int, int] | None = None
    fix: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A text with what a check may know about its surroundings.

    `sample` is the text merged with a sample contact; `fields` are the known merge names; `missing` maps a
    field used without default to how many of the audience lack it (None before an audience is chosen).
    `sampled`: the audience is only the newest of more contacts, so nothing is known of the others.
    `at_vendor` tells how the text stands with each account whose vendor sends approved templates only.
    """

    text: str
    cls: str = "mass"
    lang: str = "en"
    sample: str = ""
    fields: frozenset[str] = frozenset()
    missing: Mapping[str, int] = field(default_factory=dict)
    audience: int | None = None
    sampled: bool = False
    countries: frozenset[str] = frozenset()
    sender: str = ""
    at_vendor: tuple[AtVendor, ...] = ()


class ContentCheck:
    """Looks at a draft while someone types and again at launch; pure, under 50 ms, no network."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""

    def check(self, draft: Draft) -> Iterable[Finding]:
        raise NotImplementedError
