"""`segment`: the contact is in another saved segment.

    {"segmenter": "segment", "name": "Complained"}

The other segment's rule is compiled in place; a circle is refused.  A campaign freezes the rules it launched
with (`core.audience.segments.frozen`).
"""

from wtforms import SelectField
from wtforms.fields.choices import SelectChoice

from core import Segmenter, hookimpl
from core.audience.segments import compile, contains
from core.audience.segments.context import check_names
from core.audience.segments.leafform import LeafForm
from core.contract.errors import Refusal
from core.i18n import _, _l


class SegmentForm(LeafForm):
    """Which segment."""

    name = SelectField(_l("Segment"), validate_choice=False)

    def bind(self, ctx):
        names = [name for name in ctx.segment_names if name not in ctx.inside]
        chosen = self.name.data or ""
        extra = [] if chosen in names else [(chosen, chosen or _("choose …"))]
        self.name.choices = [SelectChoice(*pair) for pair in [*extra, *((name, name) for name in names)]]

    @classmethod
    def menu(cls, ctx):
        return [(_("In another segment"), {})] if ctx.segment_names else []


class InSegment(Segmenter):
    """Another segment's people."""

    name = "segment"
    title = "Segments"
    Form = SegmentForm

    def where(self, params, ctx):
        """Raises `Refusal` for an unknown segment (naming the closest) and for circles."""
        rule, inner = _inner(params, ctx)
        return compile(ctx.rt, rule, ctx=inner)

    def describe(self, params, ctx):
        _inner(params, ctx)
        return _("In segment “%(name)s”", name=params["name"])

    def explain(self, contact, params, ctx):
        rule, _context = _inner(params, ctx)
        if contains(ctx.rt, rule, contact["id"]):
            return _("Is in “%(name)s”", name=params["name"])
        return _("Is not in “%(name)s”", name=params["name"])


def _inner(params, ctx):
    check_names(params, "name")
    name = params.get("name")
    if not name:
        raise Refusal(_("A segment line needs the name of a segment."), field="name")
    return ctx.saved_rule(name), ctx.within(name)


@hookimpl
def register_segmenters():
    return [InSegment]
