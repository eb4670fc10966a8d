"""Arrival rates of many small groups: each leans on its kind as far as its own numbers are few.

Two levels.  A group is one account and carrier, a cell one hour of the day in it.  Cell rates scatter around
the rate of their group with strength m (Beta(mμ, m(1 − μ))), group rates around the common one with Beta(A, B):

    μ    = (K + A) / (N + A + B)                          of a group with K arrivals of N texts
    mean = (mμ + k) / (m + n)                             of a cell with k of n
    var  = mean(1 − mean)/(m + n + 1) + (m/(m + n))² Var(μ)

The interval is that of the Beta distribution with this mean and variance.  m is found by its greatest
posterior under log m ~ N(log 200, 1): the greatest likelihood alone is far too sure of itself (its 95 %
intervals cover 61–67 %, docs/arrival.md).  Counts may be fractions: the past counts less by age.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, lgamma, log

from core.measure.arrival import beta

#: After so many days a text counts half.
HALF_LIFE_DAYS = 14.0
#: log m ~ N(log 200, 1); of the groups, where few are known, log(A + B) ~ N(log 30, 1.5).
_M_PRIOR, _GROUPS_PRIOR = (log(200.0), 1.0), (log(30.0), 1.5)
#: A new server knows no group: two texts of which one arrived weigh nothing against a hundred.
_NEUTRAL = (0.5, 1.0)

#: (arrived, texts)
Count = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A rate with its standard deviation squared; `n` is what it rests on."""

    mean: float
    variance: float
    n: float

    def interval(self, share: float = 0.95) -> tuple[float, float]:
        """Where the rate lies with this probability."""
        return beta.interval(self.mean, self.variance, share)


@dataclass(frozen=True, slots=True)
class Fit:
    """What the groups have in common: Beta(a, b) of their rates, and how strongly cells hold together."""

    a: float
    b: float
    m: float

    def group(self, arrived: float, n: float) -> Estimate:
        """The rate of a group."""
        mean = (arrived + self.a) / (n + self.a + self.b)
        return Estimate(mean, mean * (1.0 - mean) / (n + self.a + self.b + 1.0), n)

    def cell(self, group: Estimate, arrived: float, n: float) -> Estimate:
        """The rate of a cell of that group; that of the group, less surely, for a cell without texts."""
        m = self.m
        mean = (m * group.mean + arrived) / (m + n)
        variance = mean * (1.0 - mean) / (m + n + 1.0) + (m / (m + n)) ** 2 * group.variance
        return Estimate(mean, variance, n)


def weight(age_days: float) -> float:
    """What a text of this age counts."""
    return 0.5 ** (max(age_days, 0.0) / HALF_LIFE_DAYS)


def fit(groups: Sequence[Sequence[Count]]) -> Fit:
    """Learn from groups of cells, all at once; without any text, what a neutral server would expect."""
    totals = [(sum(k for k, _n in cells), sum(n for _k, n in cells)) for cells in groups]
    a, b = _between([(k, n) for k, n in totals if n > 0])
    known = Fit(a, b, 0.0)
    members = [
        (known.group(k, n).mean, [cell for cell in cells if cell[1] > 0])
        for (k, n), cells in zip(totals, groups, strict=True)
        if n > 0
    ]
    return Fit(a, b, exp(_highest(lambda x: _cells_score(x, members), log(2.0), log(100_000.0))))


def _between(totals: Sequence[Count]) -> tuple[float, float]:
    """A and B of the groups' Beta distribution."""

    def mean(strength: float) -> float:
        # What a group says of the mean grows with its texts, but not beyond what groups differ by.
        weights = [n * (strength + 1.0) / (n + strength) for _k, n in totals]
        arrived = sum(w * k / n for w, (k, n) in zip(weights, totals, strict=True))
        return (arrived + _NEUTRAL[0]) / (sum(weights) + _NEUTRAL[1])

    def score(x: float) -> float:
        strength = exp(x)
        a = strength * mean(strength)
        return _prior(x, _GROUPS_PRIOR) + _likelihood(totals, a, strength - a)

    strength = exp(_highest(score, log(0.5), log(10_000.0))) if totals else exp(_GROUPS_PRIOR[0])
    centre = mean(strength)
    return strength * centre, strength * (1.0 - centre)


def _cells_score(x: float, members: Sequence[tuple[float, Sequence[Count]]]) -> float:
    m = exp(x)
    return _prior(x, _M_PRIOR) + sum(_likelihood(cells, m * mu, m * (1.0 - mu)) for mu, cells in members)


def _prior(x: float, normal: tuple[float, float]) -> float:
    return -0.5 * ((x - normal[0]) / normal[1]) ** 2


def _likelihood(counts: Sequence[Count], a: float, b: float) -> float:
    """Log-likelihood of beta-binomial counts, but for what depends on neither a nor b."""
    both, total = a + b, 0.0
    for k, n in counts:
        total += lgamma(k + a) + lgamma(n - k + b) - lgamma(n + both)
    return total + len(counts) * (lgamma(both) - lgamma(a) - lgamma(b))


def _highest(score: Callable[[float], float], low: float, high: float, exact: float = 0.02) -> float:
    """Where a curve with one hill is highest: golden section."""
    golden = 0.6180339887498949
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left, at_right = score(left), score(right)
    while high - low > exact:
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = score(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = score(right)
    return (low + high) / 2
