"""One program at a time talks to a modem; the file that says so is gone afterwards."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile

import pytest

from core import Unreachable
from core.config import ROOT
from plugins.providers import _modem
from plugins.providers import gammu as plugin
from tests.adapters.cases import PLAIN


@pytest.fixture
def locks(tmp_path, monkeypatch):
    """The folder of the locks, for this test alone."""
    folder = tmp_path / "locks"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_a_modem_in_other_hands_is_waited_for_and_then_proof(modem, phone, locks, monkeypatch):
    program = (
        "import sys; from plugins.providers._modem import held\n"
        "with held(sys.argv[1], 1): print('held', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", program, str(phone.folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr(plugin, "LOCK_S", 0.2)
        with pytest.raises(Unreachable, match="Another process"):
            modem().send([PLAIN])
    finally:
        other.communicate("")
    assert modem().send([PLAIN])[0].outcome == "accepted"


def test_nothing_is_left_behind(modem, phone, locks):
    provider = modem()
    assert provider.send([PLAIN])[0].outcome == "accepted"
    provider.close()
    with pytest.raises(ZeroDivisionError), _modem.held("/dev/ttyUSB7", 1):
        assert len(list(locks.iterdir())) == 1
        1 / 0  # noqa: B018
    assert list(locks.iterdir()) == []


def test_what_a_killed_process_left_stands_in_nobodys_way(locks):
    program = (
        "import os; from plugins.providers._modem import held\n"
        "with held('/dev/ttyUSB7', 1): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False)
    assert len(list(locks.iterdir())) == 1
    with _modem.held("/dev/ttyUSB7", 0):
        assert len(list(locks.iterdir())) == 1
    assert list(locks.iterdir()) == []


def test_a_file_deleted_between_opening_and_locking_it_gives_nobody_the_modem(locks, monkeypatch):
    """Two would hold it otherwise: the one of the deleted file, and the one of the next."""
    lock, asked = fcntl.flock, []

    def deleted_first(file, how):
        if not asked:
            os.unlink(next(locks.iterdir()))
        asked.append(file)
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", deleted_first)
    with _modem.held("/dev/ttyUSB7", 5):
        assert len(asked) == 2 and len(list(locks.iterdir())) == 1
        with pytest.raises(Unreachable, match="Another process"), _modem.held("/dev/ttyUSB7", -1):
            pass
