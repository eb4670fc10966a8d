"""`attribute`: a contact field compared with a value.

    {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"}

Comparisons by kind are in `core.audience.segments.ops`.  The scan reads one typed column of `profile`; a
choice is looked up in its dictionary first, and one that does not exist matches nobody.
"""

from functools import partial

from peewee import Column

from core import Segmenter, genders, hookimpl
from core.audience.segments.context import check_names
from core.audience.segments.leafform import ComparisonForm
from core.audience.segments.ops import compare
from core.audience.segments.words import has, sentence
from core.db.models import Profile
from core.i18n import _, language

#: Columns of the core that `contact` asks for; the builder shows them there.
_ELSEWHERE = ("country", "language")


def title(info) -> str:
    """The field's title; the built-in ones are translated."""
    return _(info.title)


def choice_word(info, text) -> str:
    """A stored text as the reader knows it."""
    return genders.choice_word(info.key, text, language())


class AttributeForm(ComparisonForm):
    """Field, comparison, value."""

    @classmethod
    def subjects(cls, ctx):
        return {key: info for key, info in ctx.fields.items() if info.column not in _ELSEWHERE}

    @classmethod
    def shown(cls, info):
        return title(info)

    @classmethod
    def say(cls, info, text):
        return choice_word(info, text)


class Attribute(Segmenter):
    """Contact fields."""

    name = "attribute"
    title = "Contact fields"
    Form = AttributeForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown field (naming the closest), comparison or value."""
        info = _info(params, ctx)
        column = Column(Profile._meta.table, info.column)
        return compare(
            column, info.kind, params.get("op"), params.get("value"), ctx, title(info), info.choices
        )

    def describe(self, params, ctx):
        info = _info(params, ctx)
        return sentence(
            title(info), info.kind, params.get("op"), params.get("value"), partial(choice_word, info)
        )

    def explain(self, contact, params, ctx):
        info = _info(params, ctx)
        return has(title(info), info.kind, contact["fields"].get(info.key), partial(choice_word, info))


def _info(params, ctx):
    check_names(params, "field", "op", "value")
    return ctx.field(params.get("field"))


@hookimpl
def register_segmenters():
    return [Attribute]
