"""Workers and their leases: who is alive, and what becomes of the messages of one that is not.

What may be in doubt: the one window that was on the wire when a worker died, and of it only what its journal
has no answer for.  Everything else is known: claimed rows go back, answered rows are recorded, and rows
marked but not in the journal never left (only when the worker is surely dead: one that merely stopped could
go on and send them).  Messages in doubt are not sent again by us; sending twice is worse than saying so.

Death is judged without the wall clock.  On the same machine a process is looked up by pid, boot and start
time.  Elsewhere, or when a process is stopped, its beat must stand still for `LEASE_S` of the observer's own
monotonic clock.  A worker that wakes after that finds its lease gone, and every compare-and-set of it fails.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core import clock
from core.db import database
from core.sending.journal import Journal

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.leases")

BEAT_S = 3.0
#: A beat that stands still this long is a worker that stopped.
LEASE_S = 30.0
#: After this long it will not come back: its leases end, and a look-up's "no" may be believed.
GONE_S = 600.0
#: Compiled texts of campaigns and the like a worker keeps.
KEEP_ALIKE = 32

_UNENDED = "SELECT id, beat, host, boot_id, pid, pid_start FROM worker WHERE ended_at IS NULL"

#: Set while this process drains: nothing more is claimed.
draining = threading.Event()
#: The worker this process is, by process and instance folder (a fork is another worker).
_this: dict[tuple[int, Path], Worker] = {}


@dataclass
class Worker:
    """This process as a worker."""

    id: int
    started_at: int
    journal: Journal
    #: Leases at work right now in this process.
    busy: set[int] = field(default_factory=set)
    #: Beats seen of other workers: id → (beat, when first seen so, monotonic seconds).
    seen: dict[int, tuple[int, float]] = field(default_factory=dict)
    #: What is kept between batches, e.g. compiled texts; may be thrown away at any moment.
    cache: dict[Any, Any] = field(default_factory=dict)
    #: Windows in the thread of the wire; while there are any, no other thread calls a provider for it.
    flights: int = 0
    #: Set when another worker declared this one gone.
    lost: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is in the cache under `key`, made when it is not; of tuples' kinds the newest few stay."""
        if key not in self.cache:
            alike = [
                k for k in self.cache if isinstance(k, tuple) and isinstance(key, tuple) and k[0] == key[0]
            ]
            if len(alike) >= KEEP_ALIKE:
                del self.cache[alike[0]]
            self.cache[key] = make()
        return self.cache[key]


def start(rt: Runtime, *, beating: bool = True) -> Worker:
    """Register this process as a worker, begin to beat, and take in what dead ones left behind.

    Without `beating` it is one for a short while, such as a command that sends a single batch.
    """
    now = clock.now_ms()
    with database.write_tx():
        worker_id = database.scalar(
            "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) VALUES (?, ?, ?, ?, 0, ?) "
            "RETURNING id",
            (_host(), _boot_id(), os.getpid(), pid_start(os.getpid()), now),
        )
    made = Worker(worker_id, now, Journal(rt.settings.path("journal"), worker_id, now))
    _this[os.getpid(), rt.settings.instance] = made
    if beating:
        threading.Thread(target=_beat, args=(rt, made), name="beat", daemon=True).start()
    reap(rt, made)
    return made


def running(rt: Runtime) -> Worker | None:
    """The worker this process is, if it is one."""
    return _this.get((os.getpid(), rt.settings.instance))


def beside(worker: Worker) -> Worker:
    """The same worker for another thread: leases, journal and beat are shared, what it keeps between batches
    and its windows on the wire are not."""
    return replace(worker, cache={}, flights=0)


def current(rt: Runtime) -> Worker:
    """The worker this process is; it becomes one when it was none."""
    worker = _this.get((os.getpid(), rt.settings.instance))
    if worker is None or worker.ended.is_set():
        return start(rt, beating=False)
    if worker.lost.is_set():
        worker.journal.close()
        return start(rt)
    return worker


def end(rt: Runtime, worker: Worker) -> None:
    """A worker leaves in order: what it still holds is settled at once."""
    from core.sending import settle

    worker.ended.set()
    # This thread has asked nothing since the start, and the server may be another one by now.
    database.reopen()
    settle.all_of(rt, worker.id, worker.started_at, proven=True)
    with database.write_tx():
        database.execute("UPDATE worker SET ended_at = ? WHERE id = ?", (clock.now_ms(), worker.id))
    worker.journal.close()
    _this.pop((os.getpid(), rt.settings.instance), None)


def _beat(rt: Runtime, worker: Worker) -> None:
    from core.sending import settle

    while not worker.ended.wait(BEAT_S):
        try:
            with database.write_tx():
                alive = database.execute(
                    "UPDATE worker SET beat = beat + 1 WHERE id = ? AND ended_at IS NULL", (worker.id,)
                ).rowcount
            if alive:
                # Nobody else may: we are alive.  Nor is it left to the sweep, which another worker may always win.
                settle.leftovers(rt, worker)
        except Exception:
            log.exception("worker %s could not beat", worker.id)
            database.reopen()
            # Nor could the others: how long they stand still counts anew when the database is back.
            worker.seen.clear()
            continue
        if not alive:
            worker.lost.set()
            break
    database.reopen()


def reap(rt: Runtime, me: Worker) -> list[int]:
    """Look at all other workers once; settle what the dead and the stopped hold.  Returns their ids.

    Called at the start of a worker and by each sweep; safe to repeat and to run in several workers at once.
    """
    from core.sending import settle

    settle.leftovers(rt, me)
    touched = []
    rows = database.query(
        "SELECT id, host, boot_id, pid, pid_start, beat, started_at FROM worker WHERE ended_at IS NULL AND id <> ?",
        (me.id,),
    )
    for worker_id, host, boot_id, pid, started, beat, started_at in rows:
        dead = _dead(host, boot_id, pid, started)
        still_s = 0.0 if dead else _still(me, worker_id, beat)
        if dead or still_s > LEASE_S:
            touched.append(worker_id)
            settle.all_of(rt, worker_id, started_at, proven=dead, forget=still_s > GONE_S)
        if dead or still_s > GONE_S:
            log.warning("worker %s (pid %s on %s) is gone", worker_id, pid, host)
            with database.write_tx():
                database.execute(
                    "UPDATE worker SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
                    (clock.now_ms(), worker_id),
                )
    _forget_seen(me, (row[0] for row in rows))
    return touched


def _still(me: Worker, worker_id: int, beat: int) -> float:
    """For how many seconds this beat has not moved, as far as we have seen."""
    now = clock.monotonic()
    seen = me.seen.get(worker_id)
    if seen is None or seen[0] != beat:
        me.seen[worker_id] = (beat, now)
        return 0.0
    return now - seen[1]


def _forget_seen(me: Worker, alive: Iterable[int]) -> None:
    for gone in set(me.seen) - set(alive):
        me.seen.pop(gone, None)


def _dead(host: str, boot_id: str, pid: int, started: int) -> bool:
    """True only when it is certain: this machine has been started anew, or has no such process."""
    if host != _host() or not boot_id or not started:
        return False
    return boot_id != _boot_id() or pid_start(pid) != started


def someone() -> bool:
    """Is any worker at work?  One that did not say goodbye counts unless it is certainly dead."""
    rows = database.query("SELECT host, boot_id, pid, pid_start FROM worker WHERE ended_at IS NULL")
    return any(not _dead(*row) for row in rows)


def at_work() -> bool:
    """Does any worker have this database in its hands?  For what must have it alone, such as a restore.

    Processes of this machine are looked up; the beats of others are watched for as long as a worker takes for three.
    """
    if not database.proxy.table_exists("worker"):  # nothing was ever made in it
        return False
    watched = {}
    for worker_id, beat, *process in database.query(_UNENDED):
        here = process[0] == _host() and all(process)
        if here and not _dead(*process):
            return True
        if not here:
            watched[worker_id] = beat
    end = clock.monotonic() + 3 * BEAT_S
    while watched and clock.monotonic() < end:
        clock.sleep(BEAT_S / 4)
        if any(watched.get(row[0], row[1]) != row[1] for row in database.query(_UNENDED)):
            return True
    return False


def pid_start(pid: int) -> int:
    """When a process of this machine began, in ticks since the boot; 0 when there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _host() -> str:
    """The machine and its process table: two containers on one machine cannot see each other's pids."""
    try:
        machine = Path("/etc/machine-id").read_text().strip()[:12]
    except OSError:
        machine = ""
    try:
        space = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        space = 0
    return f"{socket.gethostname()}/{machine}/{space}"
