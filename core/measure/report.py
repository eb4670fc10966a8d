"""The report of one campaign: figures of every metric, arms compared, reasons, the way of a message."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from core import clock
from core.contract.types import MetricValue, Scope
from core.db import database
from core.db.codes import State
from core.db.models import Campaign
from core.measure import counts, optouts, stats
from core.runtime import Runtime

log = logging.getLogger("cooee.measure")


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant beside the first: delivered and opt-outs, the difference to arm A with its interval.

    `verdict` is "better" (fewer people opted out than with A), "worse" or "early"; "" for A.
    """

    idx: int
    counts: counts.Counts
    delivered: MetricValue | None
    optouts: MetricValue | None
    difference: tuple[float, float, float] | None = None
    verdict: str = ""


@dataclass(slots=True)
class Report:
    """What the result page and `campaign show` say.  `as_of` is epoch ms; `final` once nothing moves."""

    campaign: Campaign
    counts: counts.Counts
    states: dict[str, int]
    metrics: dict[str, MetricValue]
    arms: list[Arm] = field(default_factory=list)
    failures: list[tuple[int, str, str, int]] = field(default_factory=list)
    exclusions: dict[str, int] = field(default_factory=dict)
    hours: list[tuple[int, int, int]] = field(default_factory=list)
    as_of: int = 0
    #: Every opt-out that counts for a text has come: a verdict is read once, not whenever it happens to look good.
    settled: bool = False

    @property
    def final(self) -> bool:
        """True when no receipt and no opt-out can change the figures any more; a link may still be followed."""
        return self.settled and not self.awaits_receipts

    @property
    def awaits_receipts(self) -> bool:
        """Can a receipt, or the answer of a provider, still change the figures?"""
        moving = ("ready", "claimed", "submitting", "accepted", "in_doubt")
        ended = self.campaign.state in ("done", "cancelled")
        return not ended or any(self.states.get(s) for s in moving)


def metrics(rt: Runtime, scope: Scope, *, slow: bool | None = None) -> dict[str, MetricValue]:
    """Every figure of every metric, or of the `slow` ones alone, or without them.

    One that raises is logged and left out, the others stay.
    """
    found: dict[str, MetricValue] = {}
    for name, metric in rt.plugins.metrics.items():
        if slow not in (None, metric.slow):
            continue
        try:
            found.update(metric.values(scope))
        except Exception:
            log.exception("metric %s of plugin %s failed", name, rt.plugins.owner("metrics", name))
    return found


def as_json(value: MetricValue) -> dict[str, Any]:
    """A figure as `campaign show --json` gives it."""
    made = {
        "value": value.value,
        "numerator": value.numerator,
        "denominator": value.denominator,
        "interval": list(value.interval) if value.interval else None,
        "unit": value.unit,
    }
    if value.currency:
        made["currency"] = value.currency
    if value.detail:
        made["detail"] = dict(value.detail)
    return made


def build(rt: Runtime, campaign: Campaign, *, slow: bool | None = None) -> Report:
    """Read everything a report needs, with the figures `metrics` gives for `slow`.

    Reads counters, not message rows, but for reasons and countries.
    """
    scope = Scope(campaign_id=campaign.id)
    hours, now = counts.by_hour(scope), clock.now_ms()
    settled = campaign.state in ("done", "cancelled") and all(
        (hour + 1) * clock.HOUR_MS + optouts.WINDOW_MS <= now for hour, *_n in hours
    )
    return Report(
        campaign=campaign,
        counts=counts.read(scope),
        states=counts.by_state(campaign.id),
        metrics=metrics(rt, scope, slow=slow),
        arms=_arms(rt, campaign.id, settled),
        failures=counts.failures(campaign.id),
        exclusions=_not_texted(campaign.id),
        hours=hours,
        as_of=now,
        settled=settled,
    )


def _not_texted(campaign_id: int) -> dict[str, int]:
    """{reason: people} who were left out, and whose text never left, most frequent first."""
    found = Counter(counts.reasons(campaign_id, State.skipped))
    found.update(counts.reasons(campaign_id, *counts.FAILED, sent=False))
    return dict(found.most_common())


def _arms(rt: Runtime, campaign_id: int, settled: bool) -> list[Arm]:
    rows = database.query("SELECT idx FROM variant WHERE campaign_id = ? ORDER BY idx", (campaign_id,))
    if len(rows) < 2:
        return []
    arms: list[Arm] = []
    for (idx,) in rows:
        scope = Scope(campaign_id=campaign_id, variant=idx)
        found = metrics(rt, scope, slow=False)
        difference = _difference(found.get("optouts"), arms, len(rows) - 1)
        verdict = _verdict(difference if settled else None) if arms else ""
        arms.append(
            Arm(idx, counts.read(scope), found.get("delivered"), found.get("optouts"), difference, verdict)
        )
    return arms


def _verdict(difference: tuple[float, float, float] | None) -> str:
    if difference is None or difference[0] <= 0 <= difference[2]:
        return "early"
    return "better" if difference[2] < 0 else "worse"


def _difference(
    value: MetricValue | None, earlier: list[Arm], compared: int
) -> tuple[float, float, float] | None:
    """(low, difference, high) of opt-outs against arm A, as shares; None with too few in one of the two.

    The intervals of all that are `compared` with A hold together (Bonferroni).
    """
    if not earlier or value is None or earlier[0].optouts is None:
        return None
    first = earlier[0].optouts
    if value.value is None or first.value is None:
        return None
    if min(value.denominator or 0, first.denominator or 0) < stats.NEED:
        return None
    interval = stats.newcombe(
        int(value.numerator or 0),
        int(value.denominator or 0),
        int(first.numerator or 0),
        int(first.denominator or 0),
        stats.z_of(0.05 / compared),
    )
    if interval is None:
        return None
    return interval[0], value.value - first.value, interval[1]
