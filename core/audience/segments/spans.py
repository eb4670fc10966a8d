"""Stretches of time in the params of a leaf, as bounds in SQL, as words, and as fields of a form.

    within_days: the last N days · before_days: more than N days ago · since, until: days of the calendar

`within_days` and `before_days` together are "between 90 and 30 days ago"; so are `since` and `until`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from core import amounts
from core.audience.segments.leafform import LeafForm
from core.audience.segments.logic import EVERYONE, NOBODY
from core.audience.segments.ops import midnight, read_param
from core.audience.segments.words import shown
from core.clock import DAY_MS
from core.contract.errors import Refusal
from core.contract.types import SegmentContext
from core.i18n import _, _l, _n

KEYS = ("within_days", "before_days", "since", "until")


@dataclass(frozen=True, slots=True)
class Span:
    """`since` ≤ at < `until`, epoch milliseconds; None is open.  `words` is "" for all time."""

    since: int | None = None
    until: int | None = None
    words: str = ""

    @property
    def open(self) -> bool:
        """All time."""
        return self.since is None and self.until is None

    def holds(self, column):
        """The condition that an instant lies in the span."""
        if self.since is not None and self.until is not None:
            return (column >= self.since) & (column < self.until)
        if self.since is not None:
            return column >= self.since
        return column < self.until if self.until is not None else EVERYONE

    def before(self, column):
        """The condition that an instant lies before the span; nothing lies before an open beginning."""
        return NOBODY if self.since is None else column < self.since

    def after(self, column):
        """The condition that an instant lies after the span."""
        return NOBODY if self.until is None else column >= self.until


def read(params: Mapping[str, Any], ctx: SegmentContext) -> Span:
    """The span of a leaf's params.  Raises `Refusal` with the field at fault."""
    days = {key: _read(key, "within_days", params) for key in ("within_days", "before_days")}
    dates = {key: _read(key, "eq", params) for key in ("since", "until")}
    within, before, since, until = days["within_days"], days["before_days"], dates["since"], dates["until"]
    if (within is not None or before is not None) and (since or until):
        raise Refusal(
            _("A line counts either days back from today or from one date to another, not both."),
            field="since" if since else "until",
        )
    if within is not None and before is not None and within <= before:
        raise Refusal(
            _(
                "Within %(within)s days and more than %(before)s days ago is no time at all.",
                within=within,
                before=before,
            ),
            field="before_days",
        )
    if since and until and since > until:
        raise Refusal(
            _("From %(since)s until %(until)s is no time at all.", since=since, until=until), field="until"
        )
    if since or until:
        return Span(
            midnight(since, ctx) if since else None,
            midnight(until + timedelta(days=1), ctx) if until else None,
            _dates(since, until),
        )
    return Span(
        None if within is None else ctx.now_ms - within * DAY_MS,
        None if before is None else ctx.now_ms - before * DAY_MS,
        _days(within, before),
    )


def _read(key: str, op: str, params: Mapping[str, Any]) -> Any:
    value = params.get(key)
    if value in (None, ""):
        return None
    return read_param("date", op, value, key)


def _days(within: int | None, before: int | None) -> str:
    if within is not None and before is not None:
        return _("%(within)s to %(before)s days ago", within=within, before=before)
    if within is not None:
        return _n("within the last %(n)s day", "within the last %(n)s days", within)
    return "" if before is None else _n("more than %(n)s day ago", "more than %(n)s days ago", before)


def _dates(since: Any, until: Any) -> str:
    if since and until:
        return _("from %(since)s to %(until)s", since=shown(since), until=shown(until))
    return _("since %(day)s", day=shown(since)) if since else _("until %(day)s", day=shown(until))


class SpanForm(LeafForm):
    """Base of forms that ask when: a menu, and the inputs its choice needs.

    Subclasses list `when` among their `structural` fields and call `bind` of this class.
    """

    when = SelectField(_l("When"), validate_choice=False)
    within_days = StringField(
        _l("Within the last days"), description=_l("days"), render_kw={"type": "number", "min": 0}
    )
    before_days = StringField(
        _l("More than so many days ago"), description=_l("days ago"), render_kw={"type": "number", "min": 0}
    )
    since = StringField(_l("First day"), render_kw={"type": "date"})
    until = StringField(_l("Last day"), render_kw={"type": "date"})

    def bind(self, ctx):
        has = {key: bool(self[key].data) for key in KEYS}
        if self.when.data not in _WHEN:
            self.when.data = (
                "dates"
                if has["since"] or has["until"]
                else "between"
                if has["within_days"] and has["before_days"]
                else next((key for key in ("within_days", "before_days") if has[key]), "ever")
            )
        self.when.choices = [SelectChoice(key, _(words)) for key, (words, _shown) in _WHEN.items()]
        for key in KEYS:
            if key not in _WHEN[self.when.data][1]:
                del self[key]
        # What comes before when; fields of a base class would come first.
        late = {key: self._fields.pop(key) for key in ("when", *KEYS) if key in self._fields}
        self._fields.update(late)

    def params(self):
        made = super().params()
        made.pop("when", None)
        return {key: _number(value) if self._is_number(key) else value for key, value in made.items()}

    def _is_number(self, key: str) -> bool:
        kw = self[key].render_kw or {}
        return kw.get("type") == "number" or kw.get("inputmode") == "decimal"


#: choice of the menu → (its words, the inputs it shows)
_WHEN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ever": ("at any time", ()),
    "within_days": ("within the last … days", ("within_days",)),
    "before_days": ("more than … days ago", ("before_days",)),
    "between": ("between … and … days ago", ("within_days", "before_days")),
    "dates": ("from one day to another", ("since", "until")),
}


def _number(text: Any) -> Any:
    """A number as JSON knows it; what is none stays as it was typed, for the message."""
    try:
        number = float(amounts.read(str(text)))
    except Refusal:
        return text
    return int(number) if number.is_integer() else number
