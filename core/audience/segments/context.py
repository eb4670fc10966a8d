"""What a segmenter may ask while it compiles: fields, labels, saved segments, the instant and the zone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core import clock
from core.audience import kinds
from core.audience.events.eventtypes import types
from core.contract import absent
from core.contract.errors import Refusal
from core.contract.types import FieldInfo, SegmentContext, Segmenter
from core.db import settings
from core.db.models import Campaign, Field, FieldChoice, Label, Segment
from core.i18n import _, _l

if TYPE_CHECKING:
    from core.runtime import Runtime


class Choices(Mapping[str, int]):
    """The dictionary of a choice field, text → code, read when first asked for.

    `words`: other words for a text, in lower case, under which it is found too.
    """

    def __init__(self, field_id: int, words: Mapping[str, str]):
        self._field_id, self._words = field_id, words

    @cached_property
    def _codes(self) -> dict[str, int]:
        rows = (
            FieldChoice.select(FieldChoice.text, FieldChoice.code)
            .where(FieldChoice.field_id == self._field_id)
            .order_by(FieldChoice.text)
        )
        return dict(rows.tuples())

    @cached_property
    def texts(self) -> dict[int, str]:
        """code → text"""
        return {code: text for text, code in self._codes.items()}

    def __getitem__(self, text: str) -> int:
        return self._codes[text if text in self._codes else self._words.get(text.strip().lower(), text)]

    def __iter__(self) -> Iterator[str]:
        return iter(self._codes)

    def __len__(self) -> int:
        return len(self._codes)


class Context(SegmentContext):
    """One evaluation: what it looks up is looked up once, and "now" stands still.

    `at_ms` is the instant relative times ("within 30 days") count from; default: the present.  `few`: the
    statement asks about a few contacts, not about all.
    """

    def __init__(
        self, rt: Runtime, *, at_ms: int | None = None, inside: tuple[str, ...] = (), few: bool = False
    ):
        self.rt = rt
        self.few = few
        self.now: datetime = clock.from_ms(clock.now_ms() if at_ms is None else at_ms)
        #: Names of the saved segments being compiled around this one; a repeated name is a circle.
        self.inside = inside
        #: How large saved segments are, by name (`bounds`).
        self.sizes: dict[str, Any] = {}

    @cached_property
    def now_ms(self) -> int:
        """`now` as epoch milliseconds."""
        return clock.to_ms(self.now)

    @cached_property
    def zone(self) -> tzinfo:
        """The zone in which a day begins: the instance's."""
        try:
            return ZoneInfo(settings.get("zone") or self.rt.settings.zone)
        except (ZoneInfoNotFoundError, ValueError):
            return UTC

    @cached_property
    def today(self) -> date:
        """The day it is in `zone`."""
        return self.now.astimezone(self.zone).date()

    @cached_property
    def day(self) -> int:
        """`today` as days since 1970-01-01."""
        return (self.today - date(1970, 1, 1)).days

    @cached_property
    def fields(self) -> Mapping[str, FieldInfo]:
        """Contact fields by key, in their order; the columns country and language answer as fields too."""
        made = {
            row.key: FieldInfo(row.key, row.title, row.kind, row.column, self._choices(row))
            for row in Field.select().order_by(Field.position, Field.id)
        }
        made.setdefault("country", FieldInfo("country", _("Country"), "text", "country"))
        made.setdefault("language", FieldInfo("language", _("Language"), "text", "language"))
        return made

    @staticmethod
    def _choices(row: Field) -> Mapping[str, int]:
        # An import stores genders as one word in every language (importing.values.choice_text).
        words = kinds.GENDERS if row.key == "gender" else {}
        return Choices(row.id, words) if row.kind == "choice" else {}

    @cached_property
    def labels(self) -> Mapping[str, tuple[int, int | None]]:
        """name → (id, bit in `profile.label_bits` or None), by name."""
        rows = Label.select(Label.name, Label.id, Label.bit).order_by(Label.name)
        return {name: (label_id, bit) for name, label_id, bit in rows.tuples()}

    def label_id(self, name: str) -> int | None:
        """The id of a label, or None when no such label exists."""
        return self.labels.get(name, (None, None))[0]

    @cached_property
    def event_types(self) -> Mapping[str, tuple[int, str]]:
        """key → (id, title) of the types of events, the built-in ones first."""
        return types()

    @cached_property
    def campaigns(self) -> Mapping[int, str]:
        """id → name of the campaigns launched before `now`, the latest first; single messages are none."""
        rows = (
            Campaign.select(Campaign.id, Campaign.name)
            .where((Campaign.launched_at < self.now_ms) & ~Campaign.name.startswith("direct:"))
            .order_by(Campaign.launched_at.desc(), Campaign.id.desc())
        )
        return dict(rows.tuples())

    @cached_property
    def currency(self) -> str:
        """The ISO code of the house currency; empty before the first amount."""
        return settings.get("currency") or ""

    def event_type(self, key: Any) -> tuple[int, str]:
        """(id, title) of a type of events.  Raises `Refusal` that names the closest one."""
        if isinstance(key, str) and key in self.event_types:
            return self.event_types[key]
        raise unknown("event type", key, self.event_types)

    def field(self, key: Any) -> FieldInfo:
        """The field of this key.  Raises `Refusal` that names the closest one."""
        if isinstance(key, str) and key in self.fields:
            return self.fields[key]
        raise unknown("field", key, self.fields)

    def segmenter(self, name: str) -> Segmenter:
        """The segmenter of this name.  Raises `Refusal` that names the closest one."""
        known = self.rt.plugins.segmenters
        if name not in known:
            said = f"{unknown('segmenter', name, known)} {absent.why(self.rt.plugins)}".rstrip()
            raise Refusal(said, field="segmenter")
        found = known[name]
        return found() if isinstance(found, type) else found

    @cached_property
    def segment_names(self) -> list[str]:
        """Names of the saved segments, by name."""
        return [name for (name,) in Segment.select(Segment.name).order_by(Segment.name).tuples()]

    def saved_rule(self, name: Any) -> dict[str, Any]:
        """The rule saved under a name.  Raises `Refusal` when there is none."""
        row = Segment.get_or_none(Segment.name == name) if isinstance(name, str) else None
        if row is None:
            raise unknown("segment", name, self.segment_names)
        return json.loads(row.rule)

    def within(self, name: str) -> Context:
        """The context for compiling the saved segment `name` inside the present rule."""
        if name in self.inside:
            circle = " → ".join([*self.inside, name])
            raise Refusal(
                _("The segment “%(name)s” refers to itself (%(circle)s).", name=name, circle=circle),
                field="name",
            )
        inner = Context(self.rt, at_ms=self.now_ms, inside=(*self.inside, name), few=self.few)
        inner.sizes = self.sizes
        for shared in ("fields", "labels", "event_types", "campaigns", "segment_names"):
            if shared in self.__dict__:
                inner.__dict__[shared] = self.__dict__[shared]
        return inner


#: What may be unknown, in a sentence.
_UNKNOWN = {
    "field": _l("There is no field %(name)s."),
    "contact field": _l("There is no contact field %(name)s."),
    "segmenter": _l("There is no segmenter %(name)s."),
    "label": _l("There is no label %(name)s."),
    "segment": _l("There is no segment %(name)s."),
    "parameter": _l("This line takes no %(name)s."),
    "event type": _l("There is no type of events %(name)s."),
    "campaign": _l("No campaign %(name)s has been launched."),
    "dimension": _l("People cannot be told apart by %(name)s."),
}


def unknown(what: str, name: Any, known: Mapping[str, Any] | list[str]) -> Refusal:
    """The refusal of a name that does not exist, with the closest one that does; `what` is in `_UNKNOWN`."""
    if name is None:
        example = next(iter(known), "")
        return Refusal(
            _("Something is still to be chosen, such as %(name)s.", name=repr(example)), field=what
        )
    sentence = str(_UNKNOWN[what]) % {"name": repr(name)}
    close = get_close_matches(str(name), list(known), 1, 0.4) or list(known)[:1]
    hint = " " + _("Did you mean %(name)s?", name=repr(close[0])) if close else ""
    return Refusal(sentence + hint, field=what)


def check_names(params: Mapping[str, Any], *known: str) -> None:
    """Refuse a parameter the segmenter does not know: a slip of the pen must not widen an audience.

    A known name that ends in "." stands for all that begin with it.
    """
    open_ends = tuple(name for name in known if name.endswith("."))
    for name in params:
        if name not in known and not name.startswith(open_ends or ("\0",)):
            raise unknown("parameter", name, list(known))
