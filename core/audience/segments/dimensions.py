"""What people can be told apart by in a cross-tab: the menu, and the dimensions with plain values."""

from __future__ import annotations

from collections.abc import Callable

from core.audience.segments.bands import (
    MOST,
    Condition,
    Dimension,
    Rule,
    contact_rule,
    created,
    days,
    field_rule,
    quintiles,
    ranges,
)
from core.audience.segments.compile import compile, render
from core.audience.segments.context import Choices, Context, unknown
from core.audience.segments.words import shown
from core.contract.types import FieldInfo
from core.db import database
from core.db.codes import LineType
from core.genders import choice_word
from core.i18n import _, language

_SENT = (1, 2, 4, 10)


def menu(ctx: Context) -> list[tuple[str, list[tuple[str, str]]]]:
    """(heading, [(key, title)]) of everything people can be told apart by."""
    about = [(key, str(_(title))) for key, title in _CONTACT.items()]
    known = [
        (info.key, _("Age") if info.key == "birthday" else _(info.title))
        for info in ctx.fields.values()
        if info.kind in _FIELDS and info.column not in ("country", "language")
    ]
    names = [(f"label:{name}", name) for name in ctx.labels]
    if any(bit is not None for _id, bit in ctx.labels.values()):
        names.insert(0, ("labels", _("All labels")))
    groups = [(_("Contact"), about), (_("Contact fields"), known), (_("Labels"), names)]
    return [(heading, entries) for heading, entries in groups if entries]


def get(key: str, ctx: Context, where: Condition = ("1 = 1", ())) -> Dimension:
    """The dimension of this key: country, language, line_type, created, sent_count, labels, label:NAME, or a
    field's key.

    `where` is the segment (SQL over `profile`, params); numbers are cut into bands of about equal size in it.
    Raises `Refusal` that names the closest key.
    """
    if key in ("country", "language"):
        return _text(key, ctx)
    if key == "line_type":
        return _line_type(ctx)
    if key == "created":
        return created(ctx)
    if key == "sent_count":
        rule = {"segmenter": "contact", "field": "sent_count"}
        return ranges(key, _("Texts received"), "profile.sent_count", _SENT, rule)
    if key == "labels":
        return _labels(ctx)
    name = key.removeprefix("label:")
    if name != key and name in ctx.labels:
        return _label(name, ctx)
    info = ctx.fields.get(key)
    if info is None or info.kind not in _FIELDS:
        raise unknown("dimension", key, [k for _heading, entries in menu(ctx) for k, _title in entries])
    return _FIELDS[info.kind](info, ctx, where)


#: Columns every contact has; the titles are those of the segmenter `contact`.
_CONTACT = {
    "country": "Country",
    "language": "Language",
    "line_type": "Line type",
    "created": "Added",
    "sent_count": "Number of texts received",
}


def _text(key: str, ctx: Context) -> Dimension:
    say = _words(key, ctx)
    return Dimension(
        key,
        _(_CONTACT[key]),
        f"NULLIF(profile.{key}, '')",
        lambda value: _("none") if value is None else say(value),
        lambda value: contact_rule(key, "empty") if value is None else contact_rule(key, "eq", value),
        others=lambda values: {"all": [contact_rule(key, "not_in", values), contact_rule(key, "not_empty")]},
    )


def _line_type(ctx: Context) -> Dimension:
    say = _words("line_type", ctx)

    def name(value: int) -> str:
        return LineType(value).name

    return Dimension(
        "line_type",
        _("Line type"),
        "profile.line_type",
        lambda value: say(name(value)),
        lambda value: contact_rule("line_type", "eq", name(value)),
    )


def _words(key: str, ctx: Context) -> Callable[[str], str]:
    """The words of the segmenter for a stored text: CN is China."""
    info = FieldInfo(key, "", "text", key)
    return lambda text: ctx.segmenter("contact").Form.say(info, text)


def _choice(info: FieldInfo, ctx: Context, where: Condition) -> Dimension:
    texts = info.choices.texts if isinstance(info.choices, Choices) else {}

    def text(code: int) -> str:
        return texts.get(code, str(code))

    return Dimension(
        info.key,
        _(info.title),
        f"profile.{info.column}",
        lambda code: _("no value") if code is None else choice_word(info.key, text(code), language()),
        lambda code: field_rule(info, "empty") if code is None else field_rule(info, "eq", text(code)),
        others=lambda codes: {
            "all": [field_rule(info, "not_in", [text(code) for code in codes]), field_rule(info, "not_empty")]
        },
    )


def _bool(info: FieldInfo, ctx: Context, where: Condition) -> Dimension:
    return Dimension(
        info.key,
        _(info.title),
        f"profile.{info.column}",
        lambda value: _("no value") if value is None else shown(bool(value)),
        lambda value: field_rule(info, "empty") if value is None else field_rule(info, "eq", bool(value)),
        order=(1, 0, None),
    )


def _label(name: str, ctx: Context) -> Dimension:
    rule = {"segmenter": "label", "label": name}
    sql, params = render(compile(ctx.rt, rule, ctx=ctx), "profile")
    return Dimension(
        f"label:{name}",
        _("Label “%(label)s”", label=name),
        f"CASE WHEN {sql} THEN 1 ELSE 0 END",
        lambda value: _("carries it") if value else _("does not"),
        lambda value: rule if value else {"not": rule},
        params=params,
        order=(1, 0),
    )


def _labels(ctx: Context) -> Dimension:
    """The most used of the labels that have a bit.  Everyone counts at each label they carry."""
    used = dict(database.query("SELECT label_id, COUNT(*) FROM contact_label GROUP BY label_id"))
    pinned = [
        (used.get(number, 0), bit, name) for name, (number, bit) in ctx.labels.items() if bit is not None
    ]
    bits = {bit: name for _n, bit, name in sorted(pinned, key=lambda row: (-row[0], row[2]))[: MOST - 1]}
    if not bits:
        raise unknown("dimension", "labels", [k for _heading, entries in menu(ctx) for k, _title in entries])

    def one(bit: int) -> Rule:
        return {"segmenter": "label", "label": bits[bit]}

    return Dimension(
        "labels",
        _("Labels"),
        "profile.label_bits & ?",
        lambda bit: _("none of these") if bit is None else bits[bit],
        lambda bit: {"not": {"any": [one(each) for each in bits]}} if bit is None else one(bit),
        params=(sum(1 << bit for bit in bits),),
        order=(*bits, None),
        bits=bits,
    )


#: kind of a field → how its values are told apart; free text is not.
_FIELDS = {"choice": _choice, "bool": _bool, "number": quintiles, "date": days}
