"""Texts over a scripted SMSC: what is on the wire."""

from __future__ import annotations

import logging
import threading

import pytest

from core import BadConfig, Outgoing
from core.contract.kinds import KINDS
from core.contract.testing import check_provider
from plugins.providers import smpp as module
from plugins.providers.smpp import Smpp
from tests.servers import wait_for
from tests.smpp.kit import Sink, made, many, outcomes


def test_it_keeps_the_contract():
    assert check_provider(Smpp) == []


def test_every_code_has_a_kind_there_is():
    assert set(module.ERRORS.values()) <= set(KINDS)


def test_a_plain_text_goes_as_the_settings_say(server):
    provider = made(server.port, source_addr="+8610690000", system_type="VMA", validity_s=3661, data_coding=0)
    (result,) = provider.send([Outgoing("r1", "+8613812345678", "Hi @ [you]")])
    assert (result.outcome, result.provider_id) == ("accepted", "m1")
    (got,) = server.submits
    assert (got.source, got.source_ton, got.source_npi) == ("8610690000", 1, 1)
    assert (got.dest, got.dest_ton, got.dest_npi) == ("8613812345678", 1, 1)
    assert (got.data_coding, got.esm_class, got.registered) == (0, 0, 1)
    assert (got.text, got.validity) == (b"Hi \x00 \x1b<you\x1b>", "000000010101000R")
    assert server.binds == [b"cooee\0sesame-7\0VMA\0\x34\0\0\0"]
    provider.close()


@pytest.mark.parametrize(
    ("sender", "settings", "sent"),
    [("COOEE", {}, ("COOEE", 5, 0)), ("1069", {}, ("1069", 3, 0)), ("", {}, ("", 0, 0)),
     ("1069", {"source_ton": 0, "source_npi": 1}, ("1069", 0, 1)), ("106900001234", {}, ("106900001234", 1, 1))],
)  # fmt: skip
def test_a_sender_has_its_type(server, sender, settings, sent):
    provider = made(server.port, **settings)
    provider.send([Outgoing("r", "+8613812345678", "x", sender)])
    got = server.submits[0]
    assert (got.source, got.source_ton, got.source_npi) == sent
    provider.close()


@pytest.mark.parametrize(("text", "encoding"), [("中文😀", "ucs2"), ("plain", "ucs2"), ("中文", "gsm7")])
def test_unicode_goes_as_ucs2(server, text, encoding):
    provider = made(server.port)
    provider.send([Outgoing("r", "+8613812345678", text, encoding=encoding)])
    assert (server.submits[0].data_coding, server.submits[0].text) == (8, text.encode("utf-16-be"))
    provider.close()


@pytest.mark.parametrize(
    ("how", "n", "ids"), [("udh", 3, "m1 m2 m3"), ("sar", 3, "m1 m2 m3"), ("payload", 1, "m1")]
)
def test_a_long_text_is_one_message(server, how, n, ids):
    provider = made(server.port, long=how)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "y" * 400, parts=3)])
    assert (result.outcome, result.provider_id, result.parts) == ("accepted", ids, None)
    assert len(server.submits) == n and {got.dest for got in server.submits} == {"8613812345678"}
    provider.close()


def test_parts_are_told_when_the_carrier_gets_more_than_was_counted(server):
    provider = made(server.port, data_coding=8)
    (result,) = provider.send([Outgoing("r", "+8613812345678", "z" * 100, parts=1)])
    assert result.parts == 2
    provider.close()


def test_a_window_is_kept_and_filled_again(server):
    waiting, most, lock = [], [0], threading.Lock()

    def act(session, submit):
        with lock:
            waiting.append((session, submit))
            most[0] = max(most[0], len(waiting))
        if len(waiting) >= 4:
            for one in waiting[:]:
                waiting.remove(one)
                server.accept(*one)

    server.act = act
    provider = made(server.port, window=4)
    assert outcomes(provider.send(many(200))) == ["accepted"] * 200
    assert most[0] == 4
    assert [got.dest[-8:] for got in server.submits] == [f"{i:08d}" for i in range(200)]
    provider.close()


def test_several_threads_share_the_connection(server):
    provider, results = made(server.port, window=20), {}

    def send(n):
        results[n] = provider.send(many(100, f"thread {n}"))

    threads = [threading.Thread(target=send, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(server.binds) == 1 and len(server.submits) == 400
    ids = [result.provider_id for n in range(4) for result in results[n]]
    assert len(set(ids)) == 400
    provider.close()


def test_several_connections_and_pairs(server):
    provider = made(server.port, Sink(), bind="transmitter+receiver", binds=2)
    provider.send(many(100))
    wait_for(lambda: len(server.sessions) == 4, 5)
    assert sorted(session.command for session in server.sessions) == [1, 1, 2, 2]
    provider.send(many(100))
    provider.close()
    wait_for(lambda: server.commands.count(6) == 4, 5)


def test_neither_secret_nor_number_is_told(server, quick, caplog):
    caplog.set_level(logging.DEBUG)
    server.act = lambda session, submit: session.drop()
    provider = made(server.port, Sink())
    results = provider.send(many(3))
    server.bind_status = 0x0E
    wait_for(lambda: len(server.binds) > 1, 5)
    with pytest.raises(BadConfig) as caught:
        provider.send(many(1))
    provider.close()
    told = f"{caplog.text} {caught.value} {results}"
    assert "sesame-7" not in told and "8613800000" not in told
