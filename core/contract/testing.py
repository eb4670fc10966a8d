"""The contract suite: laws every provider, segmenter, check, metric and rule keeps.

Each `check_*` takes a class and returns the laws it breaks, as sentences; an empty list is a pass.

    def test_it_keeps_the_contract():
        assert check_provider(Mine, {"api_key": "x"}) == []

`cooee plugin check PATH` runs them over everything a file or package registers.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from wtforms import Form as WTForm

from core.contract import types as t
from core.contract.errors import BadResponse, CooeeError, Forged, ProviderError, Refusal
from core.contract.samples import BODIES, CANARY, CONTACT, DRAFTS, MESSAGES, PARAMS, Context

OUTCOMES = ("accepted", "rejected", "retry", "unknown")
RECEIPT_STATES = ("accepted", "delivered", "undelivered", "expired", "rejected")
LEVELS = ("block", "warn", "info", "good")
LINE_TYPES = ("unknown", "mobile", "fixed", "mobile_or_fixed", "voip", "toll_free", "premium", "other")
#: A check runs while someone types.
CHECK_MS = 50.0


class Broken(list[str]):
    """Collects broken laws."""

    def law(self, holds: Any, sentence: str) -> bool:
        """Note `sentence` unless the law holds; returns whether it does."""
        if not holds and sentence not in self:
            self.append(sentence)
        return bool(holds)

    def only(
        self, allowed: tuple[type[BaseException], ...], what: str, work: Callable[..., Any], *args: Any
    ) -> Any:
        """The result of `work`; raising anything but `allowed` breaks a law."""
        try:
            return work(*args)
        except allowed:
            return None
        except Exception as error:
            self.append(f"{what} raised {type(error).__name__}: {str(error)[:200]}")
            return None


def _named(broken: Broken, cls: Any, base: type) -> bool:
    if not broken.law(
        isinstance(cls, type) and issubclass(cls, base), f"{cls!r} is no subclass of {base.__name__}"
    ):
        return False
    name = getattr(cls, "name", "")
    broken.law(
        name and name == name.lower() and name.isascii(), f"name {name!r} is empty or not lower-case ASCII"
    )
    broken.law(str(getattr(cls, "title", "")), "title is empty")
    return True


@contextmanager
def _logs() -> Iterator[list[str]]:
    lines: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Keep(), logging.getLogger()
    level = root.level
    root.handlers.insert(0, handler)  # before those that mask what they write
    root.setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


# --- providers ----------------------------------------------------------------------------------------


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
    if not _named(broken, cls, t.Provider):
        return broken
    broken.law(isinstance(cls.Form, type) and issubclass(cls.Form, WTForm), "Form is no WTForms form")
    _abilities(broken, cls)
    with _logs() as lines:
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


# --- segmenters, checks, metrics, rules ---------------------------------------------------------------


def check_segmenter(cls: type[t.Segmenter], params: Mapping[str, Any] | None = None) -> list[str]:
    """The laws a segmenter breaks.  `params` are params it takes; default: those of its form."""
    broken = Broken()
    if not _named(broken, cls, t.Segmenter):
        return broken
    made, ctx = cls(), Context()
    usual = (
        dict(params) if params is not None else {k: v for k, v in cls.Form().data.items() if v is not None}
    )
    for given in (usual, *PARAMS):
        before = repr(given)
        found = broken.only((Refusal,), f"where({given!r:.60})", made.where, given, ctx)
        if found is not None:
            broken.law(not isinstance(found, bool | str), "where gave a plain value, not an expression")
            broken.only((), "& | ~ on its expression", lambda found=found: (found & found) | ~found)
        words = broken.only((Refusal,), f"describe({given!r:.60})", made.describe, given, ctx)
        broken.law(words is None or isinstance(words, str), "describe gave no text")
        broken.law(repr(given) == before, "it changed the params it was given")
    if params is not None:
        broken.law(made.where(usual, ctx) is not None, "where gave nothing for params it takes")
        why = broken.only((Refusal,), "explain", made.explain, CONTACT, usual, ctx)
        broken.law(isinstance(why, str), "explain gave no text")
    return broken


def check_check(cls: type[t.ContentCheck]) -> list[str]:
    """The laws a content check breaks."""
    broken = Broken()
    if not _named(broken, cls, t.ContentCheck):
        return broken
    made = cls()
    for draft in DRAFTS:
        started = time.perf_counter()
        found = broken.only((), f"check of {draft.text[:20]!r}", lambda draft=draft: list(made.check(draft)))
        took_ms = (time.perf_counter() - started) * 1000
        broken.law(took_ms < CHECK_MS * 4, f"check took {took_ms:.0f} ms; it runs while someone types")
        if found is None:
            continue
        for finding in found:
            if not broken.law(
                isinstance(finding, t.Finding), f"check gave {type(finding).__name__}, no Finding"
            ):
                continue
            broken.law(
                finding.level in LEVELS, f"the level {finding.level!r} is not one of {', '.join(LEVELS)}"
            )
            broken.law(finding.code and str(finding.message), "a finding has no code or no message")
            lo, hi = finding.span or (0, 0)
            broken.law(0 <= lo <= hi <= len(draft.text), f"the span {finding.span} lies outside the text")
        broken.law(found == list(made.check(draft)), "the same draft gave other findings the second time")
    return broken


def check_metric(cls: type[t.Metric]) -> list[str]:
    """The laws a metric breaks; needs a connected database, which may be empty."""
    broken = Broken()
    if not _named(broken, cls, t.Metric):
        return broken
    made, day = cls(), datetime(2026, 1, 1, tzinfo=UTC)
    for scope in (
        t.Scope(),
        t.Scope(campaign_id=2**31 - 1),
        t.Scope(since=day, until=day),
        t.Scope(1, 0, 1, day),
    ):
        values = broken.only((), f"values({scope})", made.values, scope)
        if values is None or not broken.law(isinstance(values, Mapping), "values gave no mapping"):
            continue
        for name, value in values.items():
            if not broken.law(isinstance(value, t.MetricValue), f"{name} is no MetricValue"):
                continue
            empty = value.unit == "share" and value.denominator in (0, None)
            broken.law(
                not empty or value.value is None, f"{name} is {value.value} of nothing; it must be None"
            )
            lo, hi = value.interval or (0, 0)
            broken.law(lo <= hi, f"the interval of {name} is upside down")
        points = broken.only((), f"series({scope})", lambda scope=scope: list(made.series(scope)))
        broken.law(all(at.tzinfo for at, _value in points or ()), "series has a time without a zone")
    return broken


def check_rule(cls: type[t.Rule]) -> list[str]:
    """The laws a rule of a rule pack breaks."""
    broken = Broken()
    if not broken.law(isinstance(cls, type) and issubclass(cls, t.Rule), f"{cls!r} is no subclass of Rule"):
        return broken
    for name in ("id", "version", "as_of", "title", "source"):
        broken.law(str(getattr(cls, name)), f"{name} is empty")
    broken.law(set(cls.classes) <= set(t.CLASSES), f"classes {sorted(cls.classes)} are not all known")
    for hours in broken.only((), "hours", cls().hours) or ():
        broken.law(0 <= hours.start < hours.end <= 1440, f"{hours} is no span of a day")
        broken.law(hours.days <= frozenset(range(7)), f"{hours} names days there are not")
    return broken


def check_numbers(cls: type[t.NumberIntelligence]) -> list[str]:
    """The laws a source of facts about numbers breaks.  It is called with three numbers."""
    broken = Broken()
    if not _named(broken, cls, t.NumberIntelligence):
        return broken
    made, asked = cls(), [message.to for message in MESSAGES]
    broken.law(cls.batch_size >= 1, "batch_size must be at least 1")
    for numbers in ([], asked, asked[::-1]):
        found = broken.only((ProviderError,), f"facts of {len(numbers)} numbers", made.facts, numbers)
        if found is None:
            continue
        broken.law(len(found) == len(numbers), f"{len(numbers)} numbers gave {len(found)} facts")
        for facts in found:
            if not broken.law(isinstance(facts, t.NumberFacts), f"{type(facts).__name__} is no NumberFacts"):
                continue
            broken.law(facts.line_type in LINE_TYPES, f"{facts.line_type!r} is no line type")
            broken.law(facts.country in ("", facts.country[:2].upper()), f"{facts.country!r} is no country")
            broken.law(all("/" in zone for zone in facts.zones), f"{facts.zones} are no time zones")
    return broken


#: Family of `Plugins` → the check of its classes.
CHECKS: dict[str, Callable[[Any], list[str]]] = {
    "providers": check_provider,
    "segmenters": check_segmenter,
    "checks": check_check,
    "metrics": check_metric,
    "rules": check_rule,
    "numbers": check_numbers,
}


def check_all(plugins: Any) -> Iterator[tuple[str, str, list[str]]]:
    """(plugin, what, broken laws) of everything a `Plugins` holds; load failures and problems first."""
    for report in plugins.report():
        wrong = [f"could not be loaded: {report['reason']}"] if report["state"] == "failed" else []
        yield report["name"], "loading", wrong + report["problems"]
    for family, check in CHECKS.items():
        for name, thing in getattr(plugins, family).items():
            cls = thing if isinstance(thing, type) else type(thing)
            try:
                broken = check(cls)
            except CooeeError as error:
                broken = [str(error)]
            yield plugins.owner(family, name), f"{family[:-1]} {name}", broken
