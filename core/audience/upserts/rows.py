"""Rows as programs send them, and how they are read: numbers, typed values, labels, classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.audience import birthdays, consent, contacts, fields, kinds, labels, phones
from core.audience.importing.columns import Column
from core.audience.importing.values import BAD, MAX_NAME, Cut, choice_text, converter
from core.contract.errors import Refusal
from core.db.codes import MARKETING, Cls
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

_BASICS = ("name", "email", "language")


@dataclass(frozen=True, slots=True)
class Consent:
    """A yes or no with what proves it."""

    agree: bool
    source: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A contact as a program sends it.  `basics`: any of name, email, language; `fields`: key → value."""

    phone: str
    basics: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    fields: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    labels: Sequence[str] = ()
    unlabel: Sequence[str] = ()
    consent: Mapping[str, Consent] = dataclasses.field(default_factory=dict)


@dataclass(slots=True)
class Outcome:
    """What became of a row: created, updated, unchanged, duplicate (a later row has its number) or rejected.

    `ignored` are classes whose yes was not taken.
    """

    status: str
    reason: str = ""
    field: str = ""
    contact_id: int = 0
    ignored: list[str] = dataclasses.field(default_factory=list)


@dataclass(slots=True)
class Person:
    """A row that was read; `labels` is id → on or off, `columns` field key → typed value."""

    at: int
    phone: phones.Phone
    bidx: bytes
    basics: dict[str, str | None]
    columns: dict[str, Any]
    labels: dict[int, bool]
    consent: dict[Cls, Consent]

    def over(self, earlier: Person) -> None:
        """Take from an earlier row of the same number what this one does not name."""
        self.basics = earlier.basics | self.basics
        self.columns = earlier.columns | self.columns
        self.labels = earlier.labels | self.labels
        self.consent = earlier.consent | self.consent


class Reader:
    """Rows → people: numbers, typed values, labels, classes.  Raises `Refusal` with the field at fault."""

    def __init__(self, rt: Runtime):
        self._rt = rt
        self.known = {made.key: made for made in fields.all_fields()}
        self._basics = {name: converter(Column(0, "", name)) for name in _BASICS}
        self._labels: dict[str, labels.Label] = {label.name: label for label in labels.all_labels()}
        self.label_of = {label.id: label for label in self._labels.values()}

    def person(self, at: int, row: Row) -> Person:
        """One row, which stands at place `at`."""
        phone = contacts.number(self._rt, row.phone)
        return Person(
            at, phone, self._rt.keys.blind_index(phone.e164),
            {name: self._basic(name, value) for name, value in row.basics.items()},
            {key: self._value(key, value) for key, value in row.fields.items()},
            self._marks(row),
            {self._class(name, said): said for name, said in row.consent.items()},
        )  # fmt: skip

    def _basic(self, name: str, text: str | None) -> str | None:
        value = None if text is None else self._basics[name][text]
        if value is BAD:
            raise Refusal(_("“%(text)s” is no valid %(field)s.", text=text[:60], field=name), field=name)
        if type(value) is Cut:
            raise Refusal(
                _("“%(text)s…” is longer than %(n)s characters.", text=text[:40], n=MAX_NAME), field=name
            )
        return value

    def _value(self, key: str, value: Any) -> Any:
        made = self.known.get(key)
        if made is None:
            raise Refusal(
                _("There is no field “%(key)s”; add it under Settings, Contact fields.", key=key[:60]),
                field=f"fields.{key[:60]}",
            )
        if value is None or value == "":
            return None
        text = value if isinstance(value, str) else kinds.show("number", value)
        if isinstance(value, bool):
            text = "yes" if value else "no"
        typed = choice_text(key, text) if made.kind == "choice" else kinds.convert(made.kind, text)
        if typed is None and kinds.clean(text).lower() not in kinds.EMPTY:
            raise Refusal(
                _("“%(text)s” does not fit the field “%(key)s”, which is a %(kind)s.", text=text[:40], key=key,
                  kind=made.kind),
                field=f"fields.{key}",
            )  # fmt: skip
        if key == birthdays.KEY and made.kind == "date" and typed is not None:
            birthdays.check(typed, text, field=f"fields.{key}")
        return typed

    def _marks(self, row: Row) -> dict[int, bool]:
        marks = {self._labels[name].id: False for name in row.unlabel if name in self._labels}
        for name in row.labels:
            if name not in self._labels:
                made = labels.ensure(name)
                self._labels[name], self.label_of[made.id] = made, made
            marks[self._labels[name].id] = True
        return marks

    def _class(self, name: str, said: Consent) -> Cls:
        cls = consent.parse_class(name)
        if not said.agree and cls not in MARKETING:
            raise Refusal(
                _("Class %(name)s needs no consent that could be taken back; suppress the number instead.",
                  name=name),
                field=f"consent.{name}",
            )  # fmt: skip
        if not kinds.clean(said.source):
            raise Refusal(
                _("Say where this comes from, for instance “paper form, shop Xintiandi, 3 May”."),
                field=f"consent.{name}.source",
            )
        return cls
