"""The alarm for a drop in arrival: a Bernoulli CUSUM over overdispersion, and the way back.

Messages of an account in the order of their submit, in batches of 50.  Each failure adds
log((1 − p1)/(1 − p0)), each arrival log(p1/p0) < 0, divided by φ; the sum never falls below 0, and above 10 it
is an alarm.  p0 is what the account usually gives, p1 = p0 − 0.10.  φ, Pearson's χ² over degrees of freedom of
the last 500 batches, says how much more batches differ than chance allows (texts of one minute share a
carrier's fate): without it an account of ordinary clumsiness rings 150 times in 10,000 batches (docs/arrival.md).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import exp, log

BATCH = 50
THRESHOLD = 10.0
DROP = 0.10
#: Batches φ is worked out of.
HISTORY = 500
#: A new account's φ counts as if so many batches had shown so much.
_PHI_PRIOR = (20, 1.5)
#: Nobody is held to more than this, and who gives less than the other is not watched: there is nothing to drop.
BEST, LEAST = 0.99, 0.30
#: The canary: arrival within this of the usual is as good as the usual, shown by an e-value of 20 or 200 texts.
MARGIN, ENOUGH, CLEAN = 0.02, 20.0, 200
#: Shares of the traffic on the way back, in basis points; after the last one the account is trusted.
STEPS = (100, 1_000, 5_000)


def score(sent: int, arrived: int, p0: float, drop: float = DROP) -> float:
    """What a batch adds to the sum before φ."""
    p0 = min(p0, BEST)
    p1 = p0 - drop
    return (sent - arrived) * log((1.0 - p1) / (1.0 - p0)) + arrived * log(p1 / p0)


class Phi:
    """Overdispersion of the last batches, kept up to date in constant time: Σ(k − np)²/np(1 − p) by sums."""

    def __init__(self, batches: Iterable[tuple[int, int]] = ()):
        self.batches: deque[tuple[int, int]] = deque()
        self._sent = self._arrived = 0
        self._squares = 0.0
        for sent, arrived in batches:
            self.add(sent, arrived)

    def add(self, sent: int, arrived: int) -> None:
        """Take one more batch; the oldest of more than 500 is forgotten."""
        self.batches.append((sent, arrived))
        self._count(sent, arrived, 1)
        if len(self.batches) > HISTORY:
            self._count(*self.batches.popleft(), -1)

    def _count(self, n: int, k: int, sign: int) -> None:
        self._sent, self._arrived = self._sent + sign * n, self._arrived + sign * k
        self._squares += sign * k * k / n

    @property
    def value(self) -> float:
        """φ; never below 1."""
        count, usual = _PHI_PRIOR
        if not 0 < self._arrived < self._sent:
            return 1.0 if len(self.batches) == HISTORY else usual
        p = self._arrived / self._sent
        chi2 = (self._squares - p * self._arrived) / (p * (1.0 - p))
        weight = count * (1.0 - len(self.batches) / HISTORY)
        return max(1.0, (chi2 + weight * usual) / (len(self.batches) - 1 + weight))


@dataclass(slots=True)
class Cusum:
    """The running sum of one account or carrier; `add` says when it becomes an alarm.

    `began_at` is when the sum last left 0, `sent` and `arrived` what was seen since.
    """

    p0: float
    phi: Phi = field(default_factory=Phi)
    value: float = 0.0
    began_at: int = 0
    sent: int = 0
    arrived: int = 0
    threshold: float = THRESHOLD

    def add(self, sent: int, arrived: int, first_at: int = 0) -> bool:
        """Count a batch; True for an alarm.  A batch counts towards φ after it was judged, unless it rang."""
        if self.value <= 0.0:
            self.began_at, self.sent, self.arrived = first_at, 0, 0
        self.sent, self.arrived = self.sent + sent, self.arrived + arrived
        self.value = max(0.0, self.value + score(sent, arrived, self.p0) / self.phi.value)
        if self.value > self.threshold:
            return True
        self.phi.add(sent, arrived)
        return False

    def reset(self) -> None:
        """Begin again at 0; what is known of φ stays."""
        self.value, self.began_at, self.sent, self.arrived = 0.0, 0, 0, 0


@dataclass(slots=True)
class Canary:
    """One step of the way back: is the account as good as before, on the little it gets?"""

    p0: float
    tried: int = 0
    arrived: int = 0
    evidence: float = 0.0

    def add(self, sent: int, arrived: int) -> str:
        """Count texts; "passed", "failed", or "" while it is open.

        The e-value sets "as usual" against "just not good enough": under the second it passes 20 with a
        chance of at most one in twenty, however often one looks.
        """
        good = min(self.p0, BEST)
        poor = good - MARGIN
        self.tried, self.arrived = self.tried + sent, self.arrived + arrived
        self.evidence += arrived * log(good / poor) + (sent - arrived) * log((1.0 - good) / (1.0 - poor))
        if self.evidence >= log(ENOUGH):
            return "passed"
        if self.tried < CLEAN:
            return ""
        return "passed" if self.arrived / self.tried >= poor else "failed"

    @property
    def e_value(self) -> float:
        """The evidence as a number one can read; capped, as it can grow without bound."""
        return exp(min(self.evidence, 20.0))


def next_step(bp: int) -> int:
    """The share of traffic after `bp`, in basis points; 10,000 when the account is trusted again."""
    return next((step for step in STEPS if step > bp), 10_000)
