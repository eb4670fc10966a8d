"""`attribute`: a contact field compared with a value.

    {"segmenter": "attribute", "field": "city", "op": "eq", "value": "上海"}

Comparisons by kind are in `core.audience.segments.ops`.  The scan reads one typed column of `profile`; a
choice is looked up in its dictionary first, and one that does not exist matches nobody.
"""

from peewee import Column

from core import Segmenter, hookimpl
from core.audience.segments.leafform import ComparisonForm
from core.audience.segments.ops import compare
from core.audience.segments.words import has, sentence
from core.db.models import Profile
from core.i18n import _

#: Columns of the core that `contact` asks for; the builder shows them there.
_ELSEWHERE = ("country", "language")


def title(info) -> str:
    """The field's title; the built-in ones are translated."""
    return _(info.title)


class AttributeForm(ComparisonForm):
    """Field, comparison, value."""

    @classmethod
    def subjects(cls, ctx):
        return {key: info for key, info in ctx.fields.items() if info.column not in _ELSEWHERE}

    @classmethod
    def shown(cls, info):
        return title(info)


class Attribute(Segmenter):
    """Contact fields."""

    name = "attribute"
    title = "Contact fields"
    Form = AttributeForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown field (naming the closest), comparison or value."""
        info = ctx.field(params.get("field"))
        column = Column(Profile._meta.table, info.column)
        return compare(
            column, info.kind, params.get("op"), params.get("value"), ctx, title(info), info.choices
        )

    def describe(self, params, ctx):
        info = ctx.field(params.get("field"))
        return sentence(title(info), info.kind, params.get("op"), params.get("value"))

    def explain(self, contact, params, ctx):
        info = ctx.field(params.get("field"))
        return has(title(info), info.kind, contact["fields"].get(info.key))


@hookimpl
def register_segmenters():
    return [Attribute]
