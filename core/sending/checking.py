"""Checks of drafts, kept for the pages: a dry run with the snapshot it holds for.

A small audience is gone through while the page is saved, a large one by the job `check` with its progress in
the row.  A report of another snapshot is stale and not shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core import clock
from core.contract.errors import Refusal
from core.db import database
from core.db.models import Campaign, CampaignCheck
from core.sending import drafts, dryreport, dryrun, people, snapshot

if TYPE_CHECKING:
    from core.runtime import Runtime

#: Up to this many contacts a page runs the check itself; above it becomes a job with progress.
INLINE = 30_000


def check(rt: Runtime, campaign_id: int) -> None:
    """Run and keep the report for the campaign as it stands; big audiences become a job with progress."""
    if people.last_contact() <= INLINE:
        run(rt, campaign_id)
        return
    now = snapshot.take(rt, drafts.get(campaign_id))
    _row(campaign_id, now, state="running", done=0, total=people.last_contact())
    rt.enqueue("check", campaign_id)


def run(
    rt: Runtime, campaign_id: int, progress: Callable[[int, int], None] | None = None
) -> dryreport.Report:
    """Run at once, for a command that waits; of a draft the report is kept, as its pages would.  Raises `Refusal`."""
    campaign = drafts.get(campaign_id)
    now = snapshot.take(rt, campaign)
    report = dryrun.run(rt, campaign_id, progress)
    if not campaign.launched_at:
        _keep(rt, campaign_id, now, report)
    return report


def job(rt: Runtime, campaign_id: int) -> None:
    """The job `check`: run with progress and keep the report; an edit meanwhile makes it stale, not wrong."""
    campaign = drafts.get(campaign_id)
    now = snapshot.take(rt, campaign)

    def progress(done: int, total: int) -> None:
        _row(campaign_id, now, state="running", done=done, total=total)

    try:
        _keep(rt, campaign_id, now, dryrun.run(rt, campaign_id, progress))
    except Refusal as refusal:
        _row(campaign_id, now, state="failed", error=str(refusal))


def _keep(rt: Runtime, campaign_id: int, now: str, report: dryreport.Report) -> None:
    _row(campaign_id, now, state="done", report=dryreport.dump(report))


def _row(campaign_id: int, now: str, **columns: Any) -> None:
    row = (
        {"report": "", "error": "", "done": 0, "total": 0} | columns | {"snapshot": now, "at": clock.now_ms()}
    )
    with database.write_tx():
        CampaignCheck.insert(campaign_id=campaign_id, **row).on_conflict(
            conflict_target=[CampaignCheck.campaign_id], update=row
        ).execute()


def kept(rt: Runtime, campaign: Campaign) -> tuple[CampaignCheck | None, dryreport.Report | None]:
    """(the last check if it is of the campaign as it stands, its report when done)."""
    row = CampaignCheck.get_or_none(CampaignCheck.campaign_id == campaign.id)
    if row is None or row.snapshot != (campaign.snapshot or snapshot.take(rt, campaign)):
        return None, None
    if row.state != "done":
        return row, None
    report = dryreport.load(row.report)
    # The words of the reader, not of whoever ran the check.
    dryreport.say(rt, campaign, report)
    return row, report


def current(rt: Runtime, campaign_id: int, now: str) -> dryreport.Report:
    """The kept report of this snapshot, or a new run."""
    row = CampaignCheck.get_or_none(CampaignCheck.campaign_id == campaign_id)
    if row is not None and row.snapshot == now and row.state == "done":
        return dryreport.load(row.report)
    return dryrun.run(rt, campaign_id)
