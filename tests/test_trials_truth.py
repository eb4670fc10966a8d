"""The intervals of a report cover the truth: 100 trials of three accounts whose truth is known.

Every trial is planned and started as any other; the fates of its texts are drawn with a fixed seed and written
as messages with receipts, which the job reads, and as texts seen on phones.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from dataclasses import dataclass

from core import clock
from core.db import database
from core.db.codes import Cls, State
from core.measure.trials import confirm, report, run
from core.sending import direct, handsets
from tests import trials_kit as kit

TRIALS, PHONES, TEXTS = 100, 20, 160
H = clock.HOUR_MS


@dataclass(frozen=True)
class Truth:
    """Of texts taken: `came` arrive; of those `unsaid` have no receipt "delivered" and `damaged` are changed;
    of those that did not come `lies` have one.  Seconds to the phone and of the receipt: least + exponential."""

    taken: float
    came: float
    unsaid: float
    lies: float
    damaged: float
    other_sender: float
    phone_s: tuple[float, float]
    receipt_s: tuple[float, float]

    def quantities(self) -> dict[str, float]:
        delivered = self.came * (1 - self.unsaid) + (1 - self.came) * self.lies
        return {
            "accepted": self.taken, "arrival": self.came, "claimed": delivered,
            "false": (1 - self.came) * self.lies / delivered, "missing": self.unsaid, "damaged": self.damaged,
            "replaced": self.other_sender,
        }  # fmt: skip


ACCOUNTS = (
    Truth(0.97, 0.95, 0.06, 0.20, 0.05, 0.08, (1.0, 4.0), (2.0, 6.0)),
    Truth(0.90, 0.85, 0.10, 0.50, 0.10, 0.15, (2.0, 9.0), (3.0, 10.0)),
    Truth(0.94, 0.70, 0.20, 0.80, 0.20, 0.30, (5.0, 60.0), (8.0, 40.0)),
)


def quantile(shape: tuple[float, float], q: float) -> float:
    return shape[0] - shape[1] * math.log(1 - q)


def test_the_intervals_cover_the_truth_in_93_of_100_trials(rt_sqlite):
    rt = rt_sqlite
    of = kit.simulators(rt, 3)
    hits: dict[tuple[str, int], int] = defaultdict(int)
    for seed in range(TRIALS):
        trial = kit.draft(rt, of, PHONES, seed="Sim A", texts=TEXTS)
        run.start(rt, trial, "ann")
        fates(trial, of, random.Random(seed))
        run.collect(trial)
        confirm.close(trial)
        count(report.make(rt, trial), hits)
    told = dict(sorted(hits.items()))
    print(*(f"{name:14} {place}: {n}" for (name, place), n in told.items()), sep="\n")
    names = {name for name, _place in told}
    assert len(names) == 12
    worst = {name: sum(n for (one, _p), n in told.items() if one == name) / (TRIALS * 3) for name in names}
    assert all(share >= 0.93 for share in worst.values()), worst


def count(told: report.Report, hits: dict) -> None:
    for place, (line, truth) in enumerate(zip(told.lines, ACCOUNTS, strict=True)):
        for name, value in truth.quantities().items():
            share = getattr(line.figures, name)
            assert share.n > 80
            low, high = share.interval
            hits[name, place] += low <= value <= high
        for name, found, shape in (
            ("phone", line.figures.by_phone, truth.phone_s),
            ("receipt", line.figures.by_receipt, truth.receipt_s),
        ):
            for q, one in zip((0.5, 0.95), found, strict=True):
                real = quantile(shape, q)
                hits[f"{name} p{q * 100:.0f}", place] += (one.low or 0) <= real <= (one.high or math.inf)
    for place, pair in enumerate(told.pairs):
        first, second = ((0, 1), (0, 2), (1, 2))[place]
        real = ACCOUNTS[first].taken * ACCOUNTS[first].came - ACCOUNTS[second].taken * ACCOUNTS[second].came
        hits["difference", place] += pair.low <= real <= pair.high


def fates(trial: int, of: list[int], rng: random.Random) -> None:
    """Draw what became of every text, and write it as a provider and a phone would have told."""
    now = clock.now_ms()
    base, campaign = now << 20, direct.campaign(Cls.notice)
    messages, given, seen = [], [], []
    # Not by id: that is the order of the schedule, which is drawn anew for every trial.
    for i, (account, *_place, text_id) in enumerate(
        sorted(kit.texts(trial, "account_id, number_id, round, id"))
    ):
        truth, at = ACCOUNTS[of.index(account)], now - 48 * H + i
        taken, came = rng.random() < truth.taken, rng.random() < truth.came
        said = rng.random() < (1 - truth.unsaid if came else truth.lies)
        state = State.rejected if not taken else State.delivered if said else State.undelivered
        final = at + seconds(rng, truth.receipt_s)
        message = base + trial * 10_000 + i
        messages.append(
            (message, campaign, text_id, message, 0, int(Cls.notice), int(state), account, at, final, 1, 0)
        )
        given.append((message, text_id))
        damaged, other = rng.random() < truth.damaged, rng.random() < truth.other_sender
        phone = at + seconds(rng, truth.phone_s)
        if taken and came:
            sender = "10690000" if other else "10691234"
            seen.append(handsets.Seen(text_id, "damaged" if damaged else "yes", "handset", phone, "", sender))
    with database.write_tx():
        columns = ("id", "campaign_id", "contact_id", "dedupe", "variant", "cls", "state", "account_id",
                   "submitted_at", "final_at", "parts", "cost_micros")  # fmt: skip
        database.copy_rows("message", columns, messages)
        database.executemany("UPDATE trial_text SET state = 'given', message_id = ? WHERE id = ?", given)
        handsets.keep(seen)


def seconds(rng: random.Random, shape: tuple[float, float]) -> int:
    return round((shape[0] + rng.expovariate(1 / shape[1])) * 1000)
