"""Who gets a text: fields, segmenters, what is known of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any, ClassVar, NamedTuple

from wtforms import Form as WTForm

from core.contract.types.form import Form


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One contact field as segmenters and forms see it.

    `kind`: "text" | "choice" | "number" | "date" | "bool"; `column` is its column of `profile`;
    `choices` maps the text of a choice to its stored code.
    """

    key: str
    title: str
    kind: str
    column: str
    choices: Mapping[str, int] = field(default_factory=dict)


class SegmentContext:
    """What a segmenter may ask while it compiles: fields, labels, segments, the instant of evaluation.

    `now` stands still for one evaluation; a day begins in `zone`, the instance's.  `labels` maps a name to
    (id, bit in `profile.label_bits` or None), `event_types` a key to (id, title), `campaigns` the id of each
    launched campaign to its name, the latest first; `currency` is that of all amounts.  `few`: the statement
    asks about a few contacts, not about all.
    """

    now: datetime
    now_ms: int
    today: date
    zone: tzinfo
    fields: Mapping[str, FieldInfo]
    labels: Mapping[str, tuple[int, int | None]]
    event_types: Mapping[str, tuple[int, str]]
    campaigns: Mapping[int, str]
    currency: str
    few: bool

    def field(self, key: Any) -> FieldInfo:
        """The field of this key.  Raises `Refusal` that names the closest one."""
        raise NotImplementedError

    def label_id(self, name: str) -> int | None:
        """The id of a label, or None when no such label exists."""
        raise NotImplementedError

    def event_type(self, key: Any) -> tuple[int, str]:
        """(id, title) of a type of events.  Raises `Refusal` that names the closest one."""
        raise NotImplementedError


class Segmenter:
    """One kind of leaf in a segment rule: `{"segmenter": name, …params}`."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: The params as a form for the builder.
    Form: ClassVar[type[WTForm]] = Form

    def where(self, params: Mapping[str, Any], ctx: SegmentContext):
        """A peewee expression over `core.db.models.Profile` that composes with & | ~ and runs nothing.

        Raises `Refusal` with the field at fault when params make no sense.
        """
        raise NotImplementedError

    def describe(self, params: Mapping[str, Any], ctx: SegmentContext) -> str:
        """One line in plain words, translated, e.g. "City is Shanghai"."""
        raise NotImplementedError

    def explain(self, contact: Mapping[str, Any], params: Mapping[str, Any], ctx: SegmentContext) -> str:
        """What this contact has that decides it, e.g. "City is Hangzhou".  May read the database."""
        return ""


class NumberFacts(NamedTuple):
    """What is known of one number; empty where nobody knows.

    `country` is ISO 3166; `region` and `carrier` are names for people, in Chinese for +86, else in English.
    `line_type` is a name of `codes.LineType`; `zones` are the IANA time zones it may be in, best first.
    `alive`: does the number work now?  None: not known, which is all that a table of prefixes can say.
    """

    country: str = ""
    region: str = ""
    carrier: str = ""
    line_type: str = "unknown"
    zones: tuple[str, ...] = ()
    alive: bool | None = None


class NumberIntelligence:
    """Something that knows numbers: a table of prefixes, or a service that is asked.

    Called by a job for contacts nobody looked up yet, with no transaction open, so that it may use the
    network (`core.http`); the setting `number_source` names the one in use.  What it cannot find out about a
    number it leaves empty; it raises only from `core.contract.errors`, and the numbers of that call are asked
    for again by the next run.
    """

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: One sentence for people who choose one: where it knows from, what it costs.
    about: ClassVar[str] = ""
    #: Numbers given to one `facts` at most.
    batch_size: int = 5_000

    def facts(self, numbers: Sequence[str]) -> Sequence[NumberFacts]:
        """Facts of up to `batch_size` numbers in E.164, in the same order and number."""
        raise NotImplementedError
