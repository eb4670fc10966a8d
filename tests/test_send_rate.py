"""The rate limit as arithmetic: never more than the burst ahead, whoever asks."""

from __future__ import annotations

import random
import threading

import pytest

from core import clock
from core.db import database
from core.sending import rate
from tests.send_kit import Tape, setup


@pytest.fixture
def account(rt):
    return setup(rt, Tape(), 1)[1]


@pytest.mark.parametrize("per_s", [0.5, 1.0, 7.0, 50.0, 1000.0])
def test_never_more_than_rate_and_burst(account, per_s):
    start = now = clock.now_ms()
    given, seed = 0, random.Random(per_s)
    while now < start + 20_000:
        with database.write_tx():
            n, wait_s = rate.allow("account", account, per_s, seed.randint(1, 40), now)
            rate.spend("account", account, per_s, n, now)
        given += n
        assert given <= rate.burst(per_s) + per_s * (now - start) / 1000 + 1
        now += max(1, int(wait_s * 1000)) if n == 0 else seed.randint(0, 30)
    assert given >= per_s * 20 * 0.9 - 1, "and it is used"


def test_workers_share_it(rt, account):
    per_s, got = 100.0, []
    until = clock.monotonic() + 1.0

    def work():
        mine = 0
        while clock.monotonic() < until:

            def once():
                with database.write_tx():
                    now = clock.now_ms()
                    n, _wait = rate.allow("account", account, per_s, 5, now)
                    rate.spend("account", account, per_s, n, now)
                return n

            mine += database.retry_locked(once)
        got.append(mine)
        database.reopen()

    began = clock.monotonic()
    threads = [threading.Thread(target=work) for _n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = clock.monotonic() - began
    assert sum(got) <= rate.burst(per_s) + per_s * took + 1


def test_a_clock_that_was_set_back_does_not_block(account):
    now = clock.now_ms()
    with database.write_tx():
        rate.spend("account", account, 10.0, 1, now + clock.DAY_MS)
        assert rate.allow("account", account, 10.0, 5, now)[0] == 1


def test_only_accounts_and_campaigns_have_a_rate(rt_sqlite):
    with pytest.raises(ValueError, match="no rate"):
        rate.allow("contact", 1, 1.0, 1, 0)
