"""What each answer of an SMSC means: refusals, the account's trouble, and a carrier that wants it slower."""

from __future__ import annotations

import time

import pytest

from core import BadConfig, Throttled, Unreachable
from core.addresses import Rules
from plugins.providers import _smpp_flight
from tests.servers import wait_for
from tests.smpp.kit import Sink, made, many, outcomes

REFUSALS = [
    (0x0B, "rejected", "ESME_RINVDSTADR", "number"),
    (0x0A, "rejected", "ESME_RINVSRCADR", "route"),
    (0x01, "rejected", "ESME_RINVMSGLEN", "content"),
    (0x08, "retry", "ESME_RSYSERR", "temporary"),
    (0x45, "retry", "ESME_RSUBMITFAIL", "temporary"),
    (0x0400, "rejected", "0x00000400", "other"),
]


@pytest.mark.parametrize(("status", "outcome", "code", "kind"), REFUSALS)
def test_a_refusal_means_what_its_code_means(server, status, outcome, code, kind):
    server.act = server.refuse(status)
    provider = made(server.port)
    (result,) = provider.send(many(1))
    assert (result.outcome, result.code, provider.kind(code)) == (outcome, code, kind)
    provider.close()


def test_what_people_made_of_a_code_counts(server):
    server.act = server.refuse(0x0400)
    provider = made(server.port)
    provider.errors = {**provider.errors, "0x00000400": "optout"}
    (result,) = provider.send(many(1))
    assert (result.outcome, result.reason) == ("rejected", "opted_out")
    provider.close()


def test_a_refused_account_halts_only_when_nothing_was_taken(server):
    server.act = server.refuse(0x0E)
    provider = made(server.port)
    with pytest.raises(BadConfig, match="ESME_RINVPASWD"):
        provider.send(many(3))
    server.act = lambda session, submit: (
        server.accept(session, submit) if submit.dest.endswith("0") else server.refuse(0x0E)(session, submit)
    )
    assert outcomes(provider.send(many(3))) == ["accepted", "retry", "retry"]
    provider.close()


@pytest.mark.parametrize("status", [0x0E, 0x0F])
def test_bad_credentials_halt_the_account_and_are_not_tried_again(server, status, caplog):
    server.bind_status = status
    provider = made(server.port, Sink())
    with pytest.raises(BadConfig, match="refused the bind"):
        provider.send(many(1))
    tried = len(server.binds)
    time.sleep(0.3)
    assert len(server.binds) == tried
    assert "sesame-7" not in caplog.text
    # A person put it right at the carrier: the next send knocks again.
    server.bind_status = 0
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_a_bind_that_is_refused_for_now_is_tried_again(server, quick):
    server.bind_status = 0x05
    provider = made(server.port, Sink())
    with pytest.raises(Unreachable, match="ESME_RALYBND"):
        provider.send(many(1))
    server.bind_status = 0
    wait_for(lambda: server.sessions, 5)
    assert outcomes(provider.send(many(1))) == ["accepted"]
    provider.close()


def test_no_connection_means_nothing_was_sent(server):
    server.down()
    provider = made(server.port)
    with pytest.raises(Unreachable):
        provider.send(many(3))
    provider.close()


def test_an_internal_host_needs_the_operators_word(server):
    provider = made(server.port)
    provider.outgoing = Rules()
    with pytest.raises(BadConfig, match="http_allow"):
        provider.send(many(1))
    provider.close()
    assert server.binds == []


def test_throttled_texts_go_again_slower(server, quick):
    taken = []

    def act(session, submit):
        taken.append(submit.dest)
        if len(taken) % 3:
            server.accept(session, submit)
        else:
            server.refuse(0x58 if len(taken) % 2 else 0x14)(session, submit)

    server.act = act
    provider = made(server.port, window=8)
    results = provider.send(many(40))
    assert outcomes(results) == ["accepted"] * 40
    assert len(taken) > 40
    assert len({result.provider_id for result in results}) == 40
    provider.close()


def test_a_carrier_that_is_too_busy_gets_a_pause(server, quick, monkeypatch):
    monkeypatch.setattr(_smpp_flight, "PATIENCE_S", 0.1)
    server.act = server.refuse(0x58)
    provider = made(server.port, window=5)
    with pytest.raises(Throttled) as caught:
        provider.send(many(20))
    assert caught.value.after_s >= 1
    # While it is left alone nothing is tried: of twenty texts a few were on the wire.
    assert len(server.submits) < 20
    provider.close()


def test_a_rate_is_kept_within_two_in_a_hundred(server):
    provider = made(server.port, rate_per_s=400, window=100)
    provider.send(many(1))
    kept: list[float] = []
    # A busy machine steals time, but hardly three times in a row.
    while len(kept) < 3 and max(kept, default=0.0) < 0.98:
        started = time.monotonic()
        provider.send(many(800))
        kept.append(800 / (time.monotonic() - started) / 400)
        assert kept[-1] <= 1.02
    assert max(kept) >= 0.98
    provider.close()
