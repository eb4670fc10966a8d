"""Forms of leaves for the builder: plain WTForms, and one field whose shape follows the comparison.

A segmenter's `Form` may be any WTForms form; `LeafForm` adds what the builder asks for: choices that depend
on the instance, entries of the menu "add a line", and reading params back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from markupsafe import Markup, escape
from wtforms import Field, SelectField
from wtforms.fields.choices import SelectChoice

from core import amounts
from core.audience.segments.context import Context
from core.audience.segments.ops import BARE, DAYS, LISTS, OPS
from core.audience.segments.words import op_label
from core.contract.errors import Refusal
from core.contract.types import FieldInfo, Form
from core.i18n import _

#: Choice fields with more texts than this are typed with suggestions instead of ticked.
_TICKED = 24
_SUGGESTED = 300


class LeafForm(Form):
    """Base of a leaf's form.  `bind` runs once data is there; `params` gives the leaf's params."""

    #: Fields whose change gives the line another shape, so that it is drawn anew.
    structural: tuple[str, ...] = ()

    def bind(self, ctx: Context) -> None:
        """Fill choices from the instance."""

    def forget(self) -> None:
        """The subject was changed: drop values that belonged to the one before."""

    def params(self) -> dict[str, Any]:
        """The params as a rule keeps them; empty ones left out."""
        return {name: value for name, value in self.data.items() if value not in (None, "", [])}

    @classmethod
    def menu(cls, ctx: Context) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """(words, params) of the entries under the segmenter's heading in "add a line"; none: one entry."""
        return ()


class ValueField(Field):
    """The value of a comparison: one input, two, ticks or a list, by kind and comparison.

    Whatever the shape, it posts under one name, so that a value survives a change of the comparison.
    """

    def __init__(self, label: str = "", **kwargs: Any):
        super().__init__(label, **kwargs)
        self.kind, self.op, self.choices, self.say = "text", "eq", [], str

    def shape(self, kind: str, op: str, choices: Iterable[str], say: Callable[[str], str]) -> None:
        """Say what is compared, with what texts there are to choose from, and how these are called."""
        self.kind, self.op, self.choices, self.say = kind, op, sorted(choices, key=say), say

    @property
    def values(self) -> list[str]:
        """What is there, as texts."""
        data = self.data if isinstance(self.data, list | tuple) else [self.data]
        return [_text(item) for item in data if item not in (None, "")]

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.data = [item.strip() for item in valuelist if item.strip()]

    def param(self) -> Any:
        """The value as a rule keeps it, or None while there is none."""
        values = self.values
        if self.op in BARE:
            return None
        if self.op in LISTS:
            return [self._typed(value) for value in _split(values)] or None
        if self.op == "between":
            return [self._typed(value) for value in values[:2]] if len(values) > 1 else None
        return self._typed(values[0]) if values else None

    def _typed(self, value: str) -> Any:
        """Numbers and yes/no as JSON knows them; what is no number stays as typed, for the message."""
        if self.kind in ("bool", "mask"):
            return {"yes": True, "no": False}.get(value, value)
        if self.kind == "number" or self.op in DAYS:
            try:
                number = float(amounts.read(value))
            except Refusal:
                return value
            return int(number) if number.is_integer() else number
        return value

    def widget(self, field: Field, **kwargs: Any) -> Markup:
        """The inputs; `kwargs` are attributes for each of them."""
        values = self.values
        if self.op in BARE:
            return Markup("")
        if self.op in DAYS:
            return self._input(values[:1], "number", kwargs | {"min": 0, "inputmode": "numeric"}) + _unit(
                _("days")
            )
        if self.kind in ("bool", "mask"):
            return self._select([("yes", _("yes")), ("no", _("no"))], values, kwargs)
        if self.choices and self.op in LISTS and len(self.choices) <= _TICKED:
            return self._ticks(values, kwargs)
        if self.choices and self.op in ("eq", "ne") and len(self.choices) <= _SUGGESTED:
            return self._select([(text, self.say(text)) for text in self._with(values)], values, kwargs)
        if self.op in LISTS:
            return self._input([_(", ").join(values)], "text", kwargs | {"placeholder": _("one, two, three")})
        type_ = {"number": "text", "date": "date", "instant": "date"}.get(self.kind, "text")
        if self.kind == "number":
            kwargs |= {"inputmode": "decimal"}
        if self.op == "between":
            first, last = (values + ["", ""])[:2]
            return self._input([first], type_, kwargs) + _unit("–") + self._input([last], type_, kwargs, "to")
        return self._input(values[:1], type_, kwargs)

    def _with(self, values: list[str]) -> list[str]:
        """The choices, with a chosen text that is not (or no longer) among them."""
        return [*self.choices, *(value for value in values if value not in self.choices)]

    def _input(self, values: list[str], type_: str, attributes: dict[str, Any], suffix: str = "") -> Markup:
        value = values[0] if values else ""
        given = {
            "id": self.id + suffix,
            "name": self.name,
            "type": type_,
            "value": value,
            "autocomplete": "off",
        }
        listed = (
            self._suggestions(suffix)
            if type_ == "text" and self.choices and self.kind != "number"
            else Markup("")
        )
        if listed:
            given["list"] = f"{self.id}{suffix}-list"
        made = _tag(
            "input",
            given | {"class": "form-control form-control-sm", "aria-label": self._said()} | attributes,
        )
        return made + listed

    def _suggestions(self, suffix: str) -> Markup:
        options = Markup("").join(
            _tag("option", {"value": text, "label": self.say(text)}) for text in self.choices[:_SUGGESTED]
        )
        return Markup('<datalist id="{}{}-list">{}</datalist>').format(self.id, suffix, options)

    def _select(self, pairs: list[tuple[str, str]], values: list[str], attributes: dict[str, Any]) -> Markup:
        chosen = values[0] if values else None
        empty = [] if chosen else [("", _("choose …"))]
        options = Markup("").join(
            Markup("<option value={}{}>{}</option>").format(_quoted(value), _selected(value == chosen), text)
            for value, text in [*empty, *pairs]
        )
        given = {
            "id": self.id,
            "name": self.name,
            "class": "form-select form-select-sm",
            "aria-label": self._said(),
        }
        return _tag("select", given | attributes) + options + Markup("</select>")

    def _ticks(self, values: list[str], attributes: dict[str, Any]) -> Markup:
        ticks = []
        for i, text in enumerate(self._with(values)):
            given = {
                "type": "checkbox",
                "id": f"{self.id}-{i}",
                "name": self.name,
                "value": text,
                "class": "btn-check",
            }
            given |= {"checked": text in values, "autocomplete": "off"} | attributes
            label = Markup('<label class="btn btn-sm seg-tick" for="{}-{}">{}</label>').format(
                self.id, i, self.say(text)
            )
            ticks.append(_tag("input", given) + label)
        return Markup('<span class="seg-ticks" role="group" aria-label="{}">{}</span>').format(
            self._said(), Markup("").join(ticks)
        )

    def _said(self) -> str:
        return _("Value")


class ComparisonForm(LeafForm):
    """A form "this – compared so – with that" over some columns; `subjects` says which."""

    structural = ("field", "op")

    field = SelectField(validate_choice=False)
    op = SelectField(validate_choice=False)
    value = ValueField()

    @classmethod
    def subjects(cls, ctx: Context) -> Mapping[str, FieldInfo]:
        """What can be compared, by key.  `choices` of a FieldInfo are offered."""
        raise NotImplementedError

    @classmethod
    def shown(cls, info: FieldInfo) -> str:
        """The title of a subject in the reader's language."""
        return info.title

    @classmethod
    def choices(cls, info: FieldInfo) -> Iterable[str]:
        """The texts offered as values."""
        return info.choices

    @classmethod
    def say(cls, info: FieldInfo, text: str) -> str:
        """The words for one of the texts."""
        return text

    def bind(self, ctx: Context) -> None:
        subjects = self.subjects(ctx)
        info = subjects.get(self.field.data or "")
        self.field.choices = [SelectChoice(key, self.shown(item)) for key, item in subjects.items()]
        if info is None:
            self.field.choices.insert(
                0, SelectChoice(self.field.data or "", self.field.data or _("choose …"))
            )
        kind = info.kind if info else "text"
        if self.op.data not in OPS[kind]:
            self.op.data = OPS[kind][0]
        self.op.choices = [SelectChoice(op, op_label(kind, op)) for op in OPS[kind]]
        offered = self.choices(info) if info else ()
        self.value.shape(kind, self.op.data, offered, (lambda text: self.say(info, text)) if info else str)

    def forget(self) -> None:
        self.value.data = None

    def params(self) -> dict[str, Any]:
        made = {"field": self.field.data, "op": self.op.data, "value": self.value.param()}
        return {name: value for name, value in made.items() if value is not None}

    @classmethod
    def menu(cls, ctx: Context) -> Iterable[tuple[str, Mapping[str, Any]]]:
        return [
            (cls.shown(info), {"field": key, "op": OPS[info.kind][0]})
            for key, info in cls.subjects(ctx).items()
        ]


def _split(values: list[str]) -> list[str]:
    """A typed list is cut at commas, Chinese ones too; ticked values hold none."""
    if len(values) != 1:
        return values
    return [
        item.strip() for item in values[0].replace("，", ",").replace("、", ",").split(",") if item.strip()
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def _unit(text: str) -> Markup:
    return Markup('<span class="seg-unit">{}</span>').format(text)


def _quoted(value: str) -> Markup:
    return Markup('"{}"').format(value)


def _selected(yes: bool) -> Markup:
    return Markup(" selected") if yes else Markup("")


def _tag(name: str, attributes: Mapping[str, Any]) -> Markup:
    """An opening tag; True stands for an attribute without value, False and None leave it out."""
    parts = [Markup("<{}").format(name)]
    for key, value in attributes.items():
        if value is True:
            parts.append(Markup(" {}").format(escape(key)))
        elif value not in (False, None):
            parts.append(Markup(' {}="{}"').format(escape(key), value))
    return Markup("").join(parts) + Markup(">")
