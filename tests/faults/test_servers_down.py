"""PostgreSQL or the queue's server gone without a word in the middle of a campaign, and back again."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from peewee import InterfaceError, OperationalError

from core.app import compose
from core.db import database
from core.instance import create as create_instance
from core.sending import leases
from tests.faults import servers
from tests.faults.rig import SOAK, Rig
from tests.postgres import admin, named
from tests.servers import wait_for

N, TIMES = (20_000, 30) if SOAK else (160, 2)
PATIENCE_S = 600 if SOAK else 60


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Postgres]:
    with servers.postgres() as server:
        yield server


@pytest.fixture
def on_postgres(postgres, tmp_path, monkeypatch) -> Iterator[Rig]:
    folder, name = tmp_path / "instance", f"cooee_{secrets.token_hex(6)}"
    admin(postgres.url, f'CREATE DATABASE "{name}"')
    url = named(postgres.url, name)
    create_instance(folder, database_url=url)
    database.proxy.close()
    yield rig_of({"COOEE_INSTANCE": str(folder), "COOEE_DATABASE_URL": url}, tmp_path, monkeypatch)
    database.reopen()


@pytest.fixture
def valkey(tmp_path) -> Iterator[servers.Valkey]:
    folder = tmp_path / "valkey"
    folder.mkdir()
    server = servers.Valkey(folder)
    yield server
    server.close()


@pytest.fixture
def on_valkey(instance, valkey, tmp_path, monkeypatch) -> Iterator[Rig]:
    yield rig_of(instance | {"COOEE_QUEUE_URL": valkey.url}, tmp_path, monkeypatch)
    database.reopen()


def rig_of(environment: dict[str, str], folder: Path, monkeypatch) -> Rig:
    for key, value in {**environment, "COOEE_HTTP_ALLOW": "127.0.0.1"}.items():
        monkeypatch.setenv(key, value)
    return Rig(compose(), folder)


def test_postgresql_stopped_at_once_and_started_again(on_postgres, postgres):
    rig = on_postgres
    with rig.running(COOEE_TEST_SETTLE_S="1", COOEE_TEST_BEAT_S="0.5"):
        account = rig.account("/send?ms=20", ref_path="ref", **rig.lookup())
        campaign = rig.campaign(N, account, window=8)
        for _worker in range(2):
            rig.whole()
        for stop in range(TIMES):
            rig.middle(stop, TIMES, N)
            postgres.stop()
            postgres.start()
        wait_for(lambda: asked(lambda: not rig.on_the_way(campaign)), PATIENCE_S)
        rig.drain()
        assert rig.judge(campaign, N, 8, doubts=0)["accepted"] == N
    print(f"PostgreSQL stopped at once {TIMES} times")


def test_the_queues_server_killed_and_started_again(on_valkey, valkey):
    """Three campaigns, so that the queue always holds the hint of one that nobody is at."""
    rig, n = on_valkey, N // 3
    with rig.running():
        account = rig.account("/send?ms=60", ref_path="ref")
        first = rig.campaign(n, account, window=8)
        campaigns = [first, *(rig.again(account, f"Another {at}", window=8) for at in range(2))]
        for _worker in range(2):
            rig.whole()
        for kill in range(TIMES):
            rig.middle(kill, TIMES, 3 * n)
            valkey.kill()
            # A page enqueues meanwhile.
            rig.rt.enqueue("send", first)
            valkey.start()
        wait_for(lambda: not any(map(rig.on_the_way, campaigns)), PATIENCE_S)
        rig.drain()
        for campaign in campaigns:
            assert rig.judge(campaign, n, 8, doubts=0)["accepted"] == n
    print(f"the queue's server killed {TIMES} times")


def test_after_a_cut_connection_the_next_statement_has_a_new_one(on_postgres):
    cut()
    with pytest.raises(OperationalError):
        database.scalar("SELECT 1")
    assert database.scalar("SELECT 1") == 1


def test_what_a_cut_connection_had_open_is_never_taken_for_committed(on_postgres):
    with pytest.raises(OperationalError), database.write_tx():
        database.execute("INSERT INTO setting (key, value) VALUES ('cut', '1')")
        cut()
        # Somebody who does not mind.
        with contextlib.suppress(OperationalError):
            database.scalar("SELECT 1")
    assert database.scalar("SELECT COUNT(*) FROM setting WHERE key = 'cut'") == 0


def test_a_database_that_was_away_makes_no_worker_look_dead(on_postgres, postgres, monkeypatch):
    monkeypatch.setattr(leases, "LEASE_S", 0.3)
    monkeypatch.setattr(leases, "BEAT_S", 0.05)
    me = leases.start(on_postgres.rt)
    with database.write_tx():
        other = database.scalar(
            "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) "
            "VALUES ('elsewhere', '', 1, 1, 7, 1) RETURNING id"
        )
    assert leases.reap(on_postgres.rt, me) == [] and other in me.seen
    postgres.stop()
    wait_for(lambda: not me.seen)
    time.sleep(leases.LEASE_S)
    postgres.start()
    database.reopen()
    assert leases.reap(on_postgres.rt, me) == [], "it could not beat either"
    wait_for(lambda: leases.reap(on_postgres.rt, me) == [other])
    leases.end(on_postgres.rt, me)


def cut() -> None:
    """The server ends every connection to the database."""
    admin(
        os.environ["COOEE_DATABASE_URL"],
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


def asked(question: Callable[[], Any]) -> Any:
    """What the database answers; None when it went away since it was asked last."""
    try:
        return question()
    except (OperationalError, InterfaceError):
        database.reopen()
        return None
