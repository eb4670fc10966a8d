"""Forms of pages: WTForms with a CSRF token, and a few fields of the house."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from flask_wtf import FlaskForm
from wtforms import Field
from wtforms.fields.choices import SelectChoice

from core.contract.errors import Refusal
from core.i18n import _


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


class Form(FlaskForm):
    """Base of every form of a page; the CSRF token comes with `ui.csrf()`."""

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


def check_name(expected: str, typed: str | None) -> None:
    """A destructive act asks for a name; raises `Refusal` when something else was typed."""
    if (typed or "").strip() != expected:
        raise Refusal(_("Type %(name)s to confirm; nothing was changed.", name=expected), field="confirm")
