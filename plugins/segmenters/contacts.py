"""`contact`: what every contact has without anyone defining a field.

    {"segmenter": "contact", "field": "created", "op": "within_days", "value": 30}
    {"segmenter": "contact", "field": "country", "op": "in", "value": ["CN", "SG"]}

Fields: created, country, language, line_type, suppressed, last_sent, sent_count; and what is known of the number:
number_region, carrier, number_status.
"""

import re

from babel import Locale

from core import FieldInfo, Segmenter, hookimpl
from core.audience.segments.context import check_names, unknown
from core.audience.segments.leafform import ComparisonForm
from core.audience.segments.logic import among, complement
from core.audience.segments.ops import check_op, compare
from core.audience.segments.words import has, sentence
from core.clock import from_ms
from core.db.codes import LineType, NumberStatus
from core.db.models import NumberInfo, Profile
from core.i18n import LOCALES, _, language

_LINE_TYPES = {kind.name: kind.value for kind in LineType}
_STATUSES = {status.name: status.value for status in NumberStatus}
#: key → what is compared; "suppressed" asks whether the number is blocked for any class.
SUBJECTS = {
    info.key: info
    for info in (
        FieldInfo("created", "Added", "instant", "created_at"),
        FieldInfo("country", "Country", "text", "country"),
        FieldInfo("language", "Language", "text", "language"),
        FieldInfo("line_type", "Line type", "choice", "line_type", _LINE_TYPES),
        FieldInfo("suppressed", "On the suppression list", "mask", "blocked_bits"),
        FieldInfo("last_sent", "Last texted", "instant", "last_sent_at"),
        FieldInfo("sent_count", "Number of texts received", "number", "sent_count"),
        FieldInfo("number_region", "Region of the number", "text", "region"),
        FieldInfo("carrier", "Carrier", "text", "carrier"),
        FieldInfo("number_status", "State of the number", "choice", "status", _STATUSES),
    )
}
#: Of these, the columns of `number_info`; who has no row there has no value.
_OF_NUMBER = frozenset({"number_region", "carrier", "number_status"})
#: A comparison that is also true for no row → its opposite.
_OPPOSITES = {"ne": "eq", "not_in": "in", "empty": "not_empty"}


LINE_WORDS = {
    "unknown": "unknown",
    "mobile": "mobile",
    "fixed": "landline",
    "mobile_or_fixed": "mobile or landline",
    "voip": "internet telephone",
    "toll_free": "toll-free number",
    "premium": "premium number",
    "other": "other",
}
STATUS_WORDS = {"ok": "works", "unreachable": "unreachable", "recycled": "perhaps someone else's by now"}
#: Babel lists regions of the world by number, too, and places nobody has a telephone in.
_COUNTRY = re.compile(r"[A-Z]{2}")
_NO_COUNTRIES = frozenset({"AQ", "BV", "EU", "EZ", "HM", "QO", "TF", "UM", "UN", "XA", "XB", "ZZ"})


class ContactForm(ComparisonForm):
    """Subject, comparison, value."""

    @classmethod
    def subjects(cls, ctx):
        return SUBJECTS

    @classmethod
    def shown(cls, info):
        return _(info.title)

    @classmethod
    def choices(cls, info):
        if info.key == "country":
            return [
                code
                for code in _locale().territories
                if _COUNTRY.fullmatch(code) and code not in _NO_COUNTRIES
            ]
        return info.choices

    @classmethod
    def say(cls, info, text):
        return words_for(info.key, text)


class AnyContact(Segmenter):
    """Created, country, language, line type, suppression, last text."""

    name = "contact"
    title = "Contact"
    Form = ContactForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown field (naming the closest), comparison or value."""
        info, value = _subject(params), params.get("value")
        if info.key == "country":
            value = _upper(value)
        if info.key in _OF_NUMBER:
            return _of_number(info, check_op(info.kind, params.get("op"), info.title), value, ctx)
        return compare(
            getattr(Profile, info.column), info.kind, params.get("op"), value, ctx, info.title, info.choices
        )

    def describe(self, params, ctx):
        info = _subject(params)
        return sentence(
            _(info.title),
            info.kind,
            params.get("op"),
            params.get("value"),
            lambda text: words_for(info.key, text),
        )

    def explain(self, contact, params, ctx):
        info = _subject(params)
        stored = contact.get(info.column)
        if info.kind == "instant":
            stored = from_ms(stored).astimezone(ctx.zone).date() if stored else None
        elif info.key == "suppressed":
            stored = stored != 0
        elif info.key == "line_type":
            stored = LineType(stored).name
        elif info.key in _OF_NUMBER:
            row = NumberInfo.get_or_none(NumberInfo.contact_id == contact["id"])
            stored = getattr(row, info.column) if row else None
            if info.kind == "choice" and row:
                stored = NumberStatus(stored).name
        return has(_(info.title), info.kind, stored, lambda text: words_for(info.key, text))


def _of_number(info: FieldInfo, op: str, value, ctx):
    column = getattr(NumberInfo, info.column)
    asked = _OPPOSITES.get(op, op)
    found = among(NumberInfo, compare(column, info.kind, asked, value, ctx, info.title, info.choices), ctx)
    return complement(found) if op in _OPPOSITES else found


def _subject(params) -> FieldInfo:
    check_names(params, "field", "op", "value")
    key = params.get("field")
    if not isinstance(key, str) or key not in SUBJECTS:
        raise unknown("contact field", key, SUBJECTS)
    return SUBJECTS[key]


def words_for(key: str, text: str) -> str:
    """A stored text as people call it: CN is China, zh is Chinese, fixed is a landline."""
    if key == "number_status":
        return _(STATUS_WORDS.get(text, text))
    if key == "line_type":
        return _(LINE_WORDS.get(text, text))
    if key == "country":
        return _locale().territories.get(text, text)
    if key == "language":
        return _locale().languages.get(text, text)
    return text


def _locale() -> Locale:
    return Locale.parse(LOCALES[language()])


def _upper(value):
    """ISO codes of countries are stored in capitals."""
    if isinstance(value, list):
        return [_upper(item) for item in value]
    return value.upper() if isinstance(value, str) else value


@hookimpl
def register_segmenters():
    return [AnyContact]
