"""`cooee up` restarts what dies and drains on a signal."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from core import config, running, supervisor
from core.contract.errors import Refusal
from core.db import database
from tests.servers import ROOT, free_port, wait_for

_MORTAL = "import os, sys, time; print(os.getpid(), file=open(sys.argv[1], 'a'), flush=True); time.sleep(60)"
_POLITE = """
import signal, sys, time
def drain(*_):
    open(sys.argv[1], "w").write("drained")
    sys.exit(0)
signal.signal(signal.SIGTERM, drain)
time.sleep(60)
"""
_RUN = f"""
import sys
from core.supervisor import Child, Supervisor
mortal = Child("mortal", [sys.executable, "-c", {_MORTAL!r}, sys.argv[1]])
polite = Child("polite", [sys.executable, "-c", {_POLITE!r}, sys.argv[2]])
sys.exit(Supervisor([mortal, polite]).run())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["stopped", "terminal closed"])
def test_a_child_that_is_killed_comes_back_and_a_signal_drains_all(tmp_path, number):
    pids, drained = tmp_path / "pids", tmp_path / "drained"
    command = [sys.executable, "-c", _RUN, str(pids), str(drained)]
    up = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    up.stderr.close()  # as of a terminal that is gone
    try:
        first = int(wait_for(lambda: pids.exists() and pids.read_text().strip()))
        os.kill(first, signal.SIGKILL)
        second = int(wait_for(lambda: (found := pids.read_text().split())[1:] and found[1]))
        assert second != first
    finally:
        up.send_signal(number)
    assert up.wait(30) == 0
    assert drained.read_text() == "drained"
    assert not _alive(second)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_child_that_keeps_dying_is_started_ever_more_slowly():
    child = supervisor.Child("sick", [sys.executable, "-c", "raise SystemExit(3)"])
    boss = supervisor.Supervisor([child])
    child.start()
    pauses = []
    for _ in range(3):
        wait_for(lambda: child.process.poll() is not None)
        boss._look_after(child)
        pauses.append(child.pause_s)
        child.due = 1e-9
        boss._look_after(child)
    child.process.wait()
    assert pauses == [0.4, 0.8, 1.6]


def test_a_port_somebody_listens_on_is_refused_even_when_it_may_be_shared():
    port = free_port()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(
            Refusal, match=f"Port {port} is taken by another program; choose another with --port"
        ):
            running.require_free("127.0.0.1", port)
    running.require_free("127.0.0.1", port)


def test_an_address_of_another_machine_is_refused_in_a_sentence():
    with pytest.raises(Refusal, match="cannot listen on 192.0.2.1"):
        running.require_free("192.0.2.1", free_port())


def test_the_same_instance_is_not_started_twice(tmp_path):
    settings = config.load(tmp_path)
    again = running.only_here(settings)
    with running.only_here(settings), pytest.raises(Refusal, match=f"already runs on {tmp_path}"):
        again.__enter__()
    with running.only_here(settings):
        pass


@pytest.mark.parametrize("taken", ["the instance", "the port"])
def test_a_start_that_is_refused_makes_no_set_up_link(cli_sqlite, rt_sqlite, taken):
    port = free_port()
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        if taken == "the instance":
            with running.only_here(rt_sqlite.settings):
                refused = cli_sqlite("up", "--port", port)
        else:
            refused = cli_sqlite("up", "--port", port)
    assert refused.exit_code == 1 and refused.stdout == ""
    assert refused.stderr.startswith("cooee: ") and refused.stderr.count("\n") == 1
    assert database.scalar("SELECT COUNT(*) FROM one_time_link") == 0


@pytest.mark.parametrize("command", ["up", "web"])
def test_a_port_there_cannot_be_is_wrong_use(cli_sqlite, command):
    assert cli_sqlite(command, "--port", "80000").exit_code == 2
