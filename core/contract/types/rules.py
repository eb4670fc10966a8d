"""When a text may be sent: rule packs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Hours:
    """Allowed hours of a weekday set: `days` 0 = Monday; local minutes of day [`start`, `end`)."""

    days: frozenset[int]
    start: int
    end: int


class Rule:
    """One rule of a rule pack.  Legal values are data with a version and the date they were read.

    `title` is what people read, a `core.Words` to be read in other languages too.  `classes` it applies to;
    `countries` as ISO codes, empty for all.
    """

    id: ClassVar[str] = ""
    version: ClassVar[str] = ""
    as_of: ClassVar[str] = ""
    title: ClassVar[str] = ""
    source: ClassVar[str] = ""
    countries: ClassVar[frozenset[str]] = frozenset()
    classes: ClassVar[frozenset[str]] = frozenset({"mass", "voice"})

    def hours(self) -> Sequence[Hours]:
        """When texts of these classes may be sent, in the recipient's local time; empty: always."""
        return ()

    def closed(self, day: date) -> bool:
        """True on local days without any text, such as public holidays; called once a day and zone."""
        return False
