"""The ledger's invariants, asked of the rows themselves; `cooee verify` prints what is broken.

Reads everything once: on a million messages it takes seconds.  It may run while workers send: each question
is one statement, and every transaction of ours keeps all of them true.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from core.audience import chain, consent, suppression, topics
from core.audience.events import folding
from core.db import database, tally
from core.db.codes import State
from core.security import audit

if TYPE_CHECKING:
    from core.runtime import Runtime

#: The time of a STOP is taken before its commit, and the mark's before its own.
STOP_SLACK_MS = 2_000


def verify(rt: Runtime) -> list[str]:
    """One sentence for each invariant that does not hold; empty when all do."""
    return [sentence for _name, check in CHECKS for sentence in check(rt)]


def counters(_rt: Runtime | None = None) -> Iterator[str]:
    """Counters equal the rows: state by state, account by account, hour by hour."""
    for campaign_id, wrong in _differences():
        key, stored, counted = wrong
        _campaign, variant, account, hour, state = key
        yield (
            f"Campaign {campaign_id}: the counter of {State(state).name} (variant {variant}, account {account}, "
            f"hour {hour}) says {_words(stored)}, the rows say {_words(counted)}."
        )


def _differences() -> Iterator[tuple[int, tuple]]:
    campaigns = database.query(
        "SELECT id FROM campaign WHERE id IN (SELECT campaign_id FROM tally) "
        # Of these a retention rule removed the rows; the counters are what is left.
        "AND id NOT IN (SELECT campaign_id FROM campaign_gone) ORDER BY id"
    )
    orphans = database.query(
        "SELECT DISTINCT m.campaign_id FROM message m WHERE NOT EXISTS "
        "(SELECT 1 FROM tally t WHERE t.campaign_id = m.campaign_id)"
    )
    for (campaign_id,) in campaigns + orphans:
        with database.proxy.atomic():
            if database.is_postgres():
                database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            stored, counted = tally.stored(campaign_id), tally.recount(campaign_id)
        for key in sorted(stored.keys() | counted.keys()):
            if stored.get(key, (0, 0, 0)) != counted.get(key, (0, 0, 0)):
                yield campaign_id, (key, stored.get(key, (0, 0, 0)), counted.get(key, (0, 0, 0)))
                break


def _words(figures: tuple[int, int, int]) -> str:
    return f"{figures[0]} messages, {figures[1]} parts, {figures[2]} micros"


def audiences(_rt: Runtime | None = None) -> Iterator[str]:
    """Every recipient is in exactly one state: the states of an expanded campaign add up to its audience."""
    for campaign_id, audience, n in database.query(
        "SELECT c.id, c.audience, COALESCE(SUM(t.n), 0) FROM campaign c LEFT JOIN tally t ON t.campaign_id = c.id "
        "WHERE c.audience IS NOT NULL AND c.state IN ('running', 'paused', 'done', 'cancelled') "
        "AND c.cursor >= c.cursor_end AND c.segment_id IS NOT NULL GROUP BY c.id, c.audience "
        "HAVING COALESCE(SUM(t.n), 0) <> c.audience"
    ):
        yield f"Campaign {campaign_id}: {n} messages in all states for an audience of {audience}."


def leases(_rt: Runtime | None = None) -> Iterator[str]:
    """Whatever is claimed or on the wire is in the hands of a worker."""
    for id_, state, lease in database.query(
        "SELECT m.id, m.state, m.lease FROM message m LEFT JOIN lease l ON l.id = m.lease "
        "LEFT JOIN worker w ON w.id = l.worker_id AND w.ended_at IS NULL "
        "WHERE m.state IN (1, 2) AND w.id IS NULL ORDER BY m.id LIMIT 1"
    ):
        yield f"Message {id_} is {State(state).name} under lease {lease}, which no live worker holds."


def stops(_rt: Runtime | None = None) -> Iterator[str]:
    """Nothing was marked for the wire after a STOP or an opt-out had been committed."""
    after_stop = (
        "SELECT m.id, m.submitted_at, s.created_at FROM suppression s JOIN contact c ON c.phone_bidx = s.phone_bidx "
        "JOIN message m ON m.contact_id = c.id WHERE m.submitted_at > s.created_at + ? "
        "AND (s.classes >> m.cls) & 1 = 1 AND (s.expires_at IS NULL OR s.expires_at > m.submitted_at) "
        "ORDER BY m.id LIMIT 1"
    )
    for id_, submitted_at, stopped_at in database.query(after_stop, (STOP_SLACK_MS,)):
        yield f"Message {id_} was marked at {submitted_at}, after its number was suppressed at {stopped_at}."
    # Opt-outs by text message are suppressions, too; imported ones bear the time of their source.
    after_optout = (
        "SELECT m.id, m.submitted_at, e.at FROM consent_event e JOIN message m ON m.contact_id = e.contact_id "
        "AND m.cls = e.cls WHERE e.action = 'opt_out' AND e.topic_id = 0 AND e.who <> 'contact' "
        "AND e.batch_id IS NULL "
        "AND m.submitted_at > e.at + ? AND NOT EXISTS (SELECT 1 FROM consent_event later WHERE "
        "later.contact_id = e.contact_id AND later.cls = e.cls AND later.topic_id = 0 "
        "AND later.action = 'opt_in' AND later.id > e.id) "
        "ORDER BY m.id LIMIT 1"
    )
    for id_, submitted_at, out_at in database.query(after_optout, (STOP_SLACK_MS,)):
        yield f"Message {id_} was marked at {submitted_at}, after its contact opted out at {out_at}."


def budgets(_rt: Runtime | None = None) -> Iterator[str]:
    """No campaign has reserved more than its budget; what vendors charged beyond by their receipts is no fault."""
    for campaign_id, spent, budget, more in database.query(
        "SELECT c.id, c.spent_micros, c.budget_micros, (SELECT COALESCE(SUM(m.cost_micros - p.was), 0) "
        "FROM message_price p JOIN message m ON m.id = p.message_id "
        "WHERE m.campaign_id = c.id AND p.was IS NOT NULL) FROM campaign c "
        "WHERE c.spent_micros > c.budget_micros AND c.id NOT IN (SELECT campaign_id FROM campaign_gone) ORDER BY c.id"
    ):
        if spent - more > budget:
            yield f"Campaign {campaign_id} spent {spent} micros of a budget of {budget}."


def masks(_rt: Runtime | None = None) -> Iterator[str]:
    """What the submit mark reads of a person is what the ledger and the suppression list say."""
    for check in (consent.check, topics.check, suppression.check):
        sentence = check()
        if sentence:
            yield sentence


def ledger(rt: Runtime) -> Iterator[str]:
    """Nobody changed, added or dropped a line of the consent ledger: its chain of seals fits to the end."""
    sentence = chain.check(rt)
    if sentence:
        yield sentence


def deeds(rt: Runtime) -> Iterator[str]:
    """Nobody changed, added or dropped a row of the audit log: its chain of seals fits to the end."""
    sentence = audit.verify(rt, "cooee verify").broken
    if sentence:
        yield sentence


def once(_rt: Runtime | None = None) -> Iterator[str]:
    """One message a contact and campaign."""
    for campaign_id, contact_id, n in database.query(
        "SELECT campaign_id, contact_id, COUNT(*) FROM message WHERE dedupe = 0 "
        "GROUP BY campaign_id, contact_id HAVING COUNT(*) > 1 LIMIT 1"
    ):
        yield f"Contact {contact_id} has {n} messages in campaign {campaign_id}."


def events(_rt: Runtime) -> Iterator[str]:
    """What is counted of events, a contact and a day, is what the events add up to."""
    yield from folding.check_stats()
    yield from folding.check_days()


def integrity(_rt: Runtime | None = None) -> Iterator[str]:
    """The database can be read and is whole."""
    if not database.is_postgres():
        for (answer,) in database.query("PRAGMA integrity_check"):
            if answer != "ok":
                yield f"The database file is damaged: {answer}."


CHECKS: tuple[tuple[str, Callable[[Runtime], Iterator[str]]], ...] = (
    ("integrity", integrity),
    ("counters", counters),
    ("audiences", audiences),
    ("leases", leases),
    ("stops", stops),
    ("budgets", budgets),
    ("masks", masks),
    ("ledger", ledger),
    ("audit", deeds),
    ("once", once),
    ("events", events),
)
