"""Launch: a draft becomes a run, exactly once.

1. The draft must be complete, its texts without a blocking finding, and approved where the policy asks.
2. In one transaction: compare-and-set of the state (a second launch finds nothing to set), rule and words
   frozen, snapshot stored.  A change that came in between makes another snapshot and rolls all of it back.
3. After the commit a hint to expand; `due` finds expanding and scheduled campaigns by their state.
"""

from __future__ import annotations

import json
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

from core import clock, disk
from core.content.vendortexts import store as vendortexts
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.models import Account, Campaign
from core.i18n import _
from core.security.spending import Purse
from core.sending import (
    approval,
    atmost,
    clockwatch,
    drafts,
    findings,
    lifecycle,
    links,
    log,
    options,
    people,
    prices,
    snapshot,
)
from core.sending.routes import estimate, rules
from core.timing import zones

if TYPE_CHECKING:
    from core.runtime import Runtime

#: States a launch can start from.
STARTABLE = ("draft", "approved")


def launch(
    rt: Runtime,
    campaign_id: int,
    who: str = "",
    *,
    key: str | None = None,
    seen: str | None = None,
    purse: Purse | None = None,
) -> str:
    """Start a campaign, or schedule it when its start lies ahead; returns the new state.

    The same `key` again is the same launch and returns the present state.  `seen` is the snapshot that was
    read, where a page showed one.  What it costs is taken out of the
    `purse` and becomes its budget.  Raises `Refusal`: 409 when it was
    launched already, 422 for an incomplete draft or a blocking finding, 403 without approval, 503
    while the instance's disk is nearly full.
    """
    campaign = drafts.get(campaign_id)
    if key and campaign.launch_key == key:
        return campaign.state
    _startable(campaign)
    if seen is not None:
        approval.check_seen(snapshot.take(rt, campaign), seen)
    disk.refuse_low(rt.settings)
    complete(campaign)
    reach = people.reach(rt, campaign)
    texted = reach.total
    findings.refuse_blocking(findings.of_texts(rt, campaign, reach.countries, audience=texted))
    _in_time(rt, campaign, reach)
    now = snapshot.take(rt, campaign)
    approval.require(rt, campaign, now, texted, _cost(rt, campaign_id, now))
    most = _most(rt, campaign, now, purse) if purse else (0, campaign.budget_micros)
    state = database.retry_locked(
        _freeze, rt, campaign_id, who, key or secrets.token_hex(16), now, texted, purse, most
    )
    lifecycle.announce(rt, campaign_id, state)
    if state == "expanding":
        rt.enqueue("expand", campaign_id)
    return state


def _startable(campaign: Campaign) -> None:
    if campaign.state in STARTABLE:
        return
    if campaign.state == "approval":
        raise Refusal(_("“%(name)s” waits for approval.", name=campaign.name), status=409)
    raise Refusal(
        _("“%(name)s” was launched already; it is %(state)s.", name=campaign.name, state=campaign.state),
        status=409,
    )


def complete(campaign: Campaign) -> None:
    """Raise `Refusal` for the first thing a draft lacks."""
    if campaign.segment_id is None:
        raise Refusal(_("The campaign has no audience yet; choose a segment."), field="segment")
    if not drafts.texts(campaign):
        raise Refusal(_("The campaign has no text yet; choose a template."), field="template")
    account = Account.get_or_none(Account.id == campaign.account_id)
    by_routes = campaign.account_id is None and rules.in_force(campaign.cls)
    if account is None and not by_routes:
        raise Refusal(_("The campaign has no account to send through; choose one."), field="account")
    if account and not account.enabled:
        raise Refusal(
            _("Account “%(name)s” is switched off; choose another one.", name=account.name), field="account"
        )
    if campaign.not_after and campaign.not_after <= max(clock.now_ms(), campaign.send_at or 0):
        raise Refusal(_("The campaign's end lies before its start."), field="not_after")


def _in_time(rt: Runtime, campaign: Campaign, reach: people.Reach) -> None:
    """Raise `Refusal` when the campaign ends before the first of its people may be texted."""
    start = people.starts(rt, campaign, max(clock.now_ms(), planned(campaign) or 0))
    found = frozenset().union(*reach.countries.values())
    if start.late and found and found <= {*start.late, *start.never}:
        raise Refusal(findings.nobody_in_time(), field="not_after")


def _cost(rt: Runtime, campaign_id: int, now: str) -> int | None:
    """The exact cost where the policy asks for it, from the last dry run of this very snapshot."""
    if not settings.get(approval.COST_KEY, 0):
        return None
    from core.sending import checking

    return checking.current(rt, campaign_id, now).cost_micros


def _most(rt: Runtime, campaign: Campaign, now: str, purse: Purse) -> tuple[int, int]:
    """What a purse must hold for this very snapshot, and what of it becomes the budget."""
    from core.sending import checking

    return atmost.of_campaign(rt, purse, campaign, checking.current(rt, campaign.id, now))


def _freeze(
    rt: Runtime, campaign_id: int, who: str, key: str, expected: str, texted: int, purse: Purse | None,
    most: tuple[int, int | None],
) -> str:  # fmt: skip
    at = clock.now_ms()
    with database.write_tx():
        if database.scalar("SELECT id FROM campaign WHERE launch_key = ? AND id <> ?", (key, campaign_id)):
            raise Refusal(_("This launch key belongs to another campaign."), field="key", status=409)
        done = database.execute(
            "UPDATE campaign SET state = 'expanding', launch_key = ?, launched_at = ?, reason = '' "
            "WHERE id = ? AND state IN ('draft', 'approved')",
            (key, at, campaign_id),
        ).rowcount
        campaign = drafts.get(campaign_id)
        if not done:
            if campaign.launch_key == key:
                return campaign.state
            _startable(campaign)
        _freeze_texts(rt, campaign, at)
        if snapshot.take(rt, campaign) != expected:
            raise Refusal(_("The campaign changed while it was launched; look at it again."), status=409)
        if purse:
            purse.take(most[0])
        send_at = planned(campaign)
        # By a clock in doubt nobody can tell whether a planned start is over; `due` begins it later.
        ahead = send_at and (send_at > at or clockwatch.standing())
        state = "scheduled" if ahead else "expanding"
        Campaign.update(
            state=state,
            send_at=send_at,
            rule=json.dumps(snapshot.frozen_rule(rt, campaign), ensure_ascii=False),
            snapshot=expected,
            cursor=0,
            cursor_end=people.last_contact() if state == "expanding" else 0,
            audience=None,
            budget_micros=most[1],
            currency=(
                prices.currency_of(campaign.account_id)
                if campaign.account_id
                else estimate.one_currency(campaign.cls)
            ),
        ).where(Campaign.id == campaign_id).execute()
        log.write(campaign_id, who, "scheduled" if state == "scheduled" else "launched", str(texted))
    return state


def _freeze_texts(rt: Runtime, campaign: Campaign, at: int) -> None:
    texts = drafts.texts(campaign)
    marked = links.freeze(rt, campaign, texts, max(at, planned(campaign) or 0))
    rows = [
        (campaign.id, idx, lang, marked[idx, lang], version)
        for idx, langs in texts.items()
        for lang, (_body, version) in langs.items()
    ]
    vendortexts.freeze(campaign.id)
    database.execute("DELETE FROM variant_text WHERE campaign_id = ?", (campaign.id,))
    database.executemany(
        "INSERT INTO variant_text (campaign_id, idx, lang, body, template_version) VALUES (?, ?, ?, ?, ?)",
        rows,
    )


def planned(campaign: Campaign) -> int | None:
    """The start (epoch ms) from wall time and zone, by the zone rules of today; None for at once."""
    chosen = options.read(campaign.options)
    if chosen.at and chosen.zone and campaign.send_at:
        again = zones.wall_to_ms(datetime.fromisoformat(chosen.at), chosen.zone)
        # Within a minute it is the stored instant, which keeps its seconds.
        return campaign.send_at if abs(again - campaign.send_at) < clock.MINUTE_MS else again
    return campaign.send_at


def due(rt: Runtime) -> None:
    """Periodic: start what is scheduled, push on what expands, clean up what was cancelled.

    Compare-and-set makes every step harmless on many workers at once.  While a clock is in doubt or the disk
    is nearly full nothing that is scheduled starts.
    """
    at = clock.now_ms()
    if not clockwatch.standing() and not disk.look(rt.settings).low:
        _start_planned(at)
    for (campaign_id,) in database.query("SELECT id FROM campaign WHERE state = 'expanding'"):
        rt.enqueue("expand", campaign_id)
    for (campaign_id,) in database.query(
        "SELECT id FROM campaign WHERE state = 'cancelled' AND finished_at > ?", (at - clock.DAY_MS,)
    ):
        if lifecycle.waiting(campaign_id):
            lifecycle.cancel_waiting(campaign_id)


def _start_planned(at: int) -> None:
    for campaign in Campaign.select().where(Campaign.state == "scheduled"):
        start = planned(campaign)
        if start is None or start <= at:
            database.retry_locked(_begin, campaign.id, at)


def _begin(campaign_id: int, at: int) -> None:
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET state = 'expanding', launched_at = ?, cursor = 0, cursor_end = ? "
            "WHERE id = ? AND state = 'scheduled'",
            (at, people.last_contact(), campaign_id),
        ).rowcount
        if done:
            log.write(campaign_id, "", "launched")
