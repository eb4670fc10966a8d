"""A share as metrics give it."""

from __future__ import annotations

from core.contract.types import MetricValue
from core.measure import stats


def share(part: int, whole: int, **more) -> MetricValue:
    """A share with its Wilson interval; no value without a denominator."""
    return MetricValue(
        value=part / whole if whole else None,
        numerator=part,
        denominator=whole,
        interval=stats.wilson(part, whole),
        **more,
    )


def of_reached(part: int, delivered: int, unproven: int, **detail) -> MetricValue:
    """The share of people who did something with a text they must have got, of those it certainly reached.

    What they did proves that it arrived: the `unproven`, who have no receipt, are counted beside the
    `delivered`.  Where no receipt came at all nobody knows how many it reached: counts, and no share.
    """
    if unproven:
        detail["without_receipt"] = unproven
    if unproven and not delivered:
        return MetricValue(None, part, delivered + unproven, detail=detail)
    return share(part, delivered + unproven, detail=detail)
