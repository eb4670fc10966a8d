"""Settings of an account, as texts from people become what the provider's own form says they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field

from core.contract.errors import Refusal
from core.contract.types import Provider
from core.i18n import _

#: What a box that is not ticked may say.
_NO = frozenset({"", "0", "false", "no", "off", "n"})


def is_secret(field: Field) -> bool:
    """Is this a field whose value must not be shown?"""
    return bool((field.render_kw or {}).get("secret"))


def checked(cls: type[Provider], given: Mapping[str, Any], stored: Mapping[str, Any] | None = None) -> dict:
    """Typed settings out of texts, over those stored or the form's defaults.

    Raises `Refusal` for an unknown name or what the form refuses, naming the field.
    """
    form = cls.Form()
    known = [field.short_name for field in form]
    for name in given:
        if name not in known:
            raise Refusal(
                _(
                    "Provider %(provider)s has no setting %(name)s; it has: %(names)s.",
                    provider=cls.name,
                    name=repr(name),
                    names=", ".join(known) or _("none"),
                ),
                field=name,
            )
    texts = MultiDict()
    for field in form:
        value = given.get(field.short_name, (stored or {}).get(field.short_name, field.data))
        if isinstance(field, BooleanField):
            if str(value if value is not None else "").strip().lower() not in _NO:
                texts[field.short_name] = "y"
        elif isinstance(value, list | tuple):
            texts.setlist(field.short_name, [str(each) for each in value])
        elif value is not None:
            texts[field.short_name] = str(value)
    form.process(texts)
    for field in form:
        if isinstance(field.data, int) and abs(field.data) >= 2**63:
            typed = texts[field.short_name][:20] + "…"
            raise Refusal(_("%(value)s is too large a number.", value=typed), field=field.short_name)
    if not form.validate():
        name, errors = next(iter(form.errors.items()))
        raise Refusal(f"{name}: {errors[0]}" if name else str(errors[0]), field=name)
    return form.data
