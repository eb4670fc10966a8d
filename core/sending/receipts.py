"""Receipts: the jobs that bring them from the raw inbox, or from providers that must be asked, to messages.

A batch is read without a transaction (reading.py) and applied in one (applying.py): messages are found by our
reference or by the hash of account and provider id.  A receipt that comes before the response to its submit
waits in `pending_receipt` and is matched again every second, later every ten minutes, for 14 days.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

from peewee import DataError, IntegrityError

from core import clock, ids
from core.contract.errors import CooeeError
from core.contract.types import Inbound, Provider
from core.db import database, receiving, settings
from core.sending import accounts, applying, calls, reading
from core.sending.reading import Batch, Raw

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.receipts")

#: Raw calls read at once; a transaction holds fewer when they say much (`reading.MOST`).
BATCH = 5_000
#: A run ends after this long and asks for another.
RUN_S = 20.0
#: Fresh pending receipts are matched again each second, all of them by `rematch_all`.
FRESH_MS = 10 * clock.MINUTE_MS


def apply(rt: Runtime, *_ids: int) -> int:
    """Apply what is new in the inbox, then fresh pending receipts; how many raw calls were applied."""
    until, total = clock.monotonic() + RUN_S, 0
    while True:
        raw = receiving.new_calls(BATCH)
        if raw:
            total += _apply_calls(rt, raw)
        if len(raw) < BATCH:
            break
        if clock.monotonic() > until:
            rt.enqueue("receipts")
            break
    rematch(rt)
    return total


def _apply_calls(rt: Runtime, raw: Sequence[Raw]) -> int:
    for batch in reading.read(rt, raw):
        try:
            applying.apply(rt, batch)
        except (DataError, IntegrityError) as error:
            _apply_halves(rt, batch.raw, error)
    return len(raw)


def _apply_halves(rt: Runtime, raw: Sequence[Raw], error: Exception) -> None:
    """What a database refuses is the fault of one call; the others go on without it."""
    if len(raw) > 1:
        half = len(raw) // 2
        _apply_calls(rt, raw[:half])
        _apply_calls(rt, raw[half:])
        return
    log.error("call %s of a provider cannot be stored", raw[0][0], exc_info=error)
    with database.write_tx():
        receiving.take_calls([raw[0][0]], [(raw[0][0], f"cannot be stored: {type(error).__name__}")])


def poll_due(rt: Runtime) -> None:
    """Ask the providers that must be asked, each at its own pace."""
    for account in accounts.every():
        cls = rt.plugins.providers.get(account.provider)
        if account.enabled and not account.halted and cls is not None:
            try:
                poll(rt, account.id)
            except CooeeError as error:
                log.warning("account %s: poll failed: %s", account.name, error)
            except Exception:
                # A provider plugin that raises what it should not: the other accounts are asked all the same.
                log.exception("account %s: poll failed", account.name)


def poll(rt: Runtime, account_id: int) -> int:
    """Ask for receipts of an account's open messages, from where the last poll ended; how many came."""
    provider = accounts.open_provider(rt, account_id)
    if not provider.can_poll:
        return 0
    key, now = f"poll:{account_id}", clock.now_ms()
    last = settings.get(key, {"at": 0, "after": 0})
    if now - last["at"] < provider.poll_every_s * 1000:
        return 0
    if not receiving.has_open_messages(account_id) and not provider.polls_inbound:
        return 0
    oldest = (now - 7 * clock.DAY_MS) << 20
    after, until, got = max(last["after"], oldest), clock.monotonic() + RUN_S, 0
    references = ids.References(rt.keys)
    while clock.monotonic() < until:
        rows = receiving.open_messages(account_id, after, 500)
        if not rows and (after != oldest or not provider.polls_inbound):
            after = 0
            break
        with calls.asked(provider, account_id, "poll") as asked:
            asked.n = len(rows)
            said = list(provider.poll(_questions(rt, references, provider, rows)))
        texts = [(account_id, one) for one in said if isinstance(one, Inbound)]
        news = reading.gather(rt, account_id, [one for one in said if not isinstance(one, Inbound)], now)
        got += sum(len(one.ids) + len(one.hashes) for one in news)
        applying.apply(rt, Batch(news, texts))
        if not rows:
            after = 0
            break
        after = rows[-1][0]
    settings.put(key, {"at": now, "after": after})
    return got


def _questions(
    rt: Runtime, references: ids.References, provider: Provider, rows: Sequence[tuple[int, str | None]]
) -> list[tuple]:
    """Messages as `Provider.poll` asks for them."""
    asked = [(references.of(id_), provider_id) for id_, provider_id in rows]
    if not provider.polls_by_number:
        return asked
    known = receiving.numbers_of([id_ for id_, _provider_id in rows])
    numbers = rt.keys.open_numbers([sealed for _id, sealed, _at in known])
    whose = {id_: (number, clock.from_ms(at)) for (id_, _, at), number in zip(known, numbers, strict=True)}
    return [(*one, *whose[id_]) for one, (id_, _provider_id) in zip(asked, rows, strict=True) if id_ in whose]


def rematch(rt: Runtime, since: int | None = None) -> int:
    """Give waiting receipts to messages that are known by now; how many found theirs."""
    if database.scalar("SELECT 1 FROM pending_receipt LIMIT 1") is None:
        return 0
    found = receiving.matched_pending(clock.now_ms() - FRESH_MS if since is None else since, BATCH)
    if found:
        applying.apply(rt, Batch(reading.matched(rt, found)), [row[0] for row in found])
    return len(found)


def rematch_all(rt: Runtime) -> None:
    """Match all that waits, however old."""
    while rematch(rt, 0) == BATCH:
        continue
