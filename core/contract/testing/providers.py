"""The laws of providers.  Nothing is sent to anyone: addresses of the suite do not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms import Form as WTForm

from core.contract import types as t
from core.contract.errors import BadResponse, Forged, ProviderError
from core.contract.samples import BODIES, CANARY, MESSAGES
from core.contract.testing.laws import Broken, logs, named

OUTCOMES = ("accepted", "rejected", "retry", "unknown")
RECEIPT_STATES = ("accepted", "delivered", "undelivered", "expired", "rejected")


def settings_for(cls: type[t.Provider], given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Settings a provider can be made with: its defaults, a harmless URL, a canary in every secret."""
    made: dict[str, Any] = {}
    for field in cls.Form():
        secret = (field.render_kw or {}).get("secret")
        value = field.data
        if field.short_name == "endpoint":
            value = "https://gateway.invalid"  # never the vendor's own
        if value in (None, "") and "url" in field.short_name and field.flags.required:
            value = "https://gateway.invalid/send"
        made[field.short_name] = (
            CANARY if secret else "x" if value is None and field.flags.required else value
        )
    return {**made, **(given or {})}


def check_provider(cls: type[t.Provider], given: Mapping[str, Any] | None = None) -> list[str]:
    """The laws a provider breaks.  `given` are settings it cannot be made without.

    Nothing is sent to anyone: addresses of the suite do not exist, so a provider that uses the network must
    say `Unreachable`.
    """
    broken = Broken()
    if not named(broken, cls, t.Provider):
        return broken
    broken.law(isinstance(cls.Form, type) and issubclass(cls.Form, WTForm), "Form is no WTForms form")
    _abilities(broken, cls)
    with logs() as lines:
        settings = settings_for(cls, given)
        before = dict(settings)
        made = broken.only((), "making it", cls, settings, "https://cooee.invalid/hooks/x/receipt")
        if made is None:
            return broken
        broken.law(CANARY not in repr(made), "repr shows a secret")
        broken.law(
            isinstance(made.batch_size, int) and made.batch_size > 0, "batch_size is not a positive number"
        )
        empty = broken.only((), "send of nothing", made.send, [])
        broken.law(empty is not None and len(empty) == 0, "send of nothing does not give nothing")
        errors = [_sends(broken, made, messages) for messages in (MESSAGES[:1], MESSAGES[: made.batch_size])]
        errors += _webhooks(broken, made)
        broken.law(settings == before, "it changed its settings")
        broken.only((), "close", made.close)
        broken.only((), "a second close", made.close)
    told = "\n".join([*lines, *errors])
    broken.law(CANARY not in told, "a secret appears in a log or an error")
    broken.law(MESSAGES[0].to not in told, "a phone number appears in a log or an error")
    return broken


def _abilities(broken: Broken, cls: type[t.Provider]) -> None:
    for ability, method in (("can_look_up", "look_up"), ("can_poll", "poll"), ("pushes", "parse_webhook")):
        has = getattr(cls, method) is not getattr(t.Provider, method)
        broken.law(has or not getattr(cls, ability), f"{ability} is declared but {method} is missing")
    broken.law(cls.send is not t.Provider.send, "send is missing")
    ttl = cls.idempotency_ttl_s
    broken.law(ttl is None or ttl > 0, "idempotency_ttl_s must be None or a number of seconds")


def _sends(broken: Broken, made: t.Provider, messages: tuple[t.Outgoing, ...]) -> str:
    try:
        results = made.send(messages)
    except ProviderError as error:
        return str(error)
    except Exception as error:
        broken.append(f"send raised {type(error).__name__}, which is not on the list: {str(error)[:200]}")
        return ""
    if broken.law(len(results) == len(messages), f"{len(messages)} messages gave {len(results)} results"):
        for result in results:
            good = isinstance(result, t.Result) and result.outcome in OUTCOMES
            broken.law(good, f"{result!r} is no Result with one of the outcomes {', '.join(OUTCOMES)}")
    if made.idempotency_ttl_s and not broken:
        again = broken.only((ProviderError,), "send of the same again", made.send, messages)
        ids = [r.provider_id for r in results], [r.provider_id for r in again or results]
        broken.law(ids[0] == ids[1], "a repeated reference got another provider id, though it is idempotent")
    return " ".join(map(repr, results))


def _webhooks(broken: Broken, made: t.Provider) -> list[str]:
    if type(made).parse_webhook is t.Provider.parse_webhook:
        broken.law(not made.pushes, "pushes is declared but parse_webhook is missing")
        return []
    errors = []
    for kind in ("receipt", *made.inbound_kinds):
        for body in BODIES:
            for content_type in ("application/json", "application/x-www-form-urlencoded", ""):
                request = t.WebhookRequest(
                    kind,
                    "POST",
                    "https://cooee.invalid/hooks/x/" + kind,
                    {"content-type": content_type},
                    {},
                    body,
                )
                broken.only((Forged,), "verify_webhook", made.verify_webhook, request)
                try:
                    for item in made.parse_webhook(request):
                        _item(broken, item)
                except BadResponse as error:
                    errors.append(str(error))
                except Exception as error:
                    broken.append(
                        f"parse_webhook raised {type(error).__name__} for {body[:40]!r}: {str(error)[:100]}"
                    )
                status, _kind, reply = made.webhook_reply(request)
                broken.law(
                    200 <= status < 300 and isinstance(reply, str), "webhook_reply is not a 2xx with a text"
                )
    return errors


def _item(broken: Broken, item: Any) -> None:
    if isinstance(item, t.Receipt):
        broken.law(item.state in RECEIPT_STATES, f"a receipt has the state {item.state!r}")
        broken.law(item.ref or item.provider_id, "a receipt names no message")
        broken.law(item.at is None or item.at.tzinfo, "a receipt has a time without a zone")
    else:
        broken.law(isinstance(item, t.Inbound), f"parse_webhook gave {type(item).__name__}")
