"""What Kannel and Jasmin have in common: gateways of one's own that hand texts to SMS centres."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import IntegerField, StringField
from wtforms import validators as v

from core import Gateway, Outgoing, Result
from core.i18n import _l


def address(label: str, default: str, description: str = "") -> StringField:
    """Where the gateway listens."""
    return StringField(
        label,
        [v.InputRequired(), v.Regexp(r"https?://[^\s@?#]+\Z")],
        default=default,
        description=description,
    )


def validity_min() -> IntegerField:
    """How long the SMS centre tries; read it with `SmscGateway.minutes`."""
    return IntegerField(
        _l("Validity, minutes"),
        [v.NumberRange(1, 10_080)],
        default=1440,
        description=_l("After this the SMS centre gives up."),
    )


def most_parts(default: int) -> IntegerField:
    """The gateway's own limit: it cuts longer texts without a word."""
    return IntegerField(
        _l("Parts of a text at most"),
        [v.NumberRange(1, 255)],
        default=default,
        description=_l("What the gateway's own limit says; it would cut longer texts."),
    )


class SmscGateway(Gateway):
    """Each text has a receipt address of its own; one the gateway would cut is refused here."""

    group = "own"
    pushes = True
    echoes_reference = True

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        most = self.settings["most_parts"]
        results = iter(super().send([message for message in messages if message.parts <= most]))
        long = Result("rejected", code="too_long", reason=f"Over {most} parts.")
        return [next(results) if message.parts <= most else long for message in messages]

    def minutes(self, message: Outgoing) -> str:
        """The validity of a text."""
        return str(self.valid_s(message, self.settings["validity_min"] * 60) // 60)

    @staticmethod
    def priority(message: Outgoing) -> str:
        """SMPP's highest priority for one-time codes, its lowest for all others."""
        return "3" if message.cls == "otp" else "0"
