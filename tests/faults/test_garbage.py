"""A gateway that answers every fourth text with garbage, in the whole way of a campaign."""

from __future__ import annotations

import socket
import time
from collections import Counter

import pytest

from core.http import MAX_BODY_BYTES, Client
from core.sending import accounts
from tests import campaign_kit as kit
from tests.faults.rig import SOAK, crowd
from tests.gateway import answer, drop, gateway
from tests.send_kit import awake, due_now, send_all, whole

EACH = 100 if SOAK else 1
#: The whole time an answer may take, instead of 35 s; a good one is never so late.
DEADLINE_S = 1.5


def _silent(_call, _connection):
    time.sleep(3 * DEADLINE_S)


def _trickle(_call, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    for _byte in range(20):
        time.sleep(DEADLINE_S / 4)
        connection.sendall(b"x")


def _half(_call, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")
    connection.shutdown(socket.SHUT_RDWR)


def _endless(_call, connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def _says(*reply, **headers):
    return lambda _call, _connection: answer(*reply, **headers)


#: What the gateway does → what the message is afterwards.
GARBAGE = {
    # Both wait for the deadline, in one window.
    _silent: "in_doubt",
    _trickle: "in_doubt",
    drop: "in_doubt",
    _half: "in_doubt",
    _endless: "in_doubt",
    _says(200, b"x" * (MAX_BODY_BYTES + 1)): "in_doubt",
    lambda _call, _connection: b"HTTP/1.1 200 OK\r\nX: " + b"y" * 400_000 + b"\r\n\r\n": "in_doubt",
    lambda _call, _connection: b"SSH-2.0-OpenSSH_9.2\r\n" * 4: "in_doubt",
    _says(302, Location="http://127.0.0.1:1/"): "in_doubt",
    _says(500): "in_doubt",
    _says(200, "<html>all is well</html>"): "in_doubt",
    _says(200, [[["sent"]]]): "in_doubt",
    _says(200, {"error": "no such sender"}): "in_doubt",
    _says(200, {"status": "failed", "code": "E7"}): "rejected",
}
N = 4 * len(GARBAGE) * EACH


def _kind(number: str):
    """What this number is answered with; None for an answer as it should be."""
    n = int(number[-8:])
    return list(GARBAGE)[n // 4 % len(GARBAGE)] if n % 4 == 3 else None


def _act(call, connection):
    kind = _kind(call.json["to"])
    return answer(200, {"id": f"g-{call.json['ref']}"}) if kind is None else kind(call, connection)


@pytest.fixture
def hasty(monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    monkeypatch.setenv("COOEE_HTTP_PLAIN", "1")
    for name in ("connect_s", "read_s"):
        monkeypatch.setitem(Client.__init__.__kwdefaults__, name, DEADLINE_S / 2)


def test_garbage_is_a_doubt_or_a_refusal_and_never_a_second_text(hasty, rt):
    with gateway(_act) as gate:
        crowd(rt, N)
        settings = {
            "url": gate.url, "concurrency": 8, "ref_path": "ref", "id_path": "id",
            "body": '{"ref": "{ref}", "to": "{to}", "text": "{text}"}',
        }  # fmt: skip
        account = accounts.create(rt, "garbage", "http", settings).id
        campaign = kit.campaign(rt, account_id=account, options={"approve": "off", "window": 8})
        kit.launched(rt, campaign)
        began = time.monotonic()
        send_all(rt, campaign, N)
        took_s = time.monotonic() - began
        for _again in range(2):
            awake()
            due_now(campaign)
            send_all(rt, campaign)
    asked = Counter(call.json["to"] for call in gate.calls)
    assert set(asked.values()) == {1} and len(asked) == N
    expected = Counter("accepted" if (kind := _kind(number)) is None else GARBAGE[kind] for number in asked)
    assert kit.states(campaign) == expected
    whole(rt)
    print(
        f"{N} messages, a quarter answered with garbage of {len(GARBAGE)} kinds: {dict(expected)} in {took_s:.0f} s"
    )
