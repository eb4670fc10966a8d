"""The Beta distribution: its share below a point, and the point below which a share lies.

Continued fraction of the incomplete beta function by Lentz's method (Press et al., Numerical Recipes, 6.4);
start of the inversion: Abramowitz and Stegun 26.5.22, then Halley's steps inside a bracket.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p, sqrt
from statistics import NormalDist

_TINY = 1e-300
_NORMAL = NormalDist()


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction; good where x < (a + 1) / (a + b + 2)."""
    total, up, down = a + b, a + 1.0, a - 1.0
    c, d = 1.0, 1.0 - total * x / up
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    made = d
    for m in range(1, 10_000):
        two = 2 * m
        term = m * (b - m) * x / ((down + two) * (a + two))
        d, c = 1.0 + term * d, 1.0 + term / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        made *= d * c
        term = -(a + m) * (total + m) * x / ((a + two) * (up + two))
        d, c = 1.0 + term * d, 1.0 + term / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        step = d * c
        made *= step
        if abs(step - 1.0) < 1e-12:
            break
    return made


def cdf(x: float, a: float, b: float) -> float:
    """The share of Beta(a, b) below `x`; a, b > 0."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, 1.0 - x) / b


def quantile(share: float, a: float, b: float) -> float:
    """The point below which `share` of Beta(a, b) lies, to six digits."""
    low, high, x = 0.0, 1.0, _start(share, a, b)
    front = lgamma(a + b) - lgamma(a) - lgamma(b)
    for _ in range(60):
        error = cdf(x, a, b) - share
        low, high = (low, x) if error > 0 else (x, high)
        density = exp(front + (a - 1.0) * log(x) + (b - 1.0) * log1p(-x))
        step = error / density if density > 0 else 2.0
        step /= 1.0 - 0.5 * min(1.0, step * ((a - 1.0) / x - (b - 1.0) / (1.0 - x)))
        after = x - step
        if not low <= after <= high:
            after = (low + high) / 2
        # Halley's error is the cube of the step: one this small leaves nothing to look at again.
        if abs(after - x) <= 1e-4 * min(x, 1.0 - x) or after in (0.0, 1.0):
            return after
        x = after
    return x


def _start(share: float, a: float, b: float) -> float:
    if a > 1.0 and b > 1.0:
        y = -_NORMAL.inv_cdf(share)
        k = (y * y - 3.0) / 6.0
        h = 2.0 / (1.0 / (2.0 * a - 1.0) + 1.0 / (2.0 * b - 1.0))
        if h + k > 0:
            w = y * sqrt(h + k) / h
            w -= (1.0 / (2.0 * b - 1.0) - 1.0 / (2.0 * a - 1.0)) * (k + 5.0 / 6.0 - 2.0 / (3.0 * h))
            return min(1 - 1e-9, max(1e-9, a / (a + b * exp(2.0 * w))))
    return min(1 - 1e-9, max(1e-9, a / (a + b)))


def interval(mean: float, variance: float, share: float = 0.95) -> tuple[float, float]:
    """The middle `share` of the Beta distribution with this mean and variance."""
    if not 0.0 < mean < 1.0 or variance <= 0.0:
        return mean, mean
    strength = max(mean * (1.0 - mean) / variance - 1.0, 1e-3)
    a, b, tail = mean * strength, (1.0 - mean) * strength, (1.0 - share) / 2
    return quantile(tail, a, b), quantile(1.0 - tail, a, b)
