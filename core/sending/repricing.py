"""Prices told by vendors: their word replaces what a text was thought to cost.

Of several prices of a message the one of the latest receipt stands, of equally late ones the higher, so order and
repetition make no difference; `message_price` keeps it.  A message whose parts are priced one by one costs their
sum once all are told.  A price in the response to the submit is the earliest word.  The difference goes to the
counters and to what the campaign has spent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from core.db import database, marking, tally
from core.db.codes import State
from core.db.sets import among, listed
from core.sending.folding import SKEW_MS, News

#: When the response told a price: before any receipt.
_AT_ONCE = 0
#: Others were never handed over, or are about to be.
_SENT = (State.accepted, State.delivered, State.undelivered, State.expired, State.rejected, State.in_doubt)


def apply(
    said: Sequence[News], waiting: Collection[int], rejected: Iterable[int], deltas: tally.Deltas
) -> None:
    """Take the prices of receipts.  Inside `write_tx()`, after their states are written.

    `waiting` are messages that cannot take them yet.  `rejected` have become so with these receipts: that made
    them free, and a price that was told before stands all the same.
    """
    told = _told([news for news in said if news.prices], waiting)
    if told:
        database.executemany(
            'INSERT INTO message_price (message_id, n, "at", cost_micros) VALUES (?, ?, ?, ?) '
            'ON CONFLICT (message_id, n) DO UPDATE SET "at" = excluded."at", cost_micros = excluded.cost_micros '
            'WHERE (excluded."at", excluded.cost_micros) > (message_price."at", message_price.cost_micros)',
            told,
        )
    touched = {row[0] for row in told} | _priced(rejected)
    if touched:
        _reprice(touched, deltas)


def answered(prices: Iterable[tuple[int, int, int]]) -> None:
    """Keep prices that responses told: (message, what it cost before, what it costs)."""
    rows = [(id_, _AT_ONCE, cost, was) for id_, was, cost in prices]
    if rows:
        database.executemany(
            'INSERT INTO message_price (message_id, n, "at", cost_micros, was) VALUES (?, 0, ?, ?, ?) '
            "ON CONFLICT (message_id, n) DO NOTHING",
            rows,
        )


def costs(news: News) -> dict[tuple[int | None, int], int]:
    """{(message or None, hash): price} of receipts that must wait."""
    found: dict[tuple[int | None, int], int] = {}
    for id_, hash_, cost in news.prices or ():
        key = (id_, 0 if id_ else hash_)
        found[key] = max(cost, found.get(key, cost))
    return found


def _told(said: Sequence[News], waiting: Collection[int]) -> list[tuple[int, int, int, int]]:
    """(message, part or 0, when, price) of messages known to the account that told them, in order."""
    if not said:
        return []
    prices = [(news, *one) for news in said for one in news.prices or ()]
    ids = listed({id_ for _news, id_, _hash, _cost in prices if id_ is not None})
    hashes = listed({hash_ for _news, id_, hash_, _cost in prices if id_ is None})
    owner: dict[int, int] = {}
    named: dict[int, list[tuple[int, int]]] = {}
    for hash_, id_, n, account in database.query(
        f"SELECT 0, id, 0, account_id FROM message WHERE id {among()} "
        f"UNION ALL SELECT ref_hash, id, 0, account_id FROM message WHERE ref_hash {among()} "
        "UNION ALL SELECT p.ref_hash, p.message_id, p.n, m.account_id FROM message_part p "
        f"JOIN message m ON m.id = p.message_id WHERE p.ref_hash {among()}",
        (ids, hashes, hashes),
    ):
        owner[id_] = account
        if hash_:
            named.setdefault(hash_, []).append((id_, n))
    rows = [
        (*one, min(news.at or news.received_at, news.received_at + SKEW_MS), cost)
        for news, id_, hash_, cost in prices
        for one in (named.get(hash_, ()) if id_ is None else [(id_, 0)])
        if owner.get(one[0]) == news.account_id and one[0] not in waiting
    ]
    return sorted(rows)


def _priced(message_ids: Iterable[int]) -> set[int]:
    ids = list(message_ids)
    if not ids or database.scalar("SELECT 1 FROM message_price LIMIT 1") is None:
        return set()
    rows = database.query(f"SELECT message_id FROM message_price WHERE message_id {among()}", (listed(ids),))
    return {id_ for (id_,) in rows}


def _reprice(message_ids: Collection[int], deltas: tally.Deltas) -> None:
    ids = listed(sorted(message_ids))
    lock = " FOR UPDATE" if database.is_postgres() else ""
    rows = database.query(
        "SELECT id, campaign_id, variant, account_id, submitted_at, state, cost_micros FROM message "
        f"WHERE id {among()} AND state IN ({database.in_list(len(_SENT))}) ORDER BY id{lock}",
        (ids, *map(int, _SENT)),
    )
    whole = _whole(ids)
    changed, first, spent = [], [], Counter()
    for id_, campaign, variant, account, submitted_at, state, cost in rows:
        if id_ not in whole or whole[id_][0] == cost:
            continue
        new, n, before = whole[id_]
        changed.append((new, id_))
        if not before:
            first.append((cost, id_, n))
        deltas.add((campaign, variant, account, tally.hour_of(submitted_at), state), 0, 0, new - cost)
        spent[campaign] += new - cost
    if changed:
        database.executemany("UPDATE message SET cost_micros = ? WHERE id = ?", changed)
    if first:
        database.executemany("UPDATE message_price SET was = ? WHERE message_id = ? AND n = ?", first)
    for campaign, more in sorted(spent.items()):
        marking.refund(campaign, -more)


def _whole(ids: object) -> dict[int, tuple[int, int, bool]]:
    """{message: (what it costs, the first part told, whether its cost was changed before)}, once all is told."""
    parts = dict(
        database.query(
            f"SELECT message_id, COUNT(*) FROM message_part WHERE message_id {among()} GROUP BY message_id",
            (ids,),
        )
    )
    told: dict[int, dict[int, tuple[int, int, int | None]]] = {}
    for id_, n, at, cost, was in database.query(
        f'SELECT message_id, n, "at", cost_micros, was FROM message_price WHERE message_id {among()} '
        "ORDER BY message_id, n",
        (ids,),
    ):
        told.setdefault(id_, {})[n] = (at, cost, was)
    found = {}
    for id_, lines in told.items():
        before = any(was is not None for _at, _cost, was in lines.values())
        parted = len(lines) - (0 in lines) >= parts.get(id_, 0) > 0
        if 0 in lines and (lines[0][0] > _AT_ONCE or not parted):
            found[id_] = (lines[0][1], 0, before)
        elif parted:
            some = {n: cost for n, (_at, cost, _was) in lines.items() if n}
            found[id_] = (sum(some.values()), min(some), before)
    return found
