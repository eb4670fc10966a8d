"""Messages in doubt, and the ladder out of it.

1. A receipt that names the message, or the answer of a worker that only slept (receipts.py, record.py).
2. The provider is idempotent: repeated under the same reference while that is surely a repeat.
3. The provider can look a reference up: asked once its answer is definitive (`settle_s`) and no worker can
   still send it; "yes" is accepted, "no" goes back to ready.
4. Else, after `POLICY_MS`, by class: marketing is assumed sent (never sent again); a one-time code is void
   (its owner asks for a new one); a notice waits for a person.  All three stay in doubt, with that reason.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from core import clock, ids
from core.contract.errors import CooeeError, Refusal
from core.contract.types import Found, Provider
from core.db import database, marking, tally
from core.db.codes import Cls, State
from core.db.sets import among, listed
from core.i18n import _
from core.security import audit
from core.sending import accounts, calls, record

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.doubt")

#: Reasons of messages whose doubt was resolved as far as it can be without a person or a receipt.
ASSUMED, VOIDED, ASK = "assumed_sent", "voided", "ask"
RESOLVED = (ASSUMED, VOIDED, ASK)
POLICY = {Cls.mass: ASSUMED, Cls.voice: ASSUMED, Cls.otp: VOIDED, Cls.notice: ASK}
#: Receipts mostly come within minutes; after this the policy of the class is applied.
POLICY_MS = 15 * clock.MINUTE_MS
#: A provider that cannot answer look-ups for a day will not any more.
LOOK_UP_FOR_MS = clock.DAY_MS
#: Look-ups an account and sweep: each is a call.
LOOK_UPS = 200
BATCH = 1_000
#: What a person may say of messages in doubt.
ANSWERS = ("sent", "not_sent", "resend")


def climb(rt: Runtime) -> int:
    """Take every unresolved message in doubt one step further; returns how many moved.  Called by the sweep."""
    moved = 0
    for campaign_id in campaigns():
        for account_id, rows in _open(campaign_id).items():
            try:
                moved += _account(rt, campaign_id, account_id, rows)
            except Exception:
                log.exception("campaign %s: messages in doubt on account %s", campaign_id, account_id)
    return moved


def campaigns() -> list[int]:
    """Campaigns with messages in doubt."""
    return [
        row[0]
        for row in database.query(
            "SELECT campaign_id FROM tally WHERE state = ? GROUP BY campaign_id HAVING SUM(n) > 0 ORDER BY 1",
            (int(State.in_doubt),),
        )
    ]


def reasons(campaign_id: int) -> dict[str, int]:
    """{reason: messages in doubt} of a campaign, for its page."""
    return dict(
        database.query(
            "SELECT reason, COUNT(*) FROM message WHERE campaign_id = ? AND state = 8 AND reason IS NOT NULL "
            "GROUP BY reason ORDER BY 2 DESC",
            (campaign_id,),
        )
    )


#: id, class, submitted_at, attempt, lease row still there
_Row = tuple[int, int, int | None, int, int | None]


def _open(campaign_id: int) -> dict[int, list[_Row]]:
    """Unresolved messages in doubt by account, oldest first, a batch."""
    found: dict[int, list[_Row]] = {}
    for account_id, *row in database.query(
        "SELECT m.account_id, m.id, m.cls, m.submitted_at, m.attempt, l.id FROM message m "
        "LEFT JOIN lease l ON l.id = m.lease WHERE m.campaign_id = ? AND m.state = 8 AND m.reason IS NOT NULL "
        f"AND m.reason NOT IN ({database.in_list(len(RESOLVED))}) ORDER BY m.id LIMIT ?",
        (campaign_id, *RESOLVED, BATCH),
    ):
        found.setdefault(account_id, []).append(tuple(row))
    return found


def _account(rt: Runtime, campaign_id: int, account_id: int, rows: Sequence[_Row]) -> int:
    now = clock.now_ms()
    try:
        provider = accounts.open_provider(rt, account_id)
    except CooeeError:
        provider = None
    moved = 0
    if provider and provider.idempotency_ttl_s is not None:
        ttl_ms = provider.idempotency_ttl_s * 1000
        # A submit later than now tells that the clock was set back, and nothing of its age.
        again = [r[0] for r in rows if r[2] and 0 <= now - r[2] < ttl_ms and r[3] < record.MAX_ATTEMPTS]
        moved += _move(campaign_id, again, State.ready, now, keep_submitted=True)
        rows = [row for row in rows if row[0] not in set(again)]
    if provider and provider.can_look_up:
        due = [r for r in rows if r[4] is None and now - (r[2] or 0) >= provider.settle_s * 1000]
        moved += _look_up(rt, campaign_id, account_id, provider, [row[0] for row in due[:LOOK_UPS]])
    limit_ms = LOOK_UP_FOR_MS if provider and provider.can_look_up else POLICY_MS
    return moved + _apply_policy([row for row in rows if now - (row[2] or 0) >= limit_ms])


def _look_up(
    rt: Runtime, campaign_id: int, account_id: int, provider: Provider, message_ids: Sequence[int]
) -> int:
    references = ids.References(rt.keys)
    known: list[tuple[int, Found]] = []
    unknown: list[int] = []
    for message_id in message_ids:
        try:
            with calls.asked(provider, account_id, "look_up"):
                found = provider.look_up(references.of(message_id))
        except Exception as error:
            log.warning("account %s: look-up failed (%s); asked again later", account_id, error)
            break
        if found.known:
            known.append((message_id, found))
        elif found.known is False:
            unknown.append(message_id)
    now = clock.now_ms()
    moved = _move(campaign_id, unknown, State.ready, now)
    moved += _move(campaign_id, [message_id for message_id, _found in known], State.accepted, now)
    _note_provider_ids(account_id, provider, known)
    receipts = [found.receipt for _id, found in known if found.receipt]
    if receipts:
        accounts.Sink(rt, account_id).put(receipts)
    return moved


def _note_provider_ids(account_id: int, provider: Provider, known: Iterable[tuple[int, Found]]) -> None:
    rows = [
        (
            id_,
            f.provider_id,
            None if provider.echoes_reference else record.ref_hash(account_id, f.provider_id),
        )
        for id_, f in known
        if f.provider_id
    ]
    if rows:
        with database.write_tx():
            marking.identify(rows)


def _move(
    campaign_id: int, message_ids: Sequence[int], state: State, now: int, *, reason: str | None = None,
    keep_submitted: bool = False,
) -> int:  # fmt: skip
    """Out of doubt; only rows that are still in it."""
    if not message_ids:
        return 0
    final_at = now if state == State.rejected else None

    def work() -> int:
        deltas = tally.Deltas()
        with database.write_tx():
            if state == State.ready:
                _reopen(campaign_id)
            moved = marking.move(
                message_ids, State.in_doubt, state, deltas, reason=reason, final_at=final_at,
                not_before=now if state == State.ready else None, keep_submitted=keep_submitted,
            )  # fmt: skip
            marking.refund(campaign_id, sum(cost for _id, _campaign, cost in moved))
            tally.move(deltas)
        return len(moved)

    return database.retry_locked(work)


def _apply_policy(rows: Sequence[_Row]) -> int:
    """Give messages their resolution; they stay in doubt, so the counters stay as they are."""
    by_reason: dict[str, list[int]] = {}
    for id_, cls, *_rest in rows:
        by_reason.setdefault(POLICY[Cls(cls)], []).append(id_)
    for reason, some in by_reason.items():
        with database.write_tx():
            database.execute(
                f"UPDATE message SET reason = ? WHERE id {among()} AND state = 8",
                (reason, listed(some)),
            )
    return len(rows)


def resolve(rt: Runtime, message_ids: Iterable[int], answer: str, who: str = "") -> int:
    """A person decides about messages in doubt; returns how many were.  Raises `Refusal`.

    "sent": they count as accepted.  "not_sent": they end as rejected and are not sent.  "resend": they go
    back to ready, on the word of this person that nobody got them; a one-time code is never sent again.
    """
    if answer not in ANSWERS:
        raise Refusal(_("“%(answer)s” is not one of %(known)s.", answer=answer, known=", ".join(ANSWERS)))
    wanted = list(message_ids)
    groups: dict[int, list[int]] = {}
    for id_, campaign_id, cls in database.query(
        f"SELECT id, campaign_id, cls FROM message WHERE id {among()} AND state = 8", (listed(wanted),)
    ):
        if answer == "resend" and cls == Cls.otp:
            raise Refusal(_("A one-time code is not sent again; its owner asks for a new one."), status=409)
        groups.setdefault(campaign_id, []).append(id_)
    now = clock.now_ms()
    done = 0
    for campaign_id, some in groups.items():
        done += _decide(campaign_id, some, answer, now)
        with database.write_tx():
            audit.record(who, f"doubt.{answer}", f"campaign {campaign_id}", f"{len(some)} messages")
        if answer == "resend":
            rt.enqueue("send", campaign_id)
    return done


def _decide(campaign_id: int, message_ids: list[int], answer: str, now: int) -> int:
    if answer == "sent":
        return _move(campaign_id, message_ids, State.accepted, now)
    if answer == "resend":
        return _move(campaign_id, message_ids, State.ready, now)
    return _move(campaign_id, message_ids, State.rejected, now, reason="not_sent")


def _reopen(campaign_id: int) -> None:
    """A finished campaign that has something to send again runs again."""
    database.execute(
        "UPDATE campaign SET state = 'running', finished_at = NULL WHERE id = ? AND state = 'done'",
        (campaign_id,),
    )
