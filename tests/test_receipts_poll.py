"""Providers that must be asked are asked, at their own pace, for what is open."""

from __future__ import annotations

import pytest

from core.db import database, settings
from core.db.codes import State
from core.sending import accounts, receipts
from tests.receiving import check_counters, gateway, messages, state_of

#: A simulator that is asked and always delivers: by default a few of its texts fail.
SURE = {"receipts": "poll", "accept_rate": "1", "deliver_rate": "1"}


@pytest.fixture
def account(rt):
    return accounts.create(rt, "sim", "simulator", SURE)


def due(account) -> None:
    """As if the last poll were long ago."""
    key = f"poll:{account.id}"
    settings.put(key, settings.get(key) | {"at": 0})


def test_a_poll_brings_every_open_message_to_its_end(rt, account):
    made = messages(rt, account, 700) + messages(rt, account, 30, State.in_doubt)
    ready = messages(rt, account, 5, State.ready)
    assert receipts.poll(rt, account.id) == 730
    assert set(state_of(made)) == {"delivered"}
    assert set(state_of(ready)) == {"ready"}
    check_counters()


def test_a_poll_keeps_its_pace_and_stops_when_nothing_is_open(rt, account, monkeypatch):
    asked = []
    provider = accounts.open_provider(rt, account)
    monkeypatch.setattr(provider, "poll", lambda refs: asked.append(len(refs)) or [])
    receipts.poll(rt, account.id)
    assert asked == []
    messages(rt, account, 3)
    receipts.poll(rt, account.id)
    receipts.poll(rt, account.id)
    assert asked == [3]
    due(account)
    receipts.poll_due(rt)
    assert asked == [3, 3]


def test_providers_that_cannot_be_asked_are_left_alone(rt_sqlite):
    account = gateway(rt_sqlite)
    messages(rt_sqlite, account, 3)
    receipts.poll_due(rt_sqlite)
    assert receipts.poll(rt_sqlite, account.id) == 0


def test_a_provider_that_fails_does_not_stop_the_others(rt_sqlite, monkeypatch):
    from core import Unreachable

    one, two = (accounts.create(rt_sqlite, name, "simulator", SURE) for name in ("a", "b"))
    made = messages(rt_sqlite, one, 2), messages(rt_sqlite, two, 2)

    def fail(refs):
        raise Unreachable("away")

    monkeypatch.setattr(accounts.open_provider(rt_sqlite, one), "poll", fail)
    receipts.poll_due(rt_sqlite)
    assert set(state_of(made[0])) == {"accepted"}
    assert "accepted" not in state_of(made[1])


def test_a_poll_starts_at_recent_messages(rt_sqlite):
    account = accounts.create(rt_sqlite, "sim", "simulator", {"receipts": "poll"})
    (old,) = messages(rt_sqlite, account, 1)
    eight_days = 8 * 86_400_000 << 20
    with database.write_tx():
        database.execute("UPDATE message SET id = id - ?", (eight_days,))
    assert receipts.poll(rt_sqlite, account.id) == 0
    assert state_of([old - eight_days]) == ["accepted"]
