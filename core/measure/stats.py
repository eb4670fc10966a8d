"""Intervals and sample sizes for shares.  Plain formulas; no data here.

Sources: Wilson (1927); Newcombe, Statistics in Medicine 17 (1998), method 10; Donner and Zou, Statistical
Methods in Medical Research 21 (2012), MOVER-R.  The plain Wald interval is not used anywhere: with a small
hold-out it claims a lift three times as often as it may (docs/measurement.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, fsum, inf, isfinite, lgamma, log, sqrt
from statistics import NormalDist

#: Below this a share is not told, only its counts; up to four times as many it is marked as weak.
NEED = 30
#: 97.5 % point of the normal distribution: two-sided 95 %.
Z95 = 1.959963984540054


def z_of(alpha: float) -> float:
    """The point of the normal distribution beyond which, on both sides together, a share `alpha` lies."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def wilson(successes: int, n: int, z: float = Z95) -> tuple[float, float] | None:
    """Interval of a share; None when `n` is 0."""
    if n <= 0:
        return None
    p, z2 = successes / n, z * z
    centre = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = z * sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return (
        0.0 if successes == 0 else max(0.0, centre - half),
        1.0 if successes == n else min(1.0, centre + half),
    )


def newcombe(x1: int, n1: int, x2: int, n2: int, z: float = Z95) -> tuple[float, float] | None:
    """Interval of the difference of two shares, x1/n1 − x2/n2; None when an arm is empty."""
    first, second = wilson(x1, n1, z), wilson(x2, n2, z)
    if first is None or second is None:
        return None
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2), d = first, second, p1 - p2
    return d - sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2), d + sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)


def lift(x1: int, n1: int, x2: int, n2: int, z: float = Z95) -> tuple[float, float, float] | None:
    """(lift, low, high) of x1/n1 over x2/n2 as a share, 0.1 = 10 % better.

    `high` is infinite when the second arm has no success; None when that makes the lift itself unknown.
    """
    first, second = wilson(x1, n1, z), wilson(x2, n2, z)
    if first is None or second is None or x2 == 0:
        return None
    p1, p2 = x1 / n1, x2 / n2
    (l1, u1), (l2, u2), m = first, second, p1 * p2
    low = (m - sqrt(max(0.0, m * m - l1 * u2 * (2 * p1 - l1) * (2 * p2 - u2)))) / (u2 * (2 * p2 - u2) or inf)
    divisor = l2 * (2 * p2 - l2)
    high = (
        (m + sqrt(max(0.0, m * m - u1 * l2 * (2 * p1 - u1) * (2 * p2 - l2)))) / divisor
        if divisor > 0
        else inf
    )
    return p1 / p2 - 1, max(-1.0, low - 1), high - 1 if isfinite(high) else inf


def welch(
    first: Sequence[float], n1: int, second: Sequence[float], n2: int, z: float = Z95
) -> tuple[float, float, float]:
    """(low, difference, high) of two means of n1 and n2 people, all but these values being 0; by Welch."""
    (m1, v1), (m2, v2) = _moments(first, n1), _moments(second, n2)
    half = z * sqrt(v1 / n1 + v2 / n2)
    return m1 - m2 - half, m1 - m2, m1 - m2 + half


def _moments(values: Sequence[float], n: int) -> tuple[float, float]:
    mean = fsum(values) / n
    squares = fsum((each - mean) ** 2 for each in values) + (n - len(values)) * mean * mean
    return mean, squares / (n - 1)


def uneven(n1: int, n2: int, share: float, weight: float = 1000.0) -> float:
    """Evidence (an e-value, valid at every look) that a lot did not give `share` of the people to the first group."""

    def beta(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    a, b = weight * share, weight * (1 - share)
    if not 0 < share < 1:
        return 1.0
    return exp(min(700.0, beta(a + n1, b + n2) - beta(a, b) - n1 * log(share) - n2 * log(1 - share)))


def arm_size(p1: float, p2: float, ratio: float = 1.0, alpha: float = 0.05, power: float = 0.8) -> int:
    """People the first arm needs to tell p1 from p2; the second arm has `ratio` times as many.

    Raises `ValueError` when p1 equals p2: no number of people would do.
    """
    if p1 == p2:
        raise ValueError("equal shares cannot be told apart")
    normal = NormalDist()
    za, zb = normal.inv_cdf(1 - alpha / 2), normal.inv_cdf(power)
    pooled = (p1 + ratio * p2) / (1 + ratio)
    spread = za * sqrt((1 + 1 / ratio) * pooled * (1 - pooled))
    spread += zb * sqrt(p1 * (1 - p1) + p2 * (1 - p2) / ratio)
    n = (spread / (p1 - p2)) ** 2
    return int(n) + (n > int(n))


def detectable(
    base: float, n_texted: int, n_kept: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest rise over `base` (both shares) these two groups can show; None when none below 1 can.

    Found by bisection on `arm_size`, which falls as the difference grows.
    """
    if n_texted <= 0 or n_kept <= 0:
        return None
    ratio, low, high = n_texted / n_kept, 0.0, 1.0 - base - 1e-9
    if high <= 0 or arm_size(base, base + high, ratio, alpha, power) > n_kept:
        return None
    for _ in range(50):
        middle = (low + high) / 2
        if middle > 0 and arm_size(base, base + middle, ratio, alpha, power) <= n_kept:
            high = middle
        else:
            low = middle
    return high
