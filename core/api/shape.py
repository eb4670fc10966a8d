"""Does a value have the shape a schema says?  One sentence and the field when it has not.

Schemas are JSON Schema 2020-12, the language of OpenAPI 3.1, so what the document promises is what is
checked (jsonschema-rs: 0.3 µs a row, a fiftieth of the pure-Python validator).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jsonschema_rs

from core.api.endpoint import Schema
from core.i18n import _, lazy


class Fault(NamedTuple):
    """What is wrong, as one sentence, and with which field ("" for the value as a whole)."""

    sentence: str
    field: str


Check = Callable[[Any], "Fault | None"]
_BODY = lazy("The body")


def checker(schema: Schema, whole: Any = _BODY) -> Check:
    """A function that gives the first fault of a value, or None.  Build once, use for many values.

    `whole` is what the value is called where no field of it is at fault.
    """
    validator = jsonschema_rs.Draft202012Validator(schema)
    valid, errors = validator.is_valid, validator.iter_errors

    def check(value: Any) -> Fault | None:
        return None if valid(value) else _fault(next(iter(errors(value))), str(whole))

    return check


def without_nul(value: Any, at: str = "") -> Fault | None:
    """The character NUL fits into no text column; PostgreSQL refuses it."""
    if isinstance(value, str):
        return Fault(_("A text holds the character NUL; leave it out."), at) if "\0" in value else None
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        path = f"{at}.{key}" if at else str(key)
        if fault := without_nul(str(key), at) or without_nul(inner, path):
            return fault
    return None


def _fault(error: Any, whole: str) -> Fault:
    field = ".".join(str(part) for part in error.instance_path)
    kind, keyword = error.kind, error.schema_path[-1] if error.schema_path else ""
    shown = field or whole
    match keyword:
        case "required":
            missing = f"{field}.{kind.property}" if field else kind.property
            return Fault(_("%(field)s is missing.", field=missing), missing)
        case "additionalProperties" if isinstance(
            kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties
        ):
            extra = str(kind.unexpected[0])[:60]
            path = f"{field}.{extra}" if field else extra
            return Fault(_("%(field)s is not known here; leave it out.", field=path), path)
        case "type":
            types = " / ".join(sorted(kind.types))
            return Fault(_("%(field)s must be of type %(types)s.", field=shown, types=types), field)
        case "enum":
            options = ", ".join(str(option) for option in kind.options)
            return Fault(_("%(field)s must be one of %(options)s.", field=shown, options=options), field)
        case "maxItems" | "maxLength" | "maxProperties":
            return Fault(_("%(field)s is too long; %(limit)s at most.", field=shown, limit=kind.limit), field)
        case "minItems" | "minLength" | "minProperties":
            return Fault(
                _("%(field)s is too short; %(limit)s at least.", field=shown, limit=kind.limit), field
            )
        case "maximum" | "exclusiveMaximum":
            return Fault(
                _("%(field)s is too large; %(limit)s at most.", field=shown, limit=kind.limit), field
            )
        case "minimum" | "exclusiveMinimum":
            return Fault(
                _("%(field)s is too small; %(limit)s at least.", field=shown, limit=kind.limit), field
            )
    return Fault(_("%(field)s does not have the form the document of the API describes.", field=shown), field)
