"""Recording what a provider said of a window: each message to its next state, with counters and money.

accepted  → accepted                     rejected → rejected, costs nothing
retry     → ready, not before a pause    unknown  → in_doubt, never sent again by itself
withheld  → ready at once: it never went on the wire (an outcome of ours, not of providers)

Where rules choose accounts, a message that was surely not sent may forget the one it was marked on (routes/way.py),
and one refused for its route goes back to ready as long as another account is left to try.

A receipt may have beaten the response, and another worker may have put the message in doubt while this one
slept; both are met by looking again at rows the compare-and-set did not find.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

from core import clock, ids
from core.contract.types import Result
from core.db import database, marking, tally
from core.db.codes import State
from core.db.sets import among, listed
from core.sending import repricing
from core.sending.item import Item, Lane

WITHHELD = "withheld"
#: Tries of a message the provider itself declined for a while; then it is rejected.
MAX_ATTEMPTS = 10
#: Tries of a message whose handset is off or out of reach.
HANDSET_TRIES = 3
#: Pause before try n: a random share of BASE · 2ⁿ, at most CAP (full jitter).
RETRY_BASE_S, RETRY_CAP_S = 2.0, 900.0
#: Without a latest time of its own a message is not tried again after this.
MAX_AGE_MS = 72 * clock.HOUR_MS
_REASON_MAX = 120
_COUNTED = re.compile(r"[0-9a-f]{1,12}").fullmatch
#: What an item is counted by.
_CHARGED = attrgetter("variant", "submitted_at", "parts", "cost_micros")

Change = tuple[int, str]
#: (variant, hour of submit, parts, cost) that messages have in common, and how many they are.
Charged = tuple[tuple[int, int, int, int], int]


def ref_hash(account_id: int, provider_id: str) -> int:
    """64 signed bits of account and provider id: what receipts without our reference are found by.

    Ids of up to twelve hexadecimal digits, which most gateways count up, keep their order: the index then grows
    at its end.  A hash puts each at a random place of it, for 5 µs a message.  Others are hashed.
    """
    return ref_hashes(account_id, (provider_id,))[0]


def ref_hashes(account_id: int, provider_ids: Sequence[str]) -> list[int]:
    """`ref_hash` of many."""
    counted = account_id << 52 if account_id < 1 << 11 else None
    begun = hashlib.blake2b(f"{account_id}:".encode(), digest_size=8)
    made = []
    for provider_id in provider_ids:
        if counted is not None and _COUNTED(provider_id):
            # The digit in front keeps 12 and 012 apart.
            made.append(counted | int(f"1{provider_id}", 16))
        else:
            digest = begun.copy()
            digest.update(provider_id.encode())
            made.append(int.from_bytes(digest.digest(), signed=True))
    return made


def pause_ms(attempt: int, after_s: float | None) -> int:
    """How long a message waits before try `attempt` + 1, at least what the provider asked for."""
    top = min(RETRY_CAP_S, RETRY_BASE_S * 2 ** min(attempt, 20))
    return int(((after_s or 0.0) + random.uniform(0.0, top)) * 1000)  # noqa: S311


class Verdict(NamedTuple):
    """What becomes of a message; `uncount`: this try did not happen."""

    state: State
    reason: str = ""
    not_before: int = 0
    uncount: bool = False
    #: It may go through another account.
    free: bool = False


_TAKEN = Verdict(State.accepted)


def apply(
    lane: Lane, items: Sequence[Item], results: Sequence[Result], now: int, deltas: tally.Deltas
) -> list[Change]:
    """Record a window inside `write_tx()`; the messages that changed, by name of the state they reached.

    Safe to repeat: what was recorded before is no longer `submitting` and is left alone.
    """
    groups: dict[Verdict, list[tuple[Item, Result]]] = defaultdict(list)
    for item, result in zip(items, results, strict=True):
        taken = result.outcome == "accepted"
        groups[_TAKEN if taken else _verdict(lane, item, result, now)].append((item, result))
    changes: list[Change] = []
    touched: list[int] = []
    refund = 0
    for verdict, pairs in sorted(groups.items(), key=lambda group: group[0]):
        if verdict.state == State.accepted:
            taken = [item for item, _result in pairs]
            changes += _accept(lane, taken, [result.provider_id for _item, result in pairs], deltas)
            told = [pair for pair in pairs if pair[1].parts is not None or pair[1].cost_micros is not None]
            if told:
                refund -= _reprice(told, deltas)
        else:
            moved = _leave(lane, [item.id for item, _result in pairs], verdict, now, deltas)
            refund += sum(cost for _id, _campaign, cost in moved)
            changes += [(id_, verdict.state.name) for id_, _campaign, _cost in moved]
            if verdict.free:
                lane.way.refused(pairs)
        if verdict.state in (State.accepted, State.in_doubt):
            touched += [item.contact_id for item, _result in pairs]
    if touched:
        marking.touch(touched, now)
    marking.refund(lane.campaign_id, refund)
    return changes


def accepted(
    lane: Lane, items: Sequence[Item], names: Sequence[str | None], now: int, deltas: tally.Deltas,
    charged: Iterable[Charged] = (),
) -> list[Change]:  # fmt: skip
    """As `apply`, for a window that was accepted whole: nearly every one.  `names` are the provider's ids."""
    changes = _accept(lane, items, names, deltas, charged)
    marking.touch([item.contact_id for item in items], now)
    return changes


def _verdict(lane: Lane, item: Item, result: Result, now: int) -> Verdict:
    word = (result.code or result.reason or "")[:_REASON_MAX]
    free = lane.way is not None and lane.way.frees(item, result)
    match result.outcome:
        case "rejected":
            if free and item.attempt + 1 < MAX_ATTEMPTS:
                return Verdict(State.ready, "", now, free=True)
            return Verdict(State.rejected, word or "rejected")
        case "withheld":
            return Verdict(State.ready, "", now + int((result.after_s or 0.0) * 1000), True, free)
        case "retry":
            # Seconds suffice, and messages that wait equally long are changed together.
            due = (now + pause_ms(item.attempt, result.after_s)) // 1000 * 1000 + 1000
            latest = item.not_after or ids.at_ms(item.id) + MAX_AGE_MS
            tries = HANDSET_TRIES if lane.errors.get(result.code) == "handset" else MAX_ATTEMPTS
            if due < latest and item.attempt + 1 < tries:
                return Verdict(State.ready, word, due, free=free)
            return Verdict(State.rejected, word or "no_more_tries")
        case _:
            return Verdict(State.in_doubt, word or "no_answer")


def _accept(
    lane: Lane, items: Sequence[Item], names: Sequence[str | None], deltas: tally.Deltas,
    charged: Iterable[Charged] = (),
) -> list[Change]:  # fmt: skip
    account = lane.account_id
    ids = [item.id for item in items]
    hashes: Sequence[int | None] = [None] * len(names)
    some = [name for name in names if name is not None]
    if some:
        if not lane.echoes:
            known = iter(ref_hashes(account, some))
            hashes = [None if name is None else next(known) for name in names]
        if any(" " in name for name in some):
            _note_parts(account, ids, names)
    done = marking.accept(lane.lease, ids, names, hashes, lane.alone(items))
    all_done = len(done) == len(ids)
    if not charged or not all_done:
        charged = _charged(items if all_done else [item for item in items if item.id in done])
    for (variant, hour, parts, cost), n in charged:
        key = (lane.campaign_id, variant, account, hour)
        deltas.add((*key, 2), -n, -n * parts, -n * cost)
        deltas.add((*key, 3), n, n * parts, n * cost)
    changes = [(id_, "accepted") for id_ in done]
    if not all_done:
        rows = [row for row in zip(ids, names, hashes, strict=True) if row[0] not in done]
        changes += _late(lane, rows, deltas)
    return changes


def _charged(items: Iterable[Item]) -> list[Charged]:
    return [
        ((variant, tally.hour_of(submitted_at), parts, cost), n)
        for (variant, submitted_at, parts, cost), n in Counter(map(_CHARGED, items)).items()
    ]


def _note_parts(account_id: int, ids: Sequence[int], names: Sequence[str | None]) -> None:
    """Keep the ids of parts, where a provider told several with spaces between (parted.py)."""
    parts = [
        (id_, n, ref_hash(account_id, one))
        for id_, provider_id in zip(ids, names, strict=True)
        if provider_id and " " in provider_id
        for n, one in enumerate(provider_id.split(" "), 1)
    ]
    if parts:
        database.executemany(
            "INSERT INTO message_part (message_id, n, ref_hash) VALUES (?, ?, ?) ON CONFLICT (message_id, n) "
            "DO UPDATE SET ref_hash = excluded.ref_hash, state = 3 WHERE message_part.ref_hash <> excluded.ref_hash",
            parts,
        )


def _late(lane: Lane, rows: list[tuple[int, str | None, int | None]], deltas: tally.Deltas) -> list[Change]:
    """Accepted, but no longer `submitting`: the receipt was first, or we were taken for dead."""
    marking.identify(rows)
    moved = marking.move([row[0] for row in rows], State.in_doubt, State.accepted, deltas, lease=lane.lease)
    return [(id_, "accepted") for id_, _campaign, _cost in moved]


def _leave(
    lane: Lane, message_ids: list[int], verdict: Verdict, now: int, deltas: tally.Deltas
) -> list[tuple[int, int, int]]:
    """Every way out of `submitting` but acceptance; also out of `in_doubt`, with the answer that came late."""
    moved: list[tuple[int, int, int]] = []
    for old in (State.submitting, State.in_doubt):
        if old == verdict.state or len(moved) == len(message_ids):
            continue
        moved += marking.move(
            message_ids, old, verdict.state, deltas,
            lease=lane.lease,
            reason=verdict.reason or None,
            not_before=verdict.not_before if verdict.state == State.ready else None,
            final_at=now if verdict.state == State.rejected else None,
            uncount=verdict.uncount,
            release=verdict.free,
        )  # fmt: skip
    return moved


def _reprice(pairs: Iterable[tuple[Item, Result]], deltas: tally.Deltas) -> int:
    """Take the parts and cost the provider reports; how much more that is than was reserved."""
    by_id = {item.id: result for item, result in pairs}
    rows = database.query(
        "SELECT id, campaign_id, variant, account_id, submitted_at, state, parts, cost_micros "
        f"FROM message WHERE id {among()} ORDER BY id",
        (listed(by_id),),
    )
    changed, priced = [], []
    for id_, campaign, variant, account, submitted_at, state, parts, cost in rows:
        result = by_id[id_]
        new_parts = parts if result.parts is None else result.parts
        new_cost = cost if result.cost_micros is None else result.cost_micros
        if (new_parts, new_cost) != (parts, cost):
            changed.append((new_parts, new_cost, id_))
            key = (campaign, variant, account, tally.hour_of(submitted_at), state)
            deltas.add(key, 0, new_parts - parts, new_cost - cost)
        if new_cost != cost:
            priced.append((id_, cost, new_cost))
    if changed:
        database.executemany("UPDATE message SET parts = ?, cost_micros = ? WHERE id = ?", changed)
    repricing.answered(priced)
    return sum(new - cost for _id, cost, new in priced)
