"""A seeded simulator: steps of a send in random order, the promises asked after every one.

Steps: a worker claims, marks a window, puts it on the wire, records it, dies, sleeps past its lease; a person
stops, pauses, resumes; receipts come early, late, twice; the gateway loses answers.  The gateway's own list is
the oracle.  A failing seed is in the name of the test.
"""

from __future__ import annotations

import random

import pytest

from core import Result, clock, ids
from core.audience import suppression
from core.contract.types import Found, Receipt
from core.db import database
from core.db.codes import State
from core.sending import (
    accounts,
    claim,
    doubt,
    journal,
    leases,
    lifecycle,
    receipts,
    settle,
    submit,
    sweep,
    verify,
    wire,
)
from core.sending.breaker import load
from core.sending.drain import Drain
from tests.faults.rig import SOAK
from tests.send_kit import Tape, due_now, people_of, rows, send_all, setup, states

N, STEPS = 40, 60
UNSENT = (State.ready, State.claimed, State.skipped, State.rejected, State.expired, State.cancelled)
SEEDS = range(400 if SOAK else 12)


class World:
    """One instance, one gateway, a few workers made of steps."""

    def __init__(self, rt, seed: int):
        self.rt, self.random = rt, random.Random(seed)
        self.taken: list[str] = []
        self.tape = Tape(echoes_reference=True, can_look_up=True, settle_s=0)
        self.tape.act = self._answer
        self.tape.found = lambda ref: Found(ref in self.taken, f"p-{ref}" if ref in self.taken else None)
        self.campaign, self.account = setup(rt, self.tape, N)
        self.stopped: dict[int, int] = {}
        self.workers: list[dict] = []
        self.references = ids.References(rt.keys)
        leases.current(rt)

    def _answer(self, messages):
        answers = []
        for message in messages:
            luck = self.random.random()
            if luck < 0.75:
                self.taken.append(message.ref)
                answers.append(Result("accepted", provider_id=f"p-{message.ref}"))
            elif luck < 0.85:
                self.taken.append(message.ref)
                answers.append(Result("unknown"))
            elif luck < 0.92:
                answers.append(Result("unknown"))
            elif luck < 0.97:
                answers.append(Result("retry", code="busy"))
            else:
                answers.append(Result("rejected", code="no"))
        return answers

    # --- steps ----------------------------------------------------------------------------------------

    def claim(self) -> None:
        now = clock.now_ms()
        with database.write_tx():
            worker_id = database.scalar(
                "INSERT INTO worker (host, boot_id, pid, pid_start, beat, started_at) VALUES ('far', '', 1, 1, 0, ?) "
                "RETURNING id",
                (now,),
            )
        worker = leases.Worker(
            worker_id, now, journal.Journal(self.rt.settings.path("journal"), worker_id, now)
        )
        batch = claim.claim(self.rt, worker, self.campaign, self.random.randint(1, 12))
        if batch is None:
            return
        drain = Drain(self.rt, worker, batch, clock.monotonic() + 60)
        items = drain.rendered(batch.items)
        account = next(a for a in load() if a.id == self.account)
        lane = drain.lane(account, accounts.open_provider(self.rt, self.account))
        self.workers.append(
            {"worker": worker, "lane": lane, "items": items, "drain": drain, "made": None, "done": None}
        )

    def mark(self) -> None:
        for one in self._some(lambda w: w["made"] is None and w["items"]):
            window, one["items"] = one["items"][:4], one["items"][4:]
            one["made"] = submit.turn(self.rt, one["lane"], one["done"], window, {})
            one["done"] = None

    def wire(self) -> None:
        for one in self._some(lambda w: w["made"] is not None and w["made"].marked):
            said = wire.put(one["worker"], one["drain"].references, one["lane"], one["made"])
            one["done"], one["made"] = submit.Done(one["made"].marked, said.results, said.names), None

    def record(self) -> None:
        for one in self._some(lambda w: w["done"] is not None):
            submit.turn(self.rt, one["lane"], one["done"], [], {})
            one["done"] = None

    def die(self) -> None:
        """At whatever point it was; its journal stays."""
        for one in self._some(lambda w: True):
            worker = one["worker"]
            self.workers.remove(one)
            settle.all_of(self.rt, worker.id, worker.started_at, proven=True)
            self._end(worker)

    def sleep(self) -> None:
        """It lost its lease, but lives: what it still does must fail or be the late answer."""
        for one in self._some(lambda w: True):
            worker = one["worker"]
            settle.all_of(self.rt, worker.id, worker.started_at, proven=False)
            if one["made"] is not None:
                one["made"].at = clock.monotonic() - wire.WIRE_START_S - 1

    def stop(self) -> None:
        contact = self.random.choice(people_of(self.campaign))
        bidx, blob = database.one("SELECT phone_bidx, phone_enc FROM contact WHERE id = ?", (contact,))
        with database.write_tx():
            suppression.add(self.rt, [suppression.Entry(bytes(bidx), bytes(blob))], reason="stop")
        self.stopped.setdefault(contact, clock.now_ms())

    def pause(self) -> None:
        lifecycle.pause(self.rt, self.campaign, "test")

    def resume(self) -> None:
        lifecycle.resume(self.rt, self.campaign)

    def receipt(self) -> None:
        if self.taken:
            refs = self.random.choices(self.taken, k=3)
            state = self.random.choice(["accepted", "delivered", "undelivered"])
            accounts.Sink(self.rt, self.account).put([Receipt(state, ref=ref) for ref in refs * 2])
            receipts.apply(self.rt)

    def look_up(self) -> None:
        doubt.climb(self.rt)

    def time(self) -> None:
        due_now(self.campaign)

    def _some(self, wanted) -> list[dict]:
        fit = [one for one in self.workers if wanted(one)]
        return [self.random.choice(fit)] if fit else []

    def _end(self, worker) -> None:
        with database.write_tx():
            database.execute("UPDATE worker SET ended_at = 1 WHERE id = ?", (worker.id,))
        worker.journal.close()

    # --- promises -------------------------------------------------------------------------------------

    def holds(self) -> None:
        assert len(set(self.taken)) == len(self.taken), "accepted twice"
        assert sum(states(self.campaign).values()) == N, "lost"
        assert list(verify.counters()) == []
        assert list(verify.leases()) == []
        taken = set(self.taken)
        for id_, state, _reason in rows(self.campaign):
            if self.references.of(id_) in taken:
                assert state not in UNSENT, "shown as not sent"

    def finish(self) -> None:
        for one in list(self.workers):
            self.workers.remove(one)
            settle.all_of(self.rt, one["worker"].id, one["worker"].started_at, proven=True)
            self._end(one["worker"])
        self.tape.act = lambda messages: (
            self.taken.extend(m.ref for m in messages)
            or [Result("accepted", provider_id=m.ref) for m in messages]
        )
        self.resume()
        for _round in range(8):
            with database.write_tx():
                database.execute("UPDATE account SET failures = 0, open_until = 0, probe_at = 0")
            due_now(self.campaign)
            send_all(self.rt, self.campaign)
            sweep.sweep(self.rt)
            receipts.apply(self.rt)


STEP = ("claim", "mark", "wire", "record") * 4 + ("receipt", "look_up", "time", "resume") * 2 + (
    "die", "sleep", "stop", "pause",
)  # fmt: skip


@pytest.mark.parametrize("seed", SEEDS)
def test_the_promises_hold_in_any_order_of_steps(rt_sqlite, seed):
    _simulate(rt_sqlite, seed)


@pytest.mark.parametrize("seed", range(1000, 1040) if SOAK else range(1000, 1003))
def test_the_same_on_each_database(rt, seed):
    _simulate(rt, seed)


def _simulate(rt, seed: int) -> None:
    world = World(rt, seed)
    for _n in range(STEPS):
        getattr(world, world.random.choice(STEP))()
        world.holds()
    world.finish()
    world.holds()
    left = set(states(world.campaign)) - {"accepted", "delivered", "undelivered", "rejected", "skipped"}
    assert not left, f"{left} at the end"
    assert verify.verify(rt) == []
    for contact, at in world.stopped.items():
        submitted = database.scalar(
            "SELECT submitted_at FROM message WHERE campaign_id = ? AND contact_id = ?",
            (world.campaign, contact),
        )
        assert submitted is None or submitted <= at + 1
