"""The laws of segmenters, content checks, metrics, rules and sources of facts about numbers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from core.contract import types as t
from core.contract.errors import ProviderError, Refusal
from core.contract.samples import CONTACT, DRAFTS, MESSAGES, PARAMS, Context
from core.contract.testing.laws import Broken, named

LEVELS = ("block", "warn", "info", "good")
LINE_TYPES = ("unknown", "mobile", "fixed", "mobile_or_fixed", "voip", "toll_free", "premium", "other")
#: A check runs while someone types.
CHECK_MS = 50.0


def check_segmenter(cls: type[t.Segmenter], params: Mapping[str, Any] | None = None) -> list[str]:
    """The laws a segmenter breaks.  `params` are params it takes; default: those of its form."""
    broken = Broken()
    if not named(broken, cls, t.Segmenter):
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
    if not named(broken, cls, t.ContentCheck):
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
    if not named(broken, cls, t.Metric):
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
    if not named(broken, cls, t.NumberIntelligence):
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
