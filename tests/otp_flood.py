"""A process that asks for codes as fast as it can: `python -m tests.otp_flood SEED N` → what it was told."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter

from core.app import compose
from core.contract.errors import Refusal
from core.sending.otp import service, wishes
from tests.otp_kit import APP

#: Prefixes of seven digits, addresses, and one run of neighbours among them all.
PREFIXES = [f"86138{n:02}" for n in range(10, 22)]
ADDRESSES = [f"198.51.100.{n}" for n in range(1, 25)]
RUN = [f"+861393{5_000_000 + n}" for n in range(21)]


def requests(chance: random.Random, n: int):
    """Requests; one in ten is of the run, which comes from everywhere and from no known address."""
    for _n in range(n):
        if chance.random() < 0.1:
            yield wishes.Wish(chance.choice(RUN))
        else:
            number = f"+{chance.choice(PREFIXES)}{chance.randrange(10**6):06}"
            yield wishes.Wish(number, ip=chance.choice(ADDRESSES))


def main(seed: int, n: int) -> None:
    rt = compose()
    told: Counter[str] = Counter()
    print("ready", flush=True)
    sys.stdin.readline()
    for wish in requests(random.Random(seed), n):
        try:
            service.send(rt, APP, wish)
            told["sent"] += 1
        except Refusal as refusal:
            told[getattr(refusal, "reason", str(refusal))] += 1
    print(json.dumps(told))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
