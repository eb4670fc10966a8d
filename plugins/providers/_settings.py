"""Settings that several vendors ask for, in the same words; each call makes a field of its own for a form."""

from __future__ import annotations

from wtforms import IntegerField, StringField
from wtforms import validators as v

from core.i18n import _l

#: Four hours: a campaign that ends in the evening wakes nobody at night.
USUAL_S = 14_400


def valid_s(least: int, most: int) -> IntegerField:
    """How long a text may wait at the vendor, in seconds; read it with `Gateway.valid_s`."""
    return IntegerField(
        _l("Seconds a text may wait at the vendor"),
        [v.NumberRange(least, most)],
        default=USUAL_S,
        description=_l("Then it is dropped rather than sent at night; one-time codes wait 600 at most."),
    )


def api_address(default: str) -> StringField:
    """Where the vendor's API is, for those that have one address for everybody."""
    return StringField(
        _l("Address of the API"),
        [v.InputRequired()],
        default=default,
        description=_l("Only changed for another region or a test server."),
    )


def signature_secret() -> StringField:
    """What the vendor signs its calls with; without it they are not verified."""
    return StringField(
        _l("Signature secret"),
        [v.Optional()],
        default="",
        render_kw={"secret": True},
        description=_l("From the dashboard's settings; then calls without a right signature are refused."),
    )
