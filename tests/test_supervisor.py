"""`cooee up` restarts what dies and drains on a signal."""

import os
import signal
import subprocess
import sys

from core import supervisor
from tests.servers import ROOT, wait_for

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


def test_a_child_that_is_killed_comes_back_and_a_signal_drains_all(tmp_path):
    pids, drained = tmp_path / "pids", tmp_path / "drained"
    up = subprocess.Popen([sys.executable, "-c", _RUN, str(pids), str(drained)], cwd=ROOT)
    try:
        first = int(wait_for(lambda: pids.exists() and pids.read_text().strip()))
        os.kill(first, signal.SIGKILL)
        second = int(wait_for(lambda: (found := pids.read_text().split())[1:] and found[1]))
        assert second != first
    finally:
        up.terminate()
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
