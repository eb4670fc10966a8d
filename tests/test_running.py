"""Nobody changes or replaces a database under what runs on it, on this machine or another."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from core import backup, instance, running, supervisor
from core.app import compose
from core.contract.errors import Refusal
from core.db import database, migrate
from core.sending import leases
from tests.servers import ROOT, answers, free_port, wait_for


@pytest.fixture
def pending(rt):
    """A newer version of Cooee has one migration more."""

    def undone():
        with database.write_tx():
            database.execute("DELETE FROM migration_core WHERE name = '0029_choicemade'")
            database.execute("ALTER TABLE field_choice DROP COLUMN created_at")

    return undone


def _elsewhere(beat: int = 0) -> int:
    """A worker of another machine, as its row says."""
    with database.write_tx():
        return database.scalar(
            "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) "
            "VALUES ('other/machine/1', 'b', 7, 7, ?, 0) RETURNING id",
            (beat,),
        )


@pytest.fixture
def quick_beats(monkeypatch):
    monkeypatch.setattr(leases, "BEAT_S", 0.08)


@pytest.fixture
def beating(rt, quick_beats):
    """A worker of another machine at work."""
    worker, ended = _elsewhere(), threading.Event()

    def beat():
        while not ended.wait(leases.BEAT_S):
            with database.write_tx():
                database.execute("UPDATE worker SET beat = beat + 1 WHERE id = ?", (worker,))
        database.proxy.close()

    thread = threading.Thread(target=beat)
    thread.start()
    yield
    ended.set()
    thread.join()


def test_a_worker_of_another_machine_that_beats_holds_up_a_restore(rt, tmp_path, beating):
    backup.backup(rt, tmp_path / "b.tar")
    with pytest.raises(Refusal, match="stop Cooee first"):
        backup.restore(rt, tmp_path / "b.tar")


def test_one_that_died_there_does_not(rt, tmp_path, quick_beats):
    _elsewhere(beat=12)
    backup.backup(rt, tmp_path / "b.tar")
    assert backup.restore(rt, tmp_path / "b.tar")["contacts"] == 0


def test_a_worker_of_this_machine_holds_up_a_restore_at_once(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    worker = leases.start(rt, beating=False)
    with pytest.raises(Refusal, match="stop Cooee first"):
        backup.restore(rt, tmp_path / "b.tar")
    leases.end(rt, worker)


def test_a_web_server_alone_holds_up_a_restore(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    with (
        running.serving(rt.settings),
        running.serving(rt.settings),
        pytest.raises(Refusal, match="stop Cooee first"),
    ):
        backup.restore(rt, tmp_path / "b.tar")
    backup.restore(rt, tmp_path / "b.tar")


def test_cooee_does_not_start_while_its_database_is_replaced(rt):
    with (
        running.alone(rt.settings),
        pytest.raises(Refusal, match="already runs"),
        running.only_here(rt.settings),
    ):
        pass


def test_a_start_removes_what_a_restore_left_unpacked(rt_sqlite, cli_sqlite):
    left = rt_sqlite.settings.path("tmp", "restore-killed")
    left.mkdir(parents=True)
    (left / "cooee.db").write_bytes(b"people")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert "is taken" in cli_sqlite("up", "--port", str(other.getsockname()[1])).stderr
    assert list(rt_sqlite.settings.path("tmp").iterdir()) == []


@pytest.mark.parametrize("runs", ["a worker", "the pages", "cooee up"])
def test_an_upgrade_waits_until_cooee_is_stopped(rt, pending, runs):
    worker = leases.start(rt, beating=False) if runs == "a worker" else None
    pending()
    held = {"the pages": running.serving, "cooee up": running.only_here}.get(runs)
    if held:
        with held(rt.settings), pytest.raises(Refusal, match="stop Cooee first"):
            instance.upgrade(rt.settings)
    else:
        with pytest.raises(Refusal, match="stop Cooee first"):
            instance.upgrade(rt.settings)
        assert migrate.pending() == ["core/0029_choicemade"]
        leases.end(rt, worker)
    assert instance.upgrade(rt.settings) == ["core/0029_choicemade"]


def test_with_nothing_pending_an_upgrade_disturbs_nobody(rt):
    with running.serving(rt.settings):
        assert instance.upgrade(rt.settings) == []


def test_the_pages_end_when_their_supervisor_was_killed(rt_sqlite, sqlite_instance):
    database.proxy.close()
    port = free_port()
    env = os.environ | sqlite_instance
    command = [sys.executable, "-m", "core.cli", "up", "--port", str(port), "--processes", "1"]
    up = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    alive = f"http://127.0.0.1:{port}/health/live"
    lock = rt_sqlite.settings.path("run", "web.lock")
    try:
        wait_for(lambda: up.poll() is not None or answers(alive), 60)
        assert up.poll() is None and not _free(lock)
    finally:
        up.send_signal(signal.SIGKILL)
        up.wait()
    wait_for(lambda: not answers(alive), 30)
    wait_for(lambda: _free(lock), 30)
    running.require_free("127.0.0.1", port)
    wait_for(lambda: not leases.someone(), 40)


def _free(lock) -> bool:
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_supervisor_that_is_the_first_process_of_a_container_is_there(monkeypatch):
    monkeypatch.delenv(supervisor.SUPERVISED, raising=False)
    assert not supervisor.orphaned()
    monkeypatch.setenv(supervisor.SUPERVISED, str(os.getppid()))
    assert not supervisor.orphaned()
    monkeypatch.setenv(supervisor.SUPERVISED, "4194305")
    assert supervisor.orphaned()


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
        ("::", "http://[::1]:8000"),
        ("sms.shop.example", "http://sms.shop.example:8000"),
    ],
)
def test_pages_have_an_address_a_browser_takes(host, url):
    assert running.address(host, 8000) == url


def test_pages_are_served_at_an_address_of_ipv6(rt_sqlite, sqlite_instance):
    database.proxy.close()
    port = free_port()
    env = os.environ | sqlite_instance | {"COOEE_HOST": "::1"}
    command = [sys.executable, "-m", "core.cli", "up", "--port", str(port), "--processes", "1"]
    up = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: up.poll() is not None or answers(f"http://[::1]:{port}/health/ready"), 60)
        assert up.poll() is None
    finally:
        up.terminate()
        told = up.communicate(timeout=60)[0]
    assert f"http://[::1]:{port}" in told.splitlines()[0]
    os.environ.pop("COOEE_PUBLIC_URL", None)
    assert compose().settings.public_url == f"http://[::1]:{port}"
