"""The values a text is merged with: read from contacts in bulk, a column a name.

Names: `name first_name honorific email country language`, every contact field by its key, and what plugins
add with the `merge_fields` hook.  A contact field wins over a built-in name of the same key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from core.content import honorific, links
from core.content.filters import locale
from core.db import database
from core.db.models import Field
from core.genders import choice_word
from core.i18n import _
from core.runtime import Runtime

#: Values of one column, in the order of the contacts; texts, numbers, bools and dates, None where missing.
Columns = dict[str, list[Any]]

_EPOCH = date(1970, 1, 1)
_UNUSABLE = set('{}|｜":：“”')


@dataclass(frozen=True, slots=True)
class Name:
    """A name texts may use.  `kind` is that of the field; `group` "person" | "link" | "field" | "plugin"."""

    name: str
    title: str
    kind: str = "text"
    group: str = "person"

    @property
    def tag(self) -> str:
        """The name as it is written in a text."""
        return f"{{{{{self.name}}}}}"


def builtin_names() -> list[Name]:
    """Names every instance has, in the order of the insert menu."""
    return [
        Name("honorific", _("Form of address")),
        Name("name", _("Full name")),
        Name("first_name", _("First name")),
        Name("country", _("Country")),
        Name("language", _("Language")),
        Name("email", _("E-mail")),
        Name("optout_link", _("Opt-out link"), "link", "link"),
        Name("preferences_link", _("Preferences link"), "link", "link"),
    ]


def known_names(rt: Runtime) -> dict[str, Name]:
    """All names a text may use here, in the order of the insert menu."""
    names = {known.name: known for known in builtin_names()}
    for field in Field.select().order_by(Field.position, Field.id):
        if not _UNUSABLE & set(field.key):
            title = _(field.title) if field.builtin else field.title
            names[field.key] = Name(field.key, title, field.kind, "field")
    for declared in rt.plugins.call("merge_fields"):
        for name, sentence in declared.items():
            names.setdefault(name, Name(name, sentence, "text", "plugin"))
    return names


class Reader:
    """Reads the values of some names for many contacts; made once a text, called once a chunk.

    `lang` is the language of the text: it decides honorifics, genders and the names of countries.  At most one
    SELECT for contacts and profile a chunk, and one hook call when a plugin's name is used.
    """

    def __init__(self, rt: Runtime, names: Sequence[str], lang: str = "en"):
        self._rt = rt
        self._names = tuple(names)
        self._lang = lang
        self._choices: dict[int, dict[int, str]] = {}
        self._fields = {
            field.key: field
            for field in Field.select().where(Field.key.in_([*names, "gender", "first_name"]))
        }
        own = [name for name in names if name not in self._fields]
        needs = dict.fromkeys(name for name in names if name in self._fields)
        if "honorific" in own:
            needs |= dict.fromkeys(("name", *(["gender"] if "gender" in self._fields else [])))
        if "first_name" in own:
            needs["name"] = None
        needs |= dict.fromkeys(name for name in own if name in ("name", "email", "country", "language"))
        self._raw = tuple(needs)
        self._plugin_names = [
            n for n in own if n not in {known.name for known in builtin_names()} | links.SERVICE.keys()
        ]
        self._select = self._sql()

    def __call__(self, contact_ids: Sequence[int]) -> Columns:
        """Columns in the order of `contact_ids`; a contact that is gone has only None."""
        raw = self._read(contact_ids)
        columns: Columns = {}
        for name in self._names:
            if name in raw:
                columns[name] = raw[name]
            elif name == "honorific":
                genders = raw.get("gender") or [None] * len(contact_ids)
                columns[name] = honorific.addresses(raw["name"], genders, self._lang)
            elif name == "first_name":
                columns[name] = [honorific.first_name(value) for value in raw["name"]]
            elif name in links.SERVICE:
                columns[name] = [links.example(self._rt.settings)] * len(contact_ids)
        if self._plugin_names:
            columns |= self._from_plugins(contact_ids)
        return columns

    def _sql(self) -> str:
        wanted: list[str] = []
        contact = profile = False
        for name in self._raw:
            if name in self._fields:
                wanted.append(f'p."{self._fields[name].column}"')
                profile = True
            elif name in ("name", "email"):
                wanted.append(f"c.{name}")
                contact = True
            else:
                wanted.append(f"p.{name}")
                profile = True
        if not wanted:
            return ""
        key = "p.contact_id" if profile else "c.id"
        tables = "profile p" if profile else "contact c"
        self._joined = profile and contact
        if self._joined:
            tables += " JOIN contact c ON c.id = p.contact_id"
        return f"SELECT {key}, {', '.join(wanted)} FROM {tables} WHERE {key}"

    def _read(self, contact_ids: Sequence[int]) -> Columns:
        if not contact_ids or not self._select:
            return {name: [None] * len(contact_ids) for name in self._raw}
        rows = {row[0]: row for row in self._rows(contact_ids)}
        nobody = (None,) * (len(self._raw) + 1)
        ordered = [rows.get(contact_id, nobody) for contact_id in contact_ids]
        cells = list(zip(*ordered, strict=True))[1:]
        return {name: self._typed(name, values) for name, values in zip(self._raw, cells, strict=True)}

    def _rows(self, contact_ids: Sequence[int]) -> list[tuple]:
        low, high = min(contact_ids), max(contact_ids)
        # A chunk of an audience is mostly a run of ids: one range scan is half the work of 2,000 look-ups.
        if high - low < 3 * len(contact_ids):
            if not self._joined:
                return database.query(f"{self._select} BETWEEN ? AND ?", (low, high))
            # PostgreSQL does not carry a range over to the other side of a join: three times the work.
            both = f"{self._select} BETWEEN ? AND ? AND c.id BETWEEN ? AND ?"
            return database.query(both, (low, high, low, high))
        if database.is_postgres():
            return database.query(f"{self._select} = ANY(?)", (list(contact_ids),))
        in_json = f"{self._select} IN (SELECT value FROM json_each(?))"
        return database.query(in_json, (json.dumps(list(contact_ids)),))

    def _typed(self, name: str, values: Sequence[Any]) -> list[Any]:
        field = self._fields.get(name)
        if field is None:
            return self._displayed(name, values)
        if field.kind == "choice":
            return self._chosen(field, values)
        if field.kind == "date":
            days = {day: _date(day) for day in set(values)}
            return [days[day] for day in values]
        if field.kind == "bool":
            return [None if value is None else bool(value) for value in values]
        return list(values)

    def _chosen(self, field: Field, codes: Sequence[int | None]) -> list[str | None]:
        known = self._choices.get(field.id, {})
        if not known.keys() >= set(codes) - {None}:
            # An import may have added choices since the last chunk.
            rows = database.query("SELECT code, text FROM field_choice WHERE field_id = ?", (field.id,))
            known = {code: choice_word(field.key, text, self._lang) for code, text in rows}
            self._choices[field.id] = known
        return [known.get(code) for code in codes]

    def _displayed(self, name: str, values: Sequence[str | None]) -> list[str | None]:
        if name not in ("country", "language"):
            return list(values)
        names = locale(self._lang).territories if name == "country" else locale(self._lang).languages
        shown = {value: names.get(value.replace("-", "_"), value) if value else None for value in set(values)}
        return [shown[value] for value in values]

    def _from_plugins(self, contact_ids: Sequence[int]) -> Columns:
        filled: dict[int, dict[str, Any]] = {}
        answers = self._rt.plugins.call(
            "merge_values", names=self._plugin_names, contact_ids=list(contact_ids)
        )
        for answer in answers:
            for contact_id, values in answer.items():
                filled.setdefault(contact_id, {}).update(values)
        nothing: dict[str, Any] = {}
        return {
            name: [filled.get(contact_id, nothing).get(name) for contact_id in contact_ids]
            for name in self._plugin_names
        }


def values_for(rt: Runtime, names: Sequence[str], contact_ids: Sequence[int], lang: str = "en") -> Columns:
    """The values of `names` for these contacts, once; keep a `Reader` for chunk after chunk."""
    return Reader(rt, names, lang)(contact_ids)


def _date(day: int | None) -> date | None:
    try:
        return None if day is None else _EPOCH + timedelta(days=day)
    except OverflowError:
        return None
