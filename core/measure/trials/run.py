"""A trial's life: start, pause, go on, cancel; and the job that sends what is due and reads what became of it.

Each text goes through `direct.send` with a key of its own, so a job that dies between sending and writing down
sends nothing twice: the next run gets the same message back.  A message is never sent after the end of its
hours: that is its own last instant.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from core import clock
from core.audience import chain, consent, suppression
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls, State
from core.db.models import Trial
from core.i18n import _
from core.measure.trials import confirm, phones, plan, schedule
from core.security import audit
from core.sending import direct

if TYPE_CHECKING:
    from core.runtime import Runtime

log = logging.getLogger("cooee.trials")

#: Texts given in one run of the job.
_BATCH = 200
#: What a message's state means for its text; others are on their way.
_STATES = {
    State.accepted: "accepted", State.delivered: "delivered", State.undelivered: "failed", State.expired: "failed",
    State.rejected: "rejected", State.skipped: "skipped", State.cancelled: "skipped", State.in_doubt: "accepted",
}  # fmt: skip


def ready(rt: Runtime, trial: Trial) -> list[str]:
    """What a draft lacks before it can start, as sentences."""
    wanted, found = plan.of(trial), phones.of(rt, trial.id)
    lacks = []
    if not wanted.accounts:
        lacks.append(_("Choose at least one account."))
    if not found:
        lacks.append(_("Enter at least one number, each on a line of its own."))
    if not wanted.agreed:
        lacks.append(_("Say that the owners of the phones agreed."))
    if wanted.windows == ("night",) and not any(phone.night for phone in found):
        lacks.append(_("No phone agreed to texts at night; tick those that did, or choose other hours."))
    if found and all(phone.blocked for phone in found):
        lacks.append(_("All these numbers are on the suppression list."))
    return lacks


def drawn(rt: Runtime, trial: Trial, now: int | None = None) -> list[schedule.Planned]:
    """The texts a draft would send if it started now."""
    wanted, found = plan.of(trial), phones.of(rt, trial.id)
    if not wanted.accounts or not found:
        return []
    n_rounds = plan.rounds(wanted, len(found))
    return schedule.make(wanted, found, n_rounds, trial.seed, clock.now_ms() if now is None else now)


def start(rt: Runtime, trial_id: int, who: str) -> int:
    """Write the schedule and begin; returns how many texts.  Raises `Refusal`."""
    trial = plan.opened(trial_id)
    if lacks := ready(rt, trial):
        raise Refusal(lacks[0])
    wanted, texts = plan.of(trial), drawn(rt, trial)
    senders = dict(database.query("SELECT id, sender FROM account"))
    with database.write_tx():
        chain.lock(rt)
        suppression.hold(shared=True)
        now = clock.now_ms()
        if not _move(trial_id, ("draft",), "running", started_by=who, started_at=now):
            raise Refusal(_("This trial was started; its plan is closed."), status=409)
        schedule.store(trial_id, texts, senders, wanted)
        database.execute(
            "UPDATE trial SET ends_at = ? WHERE id = ?", (max(text.until_at for text in texts), trial_id)
        )
        events = phones.write_consent(rt, trial.name, trial_id, who)
        audit.record(who, "trial.start", f"trial:{trial_id}", f"{len(texts)} texts")
    consent.announce(rt, events)
    rt.enqueue("trials")
    return len(texts)


def pause(trial_id: int, who: str) -> None:
    """Send nothing more for now.  Raises `Refusal` (409)."""
    _act(trial_id, ("running",), "paused", who, "trial.pause")


def resume(rt: Runtime, trial_id: int, who: str) -> None:
    """Go on; texts whose time passed get another in the next hours of their kind.  Raises `Refusal` (409)."""
    _act(trial_id, ("paused",), "running", who, "trial.resume")
    rt.enqueue("trials")


def cancel(trial_id: int, who: str) -> None:
    """Send nothing more at all; what was sent stays in the report.  Raises `Refusal` (409)."""
    _act(
        trial_id, ("draft", "running", "paused"), "cancelled", who, "trial.cancel", finished_at=clock.now_ms()
    )
    with database.write_tx():
        database.execute(
            "UPDATE trial_text SET state = 'cancelled' WHERE trial_id = ? AND state = 'waiting'", (trial_id,)
        )


def _act(trial_id: int, before: tuple[str, ...], after: str, who: str, action: str, **more) -> None:
    trial = plan.get(trial_id)
    with database.write_tx():
        if not _move(trial_id, before, after, **more):
            raise Refusal(_("That cannot be done now; the trial changed meanwhile."), status=409)
        audit.record(who, action, f"trial:{trial_id}", trial.name)


def _move(trial_id: int, before: tuple[str, ...], after: str, **more) -> bool:
    """Change the state by compare and set, inside `write_tx()`."""
    return (
        Trial.update(state=after, **more).where(Trial.id == trial_id, Trial.state.in_(before)).execute() == 1
    )


# --- the job ------------------------------------------------------------------------------------------


def job(rt: Runtime, *_ids: int) -> None:
    """Every few seconds: send what is due, read receipts, end what is over.  Safe to run twice at once."""
    for trial_id, state in database.query(
        "SELECT id, state FROM trial WHERE state IN ('running', 'paused') OR finished_at > ?",
        (clock.now_ms() - 3 * confirm.WAIT_MS,),
    ):
        if state == "running":
            postpone(rt, trial_id)
            give(rt, trial_id)
        collect(trial_id)
        confirm.close(trial_id)
        if state == "running":
            _finish(trial_id)


def give(rt: Runtime, trial_id: int) -> int:
    """Hand over the texts that are due; returns how many."""
    now, given = clock.now_ms(), 0
    due = database.query(
        "SELECT t.id, t.account_id, t.body, t.until_at, c.phone_enc FROM trial_text t JOIN trial_number n "
        "ON n.id = t.number_id LEFT JOIN contact c ON c.id = n.contact_id "
        "WHERE t.trial_id = ? AND t.state = 'waiting' AND t.due_at <= ? AND t.until_at > ? ORDER BY t.due_at LIMIT ?",
        (trial_id, now, now, _BATCH),
    )
    for text_id, account, body, until, sealed in due:
        if database.scalar("SELECT state FROM trial WHERE id = ?", (trial_id,)) != "running":
            break
        if sealed is None:
            _refused(text_id, _("The contact was erased."))
            continue
        key = f"trial:{trial_id}:{text_id}"
        try:
            made = direct.send(rt, rt.keys.open_number(sealed), Cls.notice, body, account, key, until=until)
        except Refusal as refusal:
            _refused(text_id, str(refusal))
            continue
        with database.write_tx():
            given += database.execute(
                "UPDATE trial_text SET state = 'given', message_id = ? WHERE id = ? AND state = 'waiting'",
                (made["message_id"], text_id),
            ).rowcount
    return given


def _refused(text_id: int, why: str) -> None:
    with database.write_tx():
        database.execute(
            "UPDATE trial_text SET state = 'refused', reason = ? WHERE id = ? AND state = 'waiting'",
            (why[:250], text_id),
        )


def postpone(rt: Runtime, trial_id: int) -> int:
    """Texts whose hours passed while nothing was sent go into the next such hours; returns how many."""
    now = clock.now_ms()
    late = database.query(
        "SELECT id, number_id, hours FROM trial_text WHERE trial_id = ? AND state = 'waiting' AND until_at <= ? "
        "ORDER BY due_at LIMIT 2000",
        (trial_id, now),
    )
    if not late:
        return 0
    wanted = plan.of(plan.get(trial_id))
    by_id = {phone.id: phone for phone in phones.of(rt, trial_id)}
    moved = [(*schedule.later(wanted, by_id[number], hours, now), id_) for id_, number, hours in late]
    with database.write_tx():
        database.executemany(
            "UPDATE trial_text SET due_at = ?, until_at = ? WHERE id = ? AND state = 'waiting'", moved
        )
        database.execute(
            "UPDATE trial SET ends_at = ? WHERE id = ? AND ends_at < ?",
            (max(row[1] for row in moved), trial_id, max(row[1] for row in moved)),
        )
    return len(moved)


def collect(trial_id: int) -> None:
    """Read what became of the messages into the texts: a report must outlive the messages."""
    cases = " ".join(f"WHEN m.state = {int(state)} THEN '{word}'" for state, word in _STATES.items())
    # One whose last instant passed before it left expires, too.
    cases = f"WHEN m.state = {int(State.expired)} AND m.submitted_at IS NULL THEN 'skipped' {cases}"
    with database.write_tx():
        database.execute(
            f"UPDATE trial_text SET state = CASE {cases} ELSE trial_text.state END, "
            "reason = COALESCE(m.reason, ''), parts = m.parts, cost_micros = m.cost_micros, "
            f"submitted_at = m.submitted_at, receipt_at = CASE WHEN m.state IN ({int(State.delivered)}, "
            f"{int(State.undelivered)}, {int(State.expired)}) THEN m.final_at END "
            "FROM message m WHERE m.id = trial_text.message_id AND trial_text.trial_id = ? "
            "AND trial_text.state IN ('given', 'accepted', 'failed') "
            f"AND trial_text.state <> CASE {cases} ELSE trial_text.state END",
            (trial_id,),
        )


def _finish(trial_id: int) -> None:
    """A trial is over when nothing waits and receipts had their time."""
    now = clock.now_ms()
    waiting, open_, last = database.one(
        "SELECT SUM(CASE WHEN state IN ('waiting', 'given') THEN 1 ELSE 0 END), "
        "SUM(CASE WHEN state = 'accepted' OR seen = '' AND state IN ('delivered', 'failed') THEN 1 ELSE 0 END), "
        "MAX(COALESCE(submitted_at, due_at)) FROM trial_text WHERE trial_id = ?",
        (trial_id,),
    )
    if waiting or (open_ and now < last + confirm.WAIT_MS):
        return
    with database.write_tx():
        if _move(trial_id, ("running",), "done", finished_at=now):
            audit.record("system", "trial.done", f"trial:{trial_id}")
