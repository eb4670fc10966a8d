"""A campaign against the sink with workers that are really killed, and the questions asked afterwards."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from core import clock, ids
from core.audience import consent
from core.db import database
from core.db.codes import Cls, State
from core.sending import accounts, verify
from tests import campaign_kit as kit
from tests.servers import ROOT, free_port, wait_for

SOAK = os.environ.get("COOEE_SOAK", "") == "1"


def crowd(rt, n: int) -> list[int]:
    """Contacts with numbers of their own and consent as the ledger knows it; their ids."""
    numbers = [f"+86138{i:08d}" for i in range(n)]
    now = clock.now_ms()
    first = (database.scalar("SELECT MAX(id) FROM contact") or 0) + 1
    people = list(enumerate(numbers, first))
    index = rt.keys.blind_index
    with database.write_tx():
        database.copy_rows(
            "contact",
            ("id", "phone_bidx", "phone_enc", "tail", "source", "created_at", "updated_at"),
            [(i, index(p), rt.keys.seal_number(p), int(p[-4:]), "", now, now) for i, p in people],
        )
        database.copy_rows(
            "profile",
            ("contact_id", "country", "language", "line_type", "created_at"),
            [(i, "CN", "", 1, now) for i, _p in people],
        )
        consent.record(rt, [consent.Event(i, index(p), Cls.mass, "opt_in", "test") for i, p in people])
        if database.is_postgres():
            database.execute("SELECT setval(pg_get_serial_sequence('contact', 'id'), ?)", (first + n,))
    return [i for i, _p in people]


class Rig:
    """One sink, one zygote, one instance."""

    def __init__(self, rt, folder: Path):
        self.rt, self.log = rt, folder / "accepted.log"
        self.log.touch()
        self.port = free_port()
        self.workers: list[int] = []
        self.kills = 0

    @contextlib.contextmanager
    def running(self, **environment: str) -> Iterator[Rig]:
        env = os.environ | {"COOEE_HTTP_ALLOW": "127.0.0.1", "COOEE_HTTP_PLAIN": "1", **environment}
        run = [sys.executable, "-m"]
        self.sink = subprocess.Popen(
            [*run, "tests.faults.sink", str(self.port), str(self.log)], cwd=ROOT, stdout=subprocess.PIPE
        )
        self.zygote = subprocess.Popen(
            [*run, "tests.faults.zygote"],
            cwd=ROOT,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            self.sink.stdout.readline()
            self.zygote.stdout.readline()
            yield self
        finally:
            for pid in self.workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.zygote.kill()
            self.sink.kill()
            self.zygote.wait()
            self.sink.wait()

    def account(self, path: str = "/send", **given) -> int:
        settings = {
            "url": f"http://127.0.0.1:{self.port}{path}", "concurrency": 8,
            "body": '{"ref": "{ref}", "to": "{to}", "text": "{text}"}', **given,
        }  # fmt: skip
        return accounts.create(self.rt, f"sink {len(accounts.every())}", "http", settings).id

    def lookup(self) -> dict[str, str]:
        return {"lookup_url": f"http://127.0.0.1:{self.port}/lookup/{{ref}}"}

    def campaign(self, n: int, account_id: int, **options) -> int:
        self.people(n)
        return self.again(account_id, f"Fault {account_id}", **options)

    def people(self, n: int) -> list[int]:
        """Contacts for campaigns made by `again`."""
        return crowd(self.rt, n)

    def again(self, account_id: int, name: str, **options) -> int:
        """Another expanded campaign over everyone."""
        made = kit.campaign(self.rt, name=name, account_id=account_id, options={"approve": "off", **options})
        kit.launched(self.rt, made)
        return made

    def spawn(self, fault: str = "") -> int:
        """A worker that looks for work by itself; it does without a queue."""
        return self._forked(f"spawn {fault}")

    def whole(self) -> int:
        """`cooee worker`."""
        return self._forked("whole")

    def _forked(self, order: str) -> int:
        self._tell(order)
        pid = int(self.zygote.stdout.readline())
        self.workers.append(pid)
        return pid

    def _tell(self, order: str) -> None:
        self.zygote.stdin.write(f"{order}\n")
        self.zygote.stdin.flush()

    def clock(self, ahead_ms: int) -> None:
        """The workers' wall clock jumps: from now on it is so much ahead of this process's."""
        self._tell(f"clock {ahead_ms}")

    def alive(self, pid: int) -> bool:
        from core.sending.leases import pid_start

        return pid_start(pid) != 0

    def kill(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
        self.workers.remove(pid)

    def reap(self) -> None:
        self.workers = [pid for pid in self.workers if self.alive(pid)]

    def kill_at_random(
        self, campaign_id: int, kills: int, every_s: tuple[float, float] = (0.1, 0.25)
    ) -> None:
        """Two workers; one of them dies again and again until the kills are used up or nothing is left."""
        while len(self.workers) < 2:
            self.spawn()
        while self.kills < kills and self.waiting(campaign_id):
            time.sleep(random.uniform(*every_s))
            self.kill(random.choice(self.workers))
            self.spawn()

    def waiting(self, campaign_id: int) -> int:
        return database.scalar(
            "SELECT COUNT(*) FROM message WHERE campaign_id = ? AND state < 3", (campaign_id,)
        )

    def finish(self, campaign_id: int, seconds: float = 60.0) -> None:
        """Let one worker bring it to the end."""
        self.reap()
        if not self.workers:
            self.spawn()
        wait_for(lambda: not self.waiting(campaign_id), seconds)

    def drain(self) -> None:
        """SIGTERM to all, as `cooee up` ends its workers; each must leave in order."""
        for pid in self.workers:
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not any(map(self.alive, self.workers)), 60)
        self.workers.clear()
        left = database.query("SELECT id FROM worker WHERE ended_at IS NULL")
        assert not left, f"workers {left} ended in disorder"
        assert not database.scalar("SELECT COUNT(*) FROM lease"), "a worker that ends gives its leases back"

    def sent(self) -> int:
        """How many messages the gateway took."""
        return self.log.read_bytes().count(b"\n")

    def middle(self, nth: int, of: int, n: int) -> None:
        """Wait until so many of `n` went out that the nth fault `of` some falls into the middle, as do the next."""
        wait_for(lambda: self.sent() >= (nth + 1) * n // (of + 2), 300, 0.005)

    def on_the_way(self, campaign_id: int) -> int:
        """Messages whose fate is open: waiting, on the wire, or in doubt."""
        states = self.states(campaign_id)
        return sum(states[name] for name in ("ready", "claimed", "submitting", "in_doubt"))

    def stop_all(self) -> None:
        for pid in list(self.workers):
            self.kill(pid)

    def accepted(self) -> Counter[str]:
        return Counter(line.split()[0] for line in self.log.read_text().splitlines())

    def numbers(self) -> Counter[str]:
        return Counter(line.split()[1] for line in self.log.read_text().splitlines())

    def states(self, campaign_id: int) -> Counter[str]:
        return Counter(kit.states(campaign_id))

    def judge(self, campaign_id: int, n: int, window: int, *, doubts: int | None = None) -> dict[str, int]:
        """0 lost, 0 twice, in doubt at most a window a kill, the ledger whole.  Returns the figures."""
        states = self.states(campaign_id)
        accepted = self.accepted()
        of = ids.References(self.rt.keys).of
        rows = database.query("SELECT id, state FROM message WHERE campaign_id = ?", (campaign_id,))
        twice = sum(times > 1 for times in accepted.values())
        lost = [id_ for id_, state in rows if state == State.accepted and of(id_) not in accepted]
        unseen = [id_ for id_, state in rows if state in (0, 1, 2)]
        silent = [
            id_
            for id_, state in rows
            if of(id_) in accepted and state not in (State.accepted, State.in_doubt)
        ]
        limit = window * self.kills if doubts is None else doubts
        assert sum(states.values()) == n
        assert not twice, f"{twice} messages were accepted twice"
        assert not lost, f"{len(lost)} messages count as accepted that the gateway never saw"
        assert not silent, f"{len(silent)} messages the gateway took are shown otherwise"
        assert not unseen, f"{len(unseen)} messages never left"
        assert states["in_doubt"] <= limit, f"{states['in_doubt']} in doubt, at most {limit}"
        self.settled()
        assert verify.verify(self.rt) == []
        figures = {"kills": self.kills, "in_doubt": states["in_doubt"], "accepted": states["accepted"]}
        print(f"{n} messages, window {window}: {figures}")  # `make soak` shows it
        return figures

    def delivered(self, campaign_id: int, n: int) -> None:
        """Everyone got it once and the handset said so; the ledger is whole."""
        assert self.states(campaign_id) == {"delivered": n}
        assert self.accepted().total() == n, "each message went once"
        assert verify.verify(self.rt) == []

    def settled(self) -> None:
        """The ledger speaks of live workers; here all are dead, so their rows are taken in first."""
        from core.sending import leases

        leases.reap(self.rt, leases.current(self.rt))
