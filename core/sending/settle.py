"""What becomes of a lease whose worker will not finish it.

claimed                                   → ready
submitting, the journal has the answer    → as answered
submitting, never written to the journal  → ready, if the worker is surely dead and its journal is whole
submitting, the provider is idempotent    → ready, to be repeated under the same reference within its time
submitting, otherwise                     → in_doubt
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock
from core.audience import consent
from core.contract.errors import CooeeError
from core.contract.types import Result
from core.db import database, marking, tally
from core.db.codes import State
from core.sending import accounts, consequences, errorkinds, journal, optouts, record
from core.sending.item import Item, Lane

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.sending.leases import Worker

log = logging.getLogger("cooee.leases")

DIED = "worker_died"


def all_of(rt: Runtime, worker_id: int, started_at: int, *, proven: bool, forget: bool = False) -> None:
    """Settle every lease of a worker.  `proven`: its process is certainly not running, or it is this one.

    The rows of leases stay while the worker may still wake, so that nobody believes a look-up that says
    "no" too early; `forget` ends them all the same.
    """
    for lease in [row[0] for row in database.query("SELECT id FROM lease WHERE worker_id = ?", (worker_id,))]:
        one(rt, lease, worker_id, started_at, proven=proven, forget=forget)


def leftovers(rt: Runtime, me: Worker) -> None:
    """Settle leases of this process that it no longer works on, e.g. after the database was away."""
    for (lease,) in database.query("SELECT id FROM lease WHERE worker_id = ?", (me.id,)):
        if lease not in me.busy:
            one(rt, lease, me.id, me.started_at, proven=True)


def one(
    rt: Runtime, lease: int, worker_id: int, started_at: int, *, proven: bool, forget: bool = False
) -> None:
    """Settle one lease; safe to repeat."""
    held = journal.read(rt.settings.path("journal"), worker_id, started_at, lease)
    events = database.retry_locked(_one, rt, lease, held, proven, proven or forget)
    if events:
        consent.announce(rt, events)


def _one(rt: Runtime, lease: int, held: journal.Held, proven: bool, over: bool) -> list[consent.Event]:
    now = clock.now_ms()
    events: list[consent.Event] = []
    with database.write_tx():
        if any(result.outcome == "rejected" for result in held.told.values()):
            optouts.hold(rt)
        where = database.one("SELECT campaign_id, lo, hi FROM lease WHERE id = ?", (lease,))
        if where is None:
            return []
        campaign_id, lo, hi = where
        deltas = tally.Deltas()
        rows = database.query(
            "SELECT id, state, contact_id, variant, account_id, submitted_at, attempt, not_after, parts, "
            "cost_micros FROM message WHERE id BETWEEN ? AND ? AND lease = ? AND state IN (1, 2, 8) ORDER BY id",
            (lo, hi, lease),
        )
        marking.lock_profiles([row[2] for row in rows if row[1] != State.claimed])
        claimed = [row[0] for row in rows if row[1] == State.claimed]
        marking.move(claimed, State.claimed, State.ready, deltas, lease=lease)
        by_account: dict[int, list[tuple]] = {}
        for row in rows:
            if row[1] == State.submitting or (row[1] == State.in_doubt and row[0] in held.told):
                by_account.setdefault(row[4], []).append(row)
        for account_id, some in sorted(by_account.items()):
            events += _window(rt, campaign_id, account_id, lease, some, held, proven, now, deltas)
        if over:
            database.execute("DELETE FROM lease WHERE id = ?", (lease,))
        tally.move(deltas)
    if by_account:
        log.warning("lease %s: %s messages were on their way", lease, sum(map(len, by_account.values())))
    return events


def _window(
    rt: Runtime, campaign_id: int, account_id: int, lease: int, rows: list[tuple], held: journal.Held,
    proven: bool, now: int, deltas: tally.Deltas,
) -> list[consent.Event]:  # fmt: skip
    echoes, ttl_ms = abilities(rt, account_id)
    codes, errors = optouts.codes_of(rt, account_id), errorkinds.Known(rt)[account_id]
    lane = Lane(
        campaign_id,
        0,
        0,
        0,
        account_id,
        lease,
        echoes=echoes,
        ttl_ms=ttl_ms,
        optout_codes=codes,
        errors=errors,
    )
    items, results, again = [], [], []
    for id_, _state, contact, variant, account, submitted_at, attempt, not_after, parts, cost in rows:
        item = Item(
            id_, contact, variant, account, submitted_at, attempt, not_after, parts=parts, cost_micros=cost
        )
        if id_ in held.told:
            result = held.told[id_]
        elif proven and held.complete and id_ not in held.sent:
            result = Result(record.WITHHELD)
        elif ttl_ms is not None and 0 <= now - submitted_at < ttl_ms:
            again.append(item)
            continue
        else:
            result = Result("unknown", code=DIED)
        items.append(item)
        results.append(result)
    changes = dict(record.apply(lane, items, results, now, deltas))
    events = optouts.write(rt, optouts.in_results(account_id, codes, items, results))
    failed = consequences.in_results(account_id, errors, items, results)
    errorkinds.note(((account_id, one.code) for one in failed if one.message_id in changes), now)
    # A campaign to pause is paused by the next refusal: this one is the story of a worker that died.
    consequences.apply(rt, [one for one in failed if changes.get(one.message_id) == "rejected"], now)
    moved = marking.move(
        [item.id for item in again], State.submitting, State.ready, deltas, lease=lease, keep_submitted=True
    )
    marking.refund(campaign_id, sum(cost for _id, _campaign, cost in moved))
    return events


def abilities(rt: Runtime, account_id: int) -> tuple[bool, int | None]:
    """(receipts carry our reference, ms for which a reference may be repeated) of an account.

    An account that cannot be opened any more has no abilities: its messages are held, not repeated.
    """
    try:
        provider = accounts.open_provider(rt, account_id)
    except CooeeError:
        return False, None
    ttl_s = provider.idempotency_ttl_s
    return provider.echoes_reference, None if ttl_s is None else ttl_s * 1000
