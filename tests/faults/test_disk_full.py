"""A disk that fills in the middle of a campaign: nothing is promised that cannot be stored, and all goes on."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core import Result
from core.app import compose
from core.db import database
from core.sending import accounts, batch, journal, leases, webhooks
from tests import receiving
from tests.faults.rig import SOAK, Rig
from tests.send_kit import Tape, send_all, setup, states, whole
from tests.servers import wait_for

N, TIMES, DISK = (20_000, 10, "256m") if SOAK else (160, 1, "160m")
LEASE = 1


@contextlib.contextmanager
def room_for(folder: Path, more: int) -> Iterator[None]:
    """Files of this process may grow by so many bytes beyond the largest in the folder, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + more, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_a_line_in_the_journal_does_not_swallow_the_next(tmp_path):
    """Joined to it, a window would look as if it never went, and go twice."""
    made = journal.Journal(tmp_path, 7, 1000)
    with room_for(tmp_path, 9), pytest.raises(OSError, match="File too large"):
        made.sent(LEASE, 3, [1, 2, 3])
    made.sent(LEASE, 3, [4, 5])
    made.sent(LEASE + 1, 3, [6])
    held = journal.read(tmp_path, 7, 1000, LEASE)
    assert held.complete and held.sent == {4, 5}
    assert journal.read(tmp_path, 7, 1000, LEASE + 1).sent == {6}


def test_an_answer_that_the_journal_has_no_room_for_is_recorded_all_the_same(tmp_path):
    made = journal.Journal(tmp_path, 7, 1000)
    made.sent(LEASE, 3, [1, 2])
    with room_for(tmp_path, 9):
        made.told(LEASE, [1, 2], [Result("accepted", "a"), Result("accepted", "b")])
    made.sent(LEASE, 3, [3])
    held = journal.read(tmp_path, 7, 1000, LEASE)
    assert held.sent == {1, 2, 3} and held.told == {}


def test_a_journal_without_room_for_another_file_goes_on_in_this_one(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "ROTATE_BYTES", 10)
    made = journal.Journal(tmp_path, 7, 1000)
    made.sent(LEASE, 3, [1])
    monkeypatch.setattr(journal.os, "open", _no_room)
    made.told(LEASE, [1], [Result("accepted", "a")])
    monkeypatch.undo()
    made.sent(LEASE, 3, [2])
    held = journal.read(tmp_path, 7, 1000, LEASE)
    assert held.complete and held.sent == {1, 2} and held.told == {1: Result("accepted", "a")}


def test_nothing_leaves_without_its_line_in_the_journal(postgres_rt, monkeypatch, caplog):
    """The database is on another machine, and only the instance's own disk is full."""
    monkeypatch.setattr(batch, "SLICE_S", 2.5 * batch.PAUSE_S)
    rt, tape = postgres_rt, Tape()
    campaign, _account = setup(rt, tape, 20)
    leases.current(rt)
    with room_for(rt.settings.path("journal"), 9):
        batch.send(rt, campaign)
    assert tape.calls == 0 and states(campaign) == {"ready": 20}
    assert 1 <= caplog.text.count("a batch was broken off") <= 3, "it does not try without a break"
    send_all(rt, campaign)
    assert states(campaign) == {"accepted": 20}
    whole(rt)


@pytest.fixture
def postgres_rt(postgres_instance, monkeypatch):
    for key, value in postgres_instance.items():
        monkeypatch.setenv(key, value)
    yield compose()
    database.reopen()


def _no_room(*_args):
    raise OSError(28, "No space left on device")


@pytest.fixture
def disk(tmp_path) -> Iterator[Path]:
    """A small file system of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    if mount is None or os.geteuid():
        pytest.skip("only root may mount the small disk this fills")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def rig(disk, sqlite_template, tmp_path, monkeypatch) -> Iterator[Rig]:
    shutil.copytree(sqlite_template, disk / "instance")
    monkeypatch.setenv("COOEE_INSTANCE", str(disk / "instance"))
    monkeypatch.setenv("COOEE_HTTP_ALLOW", "127.0.0.1")
    yield Rig(compose(), tmp_path)
    database.reopen()


class Provider(threading.Thread):
    """Tells of each text the gateway took, and again while it is told to come again."""

    def __init__(self, rig: Rig, account_id: int):
        super().__init__(daemon=True)
        self._rig, self._done = rig, threading.Event()
        self._receiver = webhooks.Receiver(rig.rt)
        self._token = accounts.get(account_id).token
        #: References whose receipt was acknowledged; how often it was refused.
        self.acked: set[str] = set()
        self.refused = 0

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.tell()
        database.reopen()

    def tell(self) -> None:
        """One round; it ends with the first that was refused."""
        taken = set(self._rig.accepted())
        # Where there is nothing new it repeats itself.
        for ref in sorted(taken - self.acked)[:50] or sorted(taken)[:1]:
            call = receiving.call({"ref": ref, "status": "delivered"})
            status = self._receiver.receive(self._token, call)[0]
            assert status in (200, 503), status
            if status == 503:
                self.refused += 1
                return
            self.acked.add(ref)

    def stop(self) -> None:
        self._done.set()
        self.join()


def test_a_full_disk_refuses_receipts_and_sends_nothing_twice(rig, disk):
    with rig.running(COOEE_TEST_SETTLE_S="1", COOEE_TEST_BEAT_S="0.5"):
        account = rig.account("/send?ms=40", ref_path="ref", **rig.lookup())
        campaign = rig.campaign(N, account, window=8)
        provider = Provider(rig, account)
        provider.start()
        for _worker in range(2):
            rig.whole()
        wait_for((disk / "instance" / "ballast").exists)
        longest_s = 0.0
        for nth in range(TIMES):
            rig.middle(nth, TIMES, N)
            with filled(disk):
                before = provider.refused
                wait_for(lambda before=before: provider.refused > before, 60)
            sent, began = rig.sent(), time.monotonic()
            wait_for(lambda sent=sent: rig.sent() > sent, 60)
            longest_s = max(longest_s, time.monotonic() - began)
        wait_for(lambda: rig.states(campaign)["delivered"] == N, 600 if SOAK else 60)
        provider.stop()
        rig.drain()
        rig.delivered(campaign, N)
    print(
        f"{TIMES} times full: {provider.refused} receipts refused, {len(provider.acked)} acknowledged and applied, "
        f"sending again within {longest_s:.1f} s"
    )


@contextlib.contextmanager
def filled(disk: Path) -> Iterator[None]:
    """Not a byte is left inside; all is free again afterwards."""
    # The log would be written anew from its beginning, without more room.
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler, ballast = disk / "filler", disk / "instance" / "ballast"
    with open(filler, "ab", buffering=0) as file:
        _fill(file)
        # The workers throw theirs out; that room is filled, too.
        wait_for(lambda: not ballast.exists(), 30)
        _fill(file)
    try:
        yield
    finally:
        filler.unlink()


def _fill(file) -> None:
    for size in (1 << 20, 1 << 12, 1):
        with contextlib.suppress(OSError):
            while file.write(b"\0" * size):
                pass
