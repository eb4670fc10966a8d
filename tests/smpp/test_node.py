"""Campaigns through a public SMPP server, node's `smpp`: every text there once, every receipt matched.

The server is installed into a cache folder the first time.  Where node is missing the tests are skipped and
say how to get it; with CI set they fail.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter

import pytest

from core import clock
from core.audience import consent
from core.bench import smsc
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.sending import accounts, batch, breaker, rate, receipts
from plugins.providers import _smpp_link
from tests import campaign_kit as kit
from tests.send_kit import due_now, whole
from tests.servers import free_port, wait_for

TEXTS = {
    "gsm7": ("Winter sale at [Cooee]: 20% off until Sunday @ all shops. Reply STOP to opt out", 1),
    "ucs2": ("【Cooee】本周全场八折，凭短信到店使用。拒收请回复R STOP", 1),
    "long": ("Sale at [Cooee]: " + "20% off {boots} until Sunday, €5 off scarves. " * 4 + "Reply STOP to opt out", 2),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def node():
    try:
        return smsc.package()
    except Refusal as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def allowed(monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    monkeypatch.setattr(breaker, "OPEN_MS", 200)
    monkeypatch.setattr(_smpp_link, "AGAIN_S", 0.05)


@pytest.fixture
def closing():
    """Runtimes whose connections end with the test."""
    made = []
    yield made.append
    for rt in made:
        accounts.close_providers(rt)


def crowd(rt, n: int) -> None:
    """People in France, where plain texts go as GSM-7."""
    now, index = clock.now_ms(), rt.keys.blind_index
    first = (database.scalar("SELECT MAX(id) FROM contact") or 0) + 1
    found = list(enumerate((f"+336{i:08d}" for i in range(n)), first))
    with database.write_tx():
        database.copy_rows(
            "contact", ("id", "phone_bidx", "phone_enc", "tail", "source", "created_at", "updated_at"),
            [(i, index(p), rt.keys.seal_number(p), int(p[-4:]), "", now, now) for i, p in found],
        )  # fmt: skip
        database.copy_rows(
            "profile", ("contact_id", "country", "language", "line_type", "created_at"),
            [(i, "FR", "", 1, now) for i, _p in found],
        )  # fmt: skip
        for at in range(0, n, 1_000):
            some = found[at : at + 1_000]
            consent.record(rt, [consent.Event(i, index(p), Cls.mass, "opt_in", "test") for i, p in some])
        if database.is_postgres():
            database.execute("SELECT setval(pg_get_serial_sequence('contact', 'id'), ?)", (first + n,))


def campaign(rt, closing, n: int, text: str, port: int, rate: float | None = None, **settings) -> int:
    closing(rt)
    crowd(rt, n)
    given = {"host": "127.0.0.1", "port": port, "system_id": "cooee", "window": 100, **settings}
    account = accounts.create(rt, "node", "smpp", given, rate_per_s=rate).id
    template = kit.template("text", en=text)
    made = kit.campaign(rt, account_id=account, templates=[(template, 1)], options={"approve": "off"})
    kit.launched(rt, made)
    return made


def run(rt, made: int, seconds: float = 60.0) -> None:
    """Send until nothing waits."""
    until = time.monotonic() + seconds
    while database.scalar("SELECT COUNT(*) FROM message WHERE campaign_id = ? AND state < 3", (made,)):
        assert time.monotonic() < until, kit.states(made)
        if not batch.send(rt, made):
            due_now(made)
            time.sleep(0.05)


def settled(rt, made: int, **states: int) -> None:
    """Apply receipts until the campaign looks like this."""

    def ready():
        receipts.apply(rt)
        return kit.states(made) == states

    try:
        wait_for(ready, 30)
    except TimeoutError:
        pytest.fail(f"{kit.states(made)} is not {states}")


@pytest.mark.parametrize("how", ["gsm7", "ucs2", "udh", "sar", "payload"])
def test_ten_thousand_texts_with_a_receipt_for_each(rt_sqlite, closing, tmp_path, how):
    text, parts = TEXTS.get(how) or TEXTS["long"]
    n, log = 10_000 if how in ("gsm7", "ucs2", "udh") else 1_000, tmp_path / "log"
    settings = {"long": how} if how in ("sar", "payload") else {}
    with smsc.server(receipts=True, twice=10, log=str(log)) as server:
        made = campaign(rt_sqlite, closing, n, text, server.port, **settings)
        run(rt_sqlite, made)
        settled(rt_sqlite, made, delivered=n)
    wanted = 1 if how == "payload" else parts
    accepted = Counter(log.read_text().split("\n")[:-1])
    assert len(accepted) == n * wanted and set(accepted.values()) == {1}
    assert database.query("SELECT DISTINCT parts FROM message") == [(parts,)]
    whole(rt_sqlite)


def test_failures_of_single_parts_fail_their_messages(rt, closing):
    n = 600
    with smsc.server(receipts=True, fail=7) as server:
        made = campaign(rt, closing, n, TEXTS["long"][0], server.port)
        run(rt, made)
        # Parts have numbers 1, 2 · 3, 4 · …: each seventh says UNDELIV, and takes its message with it.
        failed = len({(part - 1) // 2 for part in range(7, 2 * n + 1, 7)})
        settled(rt, made, delivered=n - failed, undelivered=failed)
    assert database.query("SELECT DISTINCT reason FROM message WHERE state = 5") == [("042",)]
    whole(rt)


def test_a_pair_of_connections_gets_its_receipts_too(rt_sqlite, closing):
    with smsc.server(receipts=True) as server:
        made = campaign(
            rt_sqlite, closing, 500, TEXTS["gsm7"][0], server.port, bind="transmitter+receiver", binds=2
        )
        run(rt_sqlite, made)
        settled(rt_sqlite, made, delivered=500)


def test_a_server_killed_and_started_again_loses_nothing_and_sends_nothing_twice(rt, closing, tmp_path):
    n, window, kills, log, port = 4_000, 50, 3, tmp_path / "log", free_port()
    servers = [smsc.Server(port, latency_ms=5, log=str(log))]
    made = campaign(rt, closing, n, TEXTS["gsm7"][0], port, window=window)

    def kill():
        for at in range(1, kills + 1):
            wait_for(lambda at=at: len(log.read_bytes()) > at * n * 14 // (kills + 2), 30, 0.005)
            servers[-1].kill()
            time.sleep(0.1)
            servers.append(smsc.Server(port, latency_ms=5, log=str(log), first=at * 100_000))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        run(rt, made)
        killer.join(30)
        run(rt, made)
    finally:
        servers[-1].kill()
    accepted, found = Counter(log.read_text().split("\n")[:-1]), kit.states(made)
    assert set(accepted.values()) == {1}, "a text came twice"
    assert found["accepted"] + found.get("in_doubt", 0) == n, found
    assert found.get("in_doubt", 0) <= window * kills
    assert found["accepted"] <= len(accepted) <= n
    whole(rt)


def test_throttling_is_honoured(rt_sqlite, closing):
    n, per_s = 900, 300
    with smsc.server(per_s=per_s) as server:
        made = campaign(rt_sqlite, closing, n, TEXTS["gsm7"][0], server.port, window=50)
        run(rt_sqlite, made)
        figures = server.figures()
    assert kit.states(made) == {"accepted": n}
    assert figures["taken"] == n
    # Declined are a few each second, not a storm.
    assert 0 < figures["throttled"] < n / 2
    whole(rt_sqlite)


@pytest.mark.parametrize("whose", ["provider", "core"])
def test_a_rate_is_kept_and_never_exceeded_by_two_in_a_hundred(rt_sqlite, closing, whose):
    n, per_s = 1_500, 500
    given = {"rate_per_s": per_s} if whose == "provider" else {"rate": per_s}
    # Core lets a tenth of a second's worth go at once after a rest, the connection nothing.
    burst = 1 if whose == "provider" else rate.burst(per_s)
    with smsc.server() as server:
        made = campaign(rt_sqlite, closing, n, TEXTS["gsm7"][0], server.port, **given)
        run(rt_sqlite, made)
        figures = server.figures()
    assert figures["taken"] == n
    # Slower only as far as a busy machine steals time; faster never.
    assert 0.9 <= (n - burst) / (figures["ms"] / 1000) / per_s <= 1.02


def test_a_window_is_never_exceeded(rt_sqlite, closing):
    with smsc.server(latency_ms=5) as server:
        made = campaign(rt_sqlite, closing, 1_000, TEXTS["gsm7"][0], server.port, window=40)
        run(rt_sqlite, made)
        assert server.figures()["most"] == 40
