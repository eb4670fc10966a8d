"""Four eyes: large or dear campaigns start only after a second person approved exactly what will be sent.

Above the setting `four_eyes_recipients` (people) or `four_eyes_cost_micros` (0: not asked) someone with the
permission to approve, who neither made nor changed the campaign, approves its snapshot.  A later change of
audience, words, price, time or account is another snapshot and voids the approval.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import Campaign
from core.i18n import _, _n
from core.sending import drafts, lifecycle, log, options, snapshot

if TYPE_CHECKING:
    from core.runtime import Runtime

RECIPIENTS_KEY, COST_KEY, WAIVER_KEY = "four_eyes_recipients", "four_eyes_cost_micros", "four_eyes_waiver"
RECIPIENTS_DEFAULT = 10_000


def why_needed(rt: Runtime, campaign: Campaign, texted: int, cost_micros: int | None = None) -> str:
    """The sentence that says why a second person must approve; "" when nobody need.

    `texted` are all who may be, before any are kept aside: the policy asks how many a campaign is about.
    """
    if not options.read(campaign.options).approve and settings.get(WAIVER_KEY, True):
        return ""
    most = settings.get(RECIPIENTS_KEY, RECIPIENTS_DEFAULT)
    if texted > most:
        return _n(
            "%(n)s person may be texted, those kept aside included; above %(most)s a second person must approve.",
            "%(n)s people may be texted, those kept aside included; above %(most)s a second person must approve.",
            texted,
            n=f"{texted:,}",
            most=f"{most:,}",
        )
    dearest = settings.get(COST_KEY, 0)
    if dearest and cost_micros is not None and cost_micros > dearest:
        return _(
            "It would cost %(cost)s; above %(most)s a second person must approve.",
            cost=f"{cost_micros / 1e6:,.2f}",
            most=f"{dearest / 1e6:,.2f}",
        )
    return ""


def ask(rt: Runtime, campaign_id: int, who: str) -> None:
    """Put a complete draft before someone who may approve.  Raises `Refusal`."""
    asked = snapshot.take(rt, drafts.get(campaign_id))
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'approval', approved_snapshot = ?, approved_by = '' "
            "WHERE id = ? AND state = 'draft'",
            (asked, campaign_id),
        ).rowcount
        if not done:
            campaign = drafts.get(campaign_id)
            raise Refusal(
                _(
                    "“%(name)s” is %(state)s; approval is asked for drafts.",
                    name=campaign.name,
                    state=campaign.state,
                ),
                status=409,
            )
        log.write(campaign_id, who, "approval_asked")
    lifecycle.announce(rt, campaign_id, "approval")


def authors(campaign: Campaign) -> set[str]:
    """Everyone who made or changed the campaign."""
    return log.people(campaign.id, "created", "edited") | {campaign.created_by}


def approve(rt: Runtime, campaign_id: int, who: str, *, seen: str | None = None) -> None:
    """Approve exactly what was asked.

    `seen` is the snapshot the approver read, where a page showed one.  Raises `Refusal`: 403 for an author, 409
    when it changed meanwhile.
    """
    campaign = drafts.get(campaign_id)
    if who in authors(campaign):
        raise Refusal(_("You made or changed this campaign; someone else must approve it."), status=403)
    now = snapshot.take(rt, campaign)
    if campaign.state == "approval" and now != campaign.approved_snapshot:
        decline(rt, campaign_id, who, "it changed after approval was asked")
        raise Refusal(
            _("The campaign changed after approval was asked, so it is a draft again; ask once more."),
            status=409,
        )
    check_seen(now, seen)
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'approved', approved_by = ? "
            "WHERE id = ? AND state = 'approval' AND approved_snapshot = ?",
            (who, campaign_id, now),
        ).rowcount
        if not done:
            raise Refusal(_("“%(name)s” does not wait for approval.", name=campaign.name), status=409)
        log.write(campaign_id, who, "approved", now[:12])
    lifecycle.announce(rt, campaign_id, "approved")


def check_seen(now: str, seen: str | None) -> None:
    """Raise `Refusal` (409, field "snapshot") when a page showed another snapshot than `now`."""
    if seen is not None and seen != now:
        raise Refusal(
            _("The campaign changed since you opened this page; read it again as it stands now."),
            field="snapshot",
            status=409,
        )


def decline(rt: Runtime, campaign_id: int, who: str, note: str = "") -> None:
    """Send a campaign that waits for approval back to its author.  Raises `Refusal` (409)."""
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'draft', approved_by = '', approved_snapshot = '' "
            "WHERE id = ? AND state IN ('approval', 'approved')",
            (campaign_id,),
        ).rowcount
        if not done:
            raise Refusal(_("Only a campaign that waits for approval can be declined."), status=409)
        log.write(campaign_id, who, "declined", note)
    lifecycle.announce(rt, campaign_id, "draft", note)


def require(rt: Runtime, campaign: Campaign, now: str, texted: int, cost_micros: int | None = None) -> None:
    """Called at launch with the snapshot as it stands.  Raises `Refusal` (403) without a valid approval."""
    why = why_needed(rt, campaign, texted, cost_micros)
    if not why:
        return
    valid = (
        campaign.state == "approved"
        and campaign.approved_snapshot == now
        and campaign.approved_by
        and campaign.approved_by not in authors(campaign)
    )
    if valid:
        return
    if campaign.state == "approved":
        raise Refusal(_("The campaign changed after it was approved; ask for approval again."), status=403)
    raise Refusal(
        _(
            "%(why)s Ask for approval on the campaign's last page, or add it with --option approve=off where "
            "your policy allows.",
            why=why,
        ),
        status=403,
    )
