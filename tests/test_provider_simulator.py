"""The simulator: the same seed gives the same result, in every process; receipts pushed or polled."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import Counter

import pytest

from core import Inbound, Outgoing, Receipt
from core.sending.accounts import checked
from plugins.providers import simulator as module
from plugins.providers.null import Null
from plugins.providers.simulator import Simulator
from tests.servers import wait_for


def made(**given) -> Simulator:
    return Simulator(checked(Simulator, {key: str(value) for key, value in given.items()}))


def many(n: int) -> list[Outgoing]:
    return [Outgoing(f"R{i:015d}", f"+86138{i:08d}", "text", "1069") for i in range(n)]


class Sink:
    def __init__(self):
        self.items: list = []
        self.fail = 0
        self.lock = threading.Lock()

    def put(self, items):
        with self.lock:
            if self.fail:
                self.fail -= 1
                raise RuntimeError("the database is away")
            self.items += items


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "RECEIPT_S", (0.01, 0.1))
    monkeypatch.setattr(module, "REPLY_S", (0.01, 0.1))


def test_the_same_seed_gives_the_same_result_whenever_and_wherever_it_is_asked():
    messages = many(300)
    refs = [(message.ref, None) for message in messages]
    first, again, other = made(seed=7), made(seed=7, receipts="poll"), made(seed=8)
    assert first.send(messages) == again.send(list(reversed(messages)))[::-1]
    assert list(first.poll(refs)) == list(again.poll(refs))
    assert list(first.poll(refs)) != list(other.poll(refs))
    program = (
        "from plugins.providers.simulator import Fate; "
        "print([Fate(7, f'R{i:015d}').provider_id for i in range(5)])"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert told.strip() == str([module.Fate(7, message.ref).provider_id for message in messages[:5]])


def test_shares_are_kept():
    provider = made(accept_rate=0.8, deliver_rate=0.6)
    messages = many(5_000)
    accepted = sum(result.outcome == "accepted" for result in provider.send(messages))
    states = Counter(receipt.state for receipt in provider.poll([(m.ref, None) for m in messages]))
    assert abs(accepted / 5_000 - 0.8) < 0.03
    assert sum(states.values()) == accepted
    assert abs(states["delivered"] / accepted - 0.6) < 0.03
    assert set(states) == {"delivered", "undelivered", "expired"}


def test_a_look_up_agrees_with_the_send():
    provider = made(accept_rate=0.5)
    for message, result in zip(many(100), provider.send(many(100)), strict=True):
        found = provider.look_up(message.ref)
        assert found.known == (result.outcome == "accepted")
        assert found.provider_id == result.provider_id or not found.known


def test_receipts_and_replies_are_pushed(quick):
    provider, sink = made(reply_rate=0.2, optout_rate=0.2, deliver_rate=0.9), Sink()
    provider.open(sink)
    results = provider.send(many(500))
    accepted = sum(result.outcome == "accepted" for result in results)
    wait_for(lambda: sum(isinstance(item, Receipt) for item in list(sink.items)) == accepted, 10)
    provider.close()
    expected = {receipt.ref: receipt.state for receipt in provider.poll([(m.ref, None) for m in many(500)])}
    pushed = {item.ref: item.state for item in sink.items if isinstance(item, Receipt)}
    assert pushed == expected
    replies = [item for item in sink.items if isinstance(item, Inbound)]
    stops = [item for item in replies if item.text in sum(module.STOPS.values(), ())]
    assert 40 < len(stops) < 150
    assert 40 < len(replies) - len(stops) < 150
    assert all(item.at.tzinfo and item.id and item.to == "1069" for item in replies)


def test_what_is_not_due_yet_is_handed_over_at_the_close():
    provider, sink = made(accept_rate=1, deliver_rate=1), Sink()
    provider.open(sink)
    provider.send(many(1_200))
    provider.close()
    assert len({item.ref for item in sink.items if isinstance(item, Receipt)}) == 1_200


def test_duplicates_and_disorder_can_be_had(quick):
    provider, sink = made(duplicate_rate=0.5, shuffle="yes", accept_rate=1), Sink()
    provider.open(sink)
    provider.send(many(400))
    provider.close()
    receipts = [item.ref for item in sink.items if isinstance(item, Receipt)]
    assert 520 < len(receipts) < 680
    assert list(dict.fromkeys(receipts)) != sorted(set(receipts))


def test_a_sink_that_fails_gets_them_again(quick):
    provider, sink = made(accept_rate=1, reply_rate=0, optout_rate=0), Sink()
    sink.fail = 2
    provider.open(sink)
    provider.send(many(50))
    wait_for(lambda: len(sink.items) == 50, 10)
    provider.close()


def test_polled_receipts_are_not_pushed():
    provider, sink = made(receipts="poll"), Sink()
    provider.open(sink)
    provider.send(many(50))
    provider.close()
    assert sink.items == []


def test_latency_is_that_of_a_call():
    started = time.monotonic()
    made(latency_ms=80).send(many(100))
    # One after the other a hundred would take 8 s.
    assert 0.08 <= time.monotonic() - started < 4


def test_null_accepts_everything():
    results = Null(checked(Null, {})).send(many(500))
    assert len(results) == 500
    assert {result.outcome for result in results} == {"accepted"}
