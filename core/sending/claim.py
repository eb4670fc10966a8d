"""The claim: a worker takes a batch of due messages under a lease.

Only campaigns that run; `FOR UPDATE SKIP LOCKED` on PostgreSQL, one writer at a time on SQLite.  The lease
row, the claimed rows and the counters are one transaction, so a batch is either nobody's or exactly one
worker's.  Nothing is promised by a claim: the submit mark asks everything again.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core import clock, faults
from core.db import claiming, classes, database, tally
from core.db.codes import Cls, State
from core.sending import options
from core.sending.item import Item

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

#: Messages a claim at most, and how much work a claim should hold.
BATCH_MAX = 8_000
BATCH_S = 2.0
#: Towards the end of a campaign workers take less, so that all end together, but never less than this.
BATCH_LEAST = 500


@dataclass(slots=True)
class Batch:
    """A lease with its messages, and what the campaign says about sending them."""

    lease: int
    campaign_id: int
    cls: Cls
    direct: bool
    account_id: int | None
    options: options.Options
    budgeted: bool
    #: Sorted.
    ids: list[int]
    items: list[Item] = field(default_factory=list)

    @property
    def consent(self) -> int:
        """The class bit where the class needs consent, else 0."""
        return self.cls.bit if classes.of(self.cls).consent else 0


def limit_for(*rates: float | None) -> int:
    """How many messages to claim at once: about two seconds of work at the slowest of these rates."""
    slowest = min((rate for rate in rates if rate), default=None)
    return BATCH_MAX if slowest is None else max(1, min(BATCH_MAX, int(slowest * BATCH_S)))


def claim(rt: Runtime, worker: Worker, campaign_id: int, limit: int = BATCH_MAX) -> Batch | None:
    """Take up to `limit` due messages of a running campaign; None when there is nothing to take.

    The caller ends the lease with `give_back`.  Numbers are decrypted here and live in memory only.
    """
    lease = secrets.randbits(62)
    worker.busy.add(lease)
    try:
        batch = database.retry_locked(_claim, worker, campaign_id, lease, limit)
        if batch is None:
            worker.busy.discard(lease)
            return None
        batch.items = _items(rt, claiming.load(batch.ids, lease))
    except BaseException:
        worker.busy.discard(lease)
        raise
    return batch


def _claim(worker: Worker, campaign_id: int, lease: int, limit: int) -> Batch | None:
    with database.write_tx():
        row = claiming.campaign(campaign_id)
        if row is None or row[0] != "running":
            return None
        now = clock.now_ms()
        rows = claiming.take(campaign_id, lease, now, min(limit, _share(campaign_id)))
        if not rows:
            return None
        ids = [row[0] for row in rows]
        database.execute(
            "INSERT INTO lease (id, worker_id, campaign_id, account_id, lo, hi, taken_at) VALUES (?, ?, ?, 0, ?, ?, ?)",
            (lease, worker.id, campaign_id, ids[0], ids[-1], now),
        )
        deltas = tally.Deltas()
        for (variant, account, submitted_at), n in Counter(row[1:] for row in rows).items():
            key = (campaign_id, variant, account, tally.hour_of(submitted_at))
            deltas.add((*key, State.ready), -n)
            deltas.add((*key, State.claimed), n)
        tally.move(deltas)
        faults.point("claim:before_commit")
    faults.point("claim:after_commit")
    _state, name, cls, account_id, stored, budget = row
    return Batch(
        lease, campaign_id, Cls(cls), name.startswith("direct:"), account_id, options.read(stored),
        budget is not None, ids,
    )  # fmt: skip


def _share(campaign_id: int) -> int:
    """How many of what is left one of several workers takes: each has a batch in hand and one ahead."""
    n = claiming.workers()
    return BATCH_MAX if n < 2 else max(BATCH_LEAST, claiming.left(campaign_id) // (2 * n))


def _items(rt: Runtime, rows: Sequence[tuple]) -> list[Item]:
    blobs = [row[7] for row in rows]
    if None in blobs:
        known = iter(rt.keys.open_numbers([blob for blob in blobs if blob is not None]))
        numbers = ["" if blob is None else next(known) for blob in blobs]
    else:
        numbers = rt.keys.open_numbers(blobs)
    return [
        Item(id_, contact, variant, account, sent, tries, late, number, country or "", language or "")
        for (id_, contact, variant, account, sent, tries, late, _, country, language), number in zip(
            rows, numbers, strict=True
        )
    ]


def give_back(worker: Worker, lease: int) -> None:
    """End a lease in order: no message of it is claimed or on its way any more."""
    try:
        database.retry_locked(_end, lease)
    finally:
        worker.busy.discard(lease)


def _end(lease: int) -> None:
    with database.write_tx():
        database.execute("DELETE FROM lease WHERE id = ?", (lease,))
