"""Apprise: one adapter to its hundred-odd notification services, SMS services among them.

Vendor: Apprise (caronc), 1.9 and later  ·  API: the library; services and their URLs at
github.com/caronc/apprise/wiki  ·  read: 2026-11-22

An optional library: `pip install cooee[apprise]`.  It opens its sockets itself, so the operator's rules for
outgoing calls (`http_allow`, `http_plain`) do not hold for it.

It tells yes or no and nothing else: a no may be a refusal or a lost answer, so whatever is not a yes is in
doubt.  Only a URL that no service can be made of proves that nothing was sent.  There are no receipts, no
ids and no look-up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from wtforms import TextAreaField
from wtforms import validators as v

from core import BadConfig, Form, Outgoing, Provider, Result, Throttled, clock, hookimpl
from core.contract.errors import ProviderError
from core.gateway import settled
from core.i18n import _, _l

#: Seconds after which a call begins no more texts; a service takes at most 8 by itself.
CALL_S = 20
#: What its loggers write may hold numbers and tokens.
LOGGERS = ("apprise", "urllib3.connectionpool")
#: A number that no service can be made with.
ERRORS = {"bad_url": "number"}
#: Stands for a number to see whether the URLs are good at all.
SAMPLE = "+15005550006"


class Settings(Form):
    """What an account needs: the services' URLs, which hold their credentials."""

    urls = TextAreaField(
        _l("Service URLs"),
        [v.InputRequired()],
        render_kw={"secret": True},
        description=_l("One a line, e.g. clickatell://token@from/{to}; {to} with the plus, {number} without it."),
    )  # fmt: skip

    def validate_urls(self, field):
        """Each line looks like a URL of a service."""
        for number, line in enumerate(_lines(field.data), 1):
            if not re.match(r"[a-z][a-z0-9+.-]*://\S+$", line, re.I):
                raise v.ValidationError(_("Line %(n)s is no URL such as clickatell://….", n=number))


class Apprise(Provider):
    """Sends by the library, each text through every URL."""

    name = "apprise"
    title = "Apprise"
    about = _l("A hundred-odd notification services by one URL each; no receipts.")
    Form = Settings
    ERRORS = ERRORS
    batch_size = 20

    def send(self, messages: Sequence[Outgoing]) -> Sequence[Result]:
        if not messages:
            return []
        library, until = _library(), clock.monotonic() + CALL_S
        urls = _lines(self.settings["urls"])
        samples = [_service(library, _filled(url, SAMPLE)) for url in urls]
        for number, sample in enumerate(samples, 1):
            if sample is None:
                raise BadConfig(f"Apprise knows no service for line {number} of the service URLs.")
        outcomes: list[Result | ProviderError] = []
        for message in messages:
            if clock.monotonic() > until:
                outcomes.append(Throttled("Earlier texts took the time of this call.", after_s=1))
            else:
                outcomes.append(self._one(library, urls, samples, message))
        return settled(outcomes)

    def _one(self, library: Any, urls: Sequence[str], samples: Sequence[Any], message: Outgoing) -> Result:
        services = [_service(library, _filled(url, message.to)) for url in urls]
        if not all(map(_takes, services, samples)):
            return self.refusal("bad_url", "The service does not take this number.")
        notifier = library.Apprise(asset=library.AppriseAsset(app_id="Cooee", async_mode=False))
        for service in services:
            notifier.add(service)
        try:
            taken = notifier.notify(body=message.text, body_format=library.NotifyFormat.TEXT)
        except Exception as error:
            # A hundred services by a hundred authors: whatever one raises may come after it sent.
            return Result("unknown", code=type(error).__name__)
        return (
            Result("accepted")
            if taken
            else Result("unknown", code="not_taken", reason="The service said no.")
        )


# --- small parsers --------------------------------------------------------------------------------------


def _library() -> Any:
    """The library, silenced."""
    try:
        import apprise
    except ImportError:
        raise BadConfig(
            "The library apprise is missing; install it with: pip install cooee[apprise]"
        ) from None
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return apprise


def _service(library: Any, url: str) -> Any:
    """A service of a URL; None when there is none."""
    return library.Apprise.instantiate(url, asset=library.AppriseAsset(app_id="Cooee", async_mode=False))


def _takes(service: Any, sample: Any) -> bool:
    """Services drop numbers they find wrong, and some then text their own sender."""
    return service is not None and bool(_targets(service)) >= bool(_targets(sample))


def _targets(service: Any) -> Any:
    return getattr(service, "targets", None)


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _filled(url: str, to: str) -> str:
    return url.replace("{to}", quote(to, safe="")).replace("{number}", to.lstrip("+"))


@hookimpl
def register_providers():
    return [Apprise]
