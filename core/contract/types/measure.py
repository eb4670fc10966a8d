"""What came of it: metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Scope:
    """What a metric is asked about: a campaign (and variant), or a span of time.  None: not restricted."""

    campaign_id: int | None = None
    variant: int | None = None
    account_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class MetricValue:
    """A figure with what it is made of.  `value` is None when there is not enough data, never 0.

    `interval` is a 95 % interval (low, high) or None; `unit`: "share" | "count" | "micros";
    `detail` are named sub-figures, e.g. failures by reason; `note` a sentence such as "as of 14:32".
    """

    value: float | None
    numerator: int | float | None = None
    denominator: int | float | None = None
    interval: tuple[float, float] | None = None
    unit: str = "share"
    currency: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


class Metric:
    """A figure about a scope; read-only."""

    name: ClassVar[str] = ""
    title: ClassVar[str] = ""
    #: It reads more than counters, so the result page opens without it and asks for it afterwards.
    slow: ClassVar[bool] = False

    def values(self, scope: Scope) -> Mapping[str, MetricValue]:
        """One or more named figures, e.g. {"delivered": …, "failed": …}."""
        raise NotImplementedError

    def series(self, scope: Scope) -> Sequence[tuple[datetime, float | None]]:
        """The main figure per hour or day of the scope; empty when it has no shape in time."""
        return ()
