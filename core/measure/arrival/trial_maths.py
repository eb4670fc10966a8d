"""How many texts a trial needs, and what it can say: sizes and intervals for trying a provider.

Sources: Wilson (1927); Connor, Biometrics 43 (1987), size for pairs; Tango, Statistics in Medicine 17 (1998),
interval for pairs; exact McNemar is the binomial test on the pairs that differ.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil, comb, sqrt
from statistics import NormalDist

from core.measure import stats

#: Sizes are told with the usual two digits of z.
Z = 1.96
_NORMAL = NormalDist()


def wilson(k: int, n: int, z: float = stats.Z95) -> tuple[float, float]:
    """Interval of the share k of n; everything is possible when `n` is 0."""
    return stats.wilson(k, n, z) or (0.0, 1.0)


def size_for(p: float, margin: float) -> int:
    """Texts needed to know an arrival of about `p` to ± `margin`: the Wilson interval is no wider than twice it.

    Raises `ValueError` for a share or a margin outside 0..1.
    """
    if not 0 <= p <= 1 or not 0 < margin < 1:
        raise ValueError("a share lies between 0 and 1, a margin between them")
    return _least(lambda n: _half(p, n) <= margin)


def _half(p: float, n: int) -> float:
    return Z * sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)


def _least(enough: Callable[[int], bool]) -> int:
    """The smallest n that is enough, of a condition that stays true once it is."""
    high = 1
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def zero_failures_bound(n: int) -> float:
    """All of `n` texts arrived: the share that fails is below this, 95 % sure."""
    return 1.0 if n <= 0 else 1.0 - 0.05 ** (1.0 / n)


def two_provider_size(p1: float, p2: float, power: float = 0.8) -> int:
    """Texts through each of two providers, on different numbers, to tell their arrivals apart."""
    return stats.arm_size(p1, p2, power=power)


def mcnemar_size(d01: float, d10: float, power: float = 0.8) -> int:
    """Pairs needed when the same numbers get a text through both providers.

    `d01` is the share that only the second reaches, `d10` the share that only the first does.  Raises
    `ValueError` when both are the same.
    """
    difference, differing = d10 - d01, d10 + d01
    if difference == 0:
        raise ValueError("equal shares cannot be told apart")
    za, zb = Z, _NORMAL.inv_cdf(power)
    n = ((za * sqrt(differing) + zb * sqrt(differing - difference**2)) / difference) ** 2
    return ceil(n - 1e-9)


def paired(n01: int, n10: int, n: int) -> tuple[float, float, float, float]:
    """(difference, low, high, p) of two providers on the same `n` numbers.

    `n01` numbers only the second reached, `n10` only the first; the difference is first − second with Tango's
    95 % interval; p is McNemar's, exact.  Raises `ValueError` for counts beyond `n`.
    """
    if min(n01, n10) < 0 or n01 + n10 > n or n <= 0:
        raise ValueError("the pairs that differ are among all pairs")
    return (n10 - n01) / n, _tango(n01, n10, n, stats.Z95), _tango(n01, n10, n, -stats.Z95), mcnemar(n01, n10)


def _tango(n01: int, n10: int, n: int, z: float) -> float:
    """The difference at which the score statistic, which falls as the difference grows, is `z`."""
    low, high = -1.0, 1.0
    while high - low > 1e-10:
        middle = (low + high) / 2
        b = -n10 - n01 + (2 * n - n10 + n01) * middle
        c = -n01 * middle * (1 - middle)
        q = (sqrt(max(0.0, b * b - 8 * n * c)) - b) / (4 * n)
        spread = sqrt(max(1e-300, n * (2 * q + middle * (1 - middle))))
        low, high = (middle, high) if (n10 - n01 - n * middle) / spread > z else (low, middle)
    return (low + high) / 2


def mcnemar(n01: int, n10: int) -> float:
    """The exact two-sided p of "both reach the same share"; 1 when no pair differs."""
    differing = n01 + n10
    if not differing:
        return 1.0
    tail = sum(comb(differing, i) for i in range(min(n01, n10) + 1))
    return min(1.0, 2 * tail / 2**differing)
