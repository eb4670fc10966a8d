"""What Aliyun and Tencent Cloud have in common: approved templates, numbers at home and abroad, unsigned pushes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

from wtforms import StringField
from wtforms import validators as v

from core import (
    BadResponse,
    Forged,
    Form,
    Gateway,
    Inbound,
    Outgoing,
    Receipt,
    Result,
    VendorText,
    WebhookRequest,
)
from core.gateway import parsed
from core.i18n import _, _l

HOME = "+86"
SECRET = {"secret": True}


class ChinaForm(Form):
    """Settings both have."""

    push_from = StringField(
        _l("Addresses that may call us"),
        default="",
        description=_l(
            "Addresses or networks with commas; empty: any. Calls carry no signature, only the secret address."
        ),
    )

    def validate_push_from(self, field):
        """Each is an address or a network."""
        for part in field.data.replace(",", " ").split():
            try:
                ip_network(part, strict=False)
            except ValueError:
                raise v.ValidationError(_("%(part)s is no address such as 47.1.2.0/24.", part=part)) from None


class China(Gateway):
    """Sends approved templates only; a text without one never reaches the vendor."""

    needs_templates = True
    can_submit_templates = True
    pushes = True
    #: A call may be lost as a whole, so no more is in doubt than one call carries.
    window = 100

    def __init__(self, settings, callback_url=""):
        super().__init__(settings, callback_url)
        allowed = settings["push_from"].replace(",", " ").split()
        self._allowed = [ip_network(part, strict=False) for part in allowed]

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if all(message.vendor for message in messages):
            return super().send(messages)
        going = [message for message in messages if message.vendor]
        results = iter(super().send(going))
        none = Result("rejected", code="no_template", reason="No approved template was chosen for this text.")
        return [next(results) if message.vendor else none for message in messages]

    def verify_webhook(self, request: WebhookRequest) -> None:
        if not self._allowed:
            return
        try:
            caller = ip_address(request.remote)
        except ValueError:
            raise Forged("The caller's address is not known.") from None
        caller = getattr(caller, "ipv4_mapped", None) or caller
        if not any(caller in network for network in self._allowed):
            raise Forged(f"{caller} is not among the addresses that may call.")


def vendor_of(message: Outgoing) -> VendorText:
    """The template of a message; `China.send` lets none pass without."""
    return message.vendor or VendorText("")


def at_home(number: str) -> bool:
    """Is this E.164 number of the mainland?"""
    return number.startswith(HOME)


def told(body: bytes, read: Callable[[Any], Receipt | Inbound]) -> Iterator[Receipt | Inbound]:
    """What the rows of a push say, each read by `read`; what makes no sense is a `BadResponse` after the others."""
    rows = parsed(body)
    rows = [rows] if isinstance(rows, dict) else rows
    if not isinstance(rows, list):
        raise BadResponse("The call holds no list.")
    trouble: BadResponse | None = None
    for row in rows:
        try:
            yield read(row)
        except (KeyError, TypeError, ValueError, AttributeError):
            trouble = BadResponse("A row of the call has not the fields of a receipt or a reply.")
    if trouble is not None:
        raise trouble
