"""Forms of pages: WTForms with a CSRF token, and a few fields of the house."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import cache
from itertools import chain
from typing import Any
from zoneinfo import available_timezones

from flask import abort, request
from flask_wtf import FlaskForm
from wtforms import DecimalField, Field
from wtforms.fields.choices import SelectChoice
from wtforms.validators import StopValidation
from wtforms.widgets import TextInput

from core import amounts
from core.contract.errors import Refusal
from core.i18n import _
from core.web.access import MACHINE_BLUEPRINTS


def tidy(text: Any) -> Any:
    """Cut white space at both ends; for `filters=[tidy]`."""
    return text.strip() if isinstance(text, str) else text


def choices(pairs: Iterable[tuple[str, Any]]) -> list[SelectChoice]:
    """(value, words) pairs as the choices of a select field."""
    return [SelectChoice(value, words) for value, words in pairs]


def zone_choices(first: str) -> list[SelectChoice]:
    """All IANA zones of a place, after a first choice that leaves it open."""
    return choices([("", first), *((name, name.replace("_", " ")) for name in _zones())])


@cache
def _zones() -> tuple[str, ...]:
    return tuple(sorted(name for name in available_timezones() if "/" in name and name[:4] != "Etc/"))


def _holds(data: Any) -> bool:
    """Can a database hold this number?  Money and shares are kept in millionths."""
    if isinstance(data, Decimal):
        return data.is_finite() and abs(data) < 10**12
    return not isinstance(data, int | float) or abs(data) < (2**63 if isinstance(data, int) else 10**12)


class AmountField(DecimalField):
    """Money, or another number that people write with thousands: as text, because a browser's own number field gives
    nothing at all for "1,000.50"."""

    widget = TextInput()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"render_kw": {"inputmode": "decimal"}} | kwargs)

    def _value(self) -> str:
        if self.raw_data or self.data is None:
            return super()._value()
        return format(Decimal(str(self.data)).normalize(), "f")

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = valuelist[0].strip() if valuelist else ""
        if typed:
            self.data = None
            try:
                self.data = amounts.read(typed)
            except Refusal as refusal:
                raise ValueError(str(refusal)) from None

    def pre_validate(self, form: Any) -> None:
        if self.process_errors:
            raise StopValidation  # one sentence is enough


class Form(FlaskForm):
    """Base of every form of a page; the CSRF token comes with `ui.csrf()`."""

    def process(self, *args: Any, **kwargs: Any) -> None:
        """Read the fields; a number no database can hold is refused beside its field."""
        super().process(*args, **kwargs)
        for field in self:
            if not _holds(field.data):
                field.data = None
                field.process_errors = [_("That number is too large.")]

    def refuse(self, refusal: Refusal) -> None:
        """Show a `Refusal` beside the field it names, or above the form."""
        field = self._fields.get(refusal.field or "")
        if isinstance(field, Field):
            field.errors = [*field.errors, str(refusal)]
        else:
            self.form_errors = [*self.form_errors, str(refusal)]

    def attempt(self, work, *args: Any, **kwargs: Any) -> bool:
        """Run work that may refuse; True when it was done, else the sentence stands in the form.

        if form.validate_on_submit() and form.attempt(save, form.name.data): return redirect_hx(…)
        """
        try:
            work(*args, **kwargs)
        except Refusal as refusal:
            self.refuse(refusal)
            return False
        return True


def refuse_nul():
    """Before each request of a person: no database keeps a NUL in a text, and nobody types one."""
    if request.blueprint in MACHINE_BLUEPRINTS:
        return
    if any("\0" in value for given in (request.args, request.form) for value in chain(*given.listvalues())):
        abort(400, _("A text holds a character that cannot be kept (NUL). Remove it and send it again."))


def check_name(expected: str, typed: str | None) -> None:
    """A destructive act asks for a name; raises `Refusal` when something else was typed."""
    if (typed or "").strip() != expected:
        raise Refusal(_("Type %(name)s to confirm; nothing was changed.", name=expected), field="confirm")
