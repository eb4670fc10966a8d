"""A new budget for a paused campaign, so that one whose budget is used up can go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.contract.errors import Refusal
from core.db import database
from core.db.models import Campaign
from core.i18n import _
from core.security import audit
from core.sending import approval, drafts, log, pausing

if TYPE_CHECKING:
    from core.runtime import Runtime
    from core.security.spending import Purse

MICROS = 1_000_000


def change(
    rt: Runtime, campaign_id: int, amount: float, who: str, *, approves: bool, purse: Purse | None = None
) -> None:
    """Let a paused campaign spend `amount` in all, in its currency; called before it is resumed.

    Above the cost that needs four eyes it takes somebody who `approves` and neither made nor changed the
    campaign.  What is added is taken out of the `purse`.  Raises `Refusal`: 409 unless it is paused and has a
    budget, 422 for no more than what is used up, 403 for who may not decide alone.
    """
    campaign = drafts.own(campaign_id)
    micros = round(amount * MICROS)
    if campaign.state != "paused":
        raise Refusal(
            _(
                "“%(name)s” is %(state)s; the budget is changed while it is paused.",
                name=campaign.name,
                state=campaign.state,
            ),
            status=409,
        )
    if campaign.budget_micros is None:
        raise Refusal(
            _("“%(name)s” has no budget, so there is none to change.", name=campaign.name), status=409
        )
    used_up = campaign.reason == pausing.say("budget")
    least = campaign.budget_micros if used_up else campaign.spent_micros
    if micros <= least:
        raise _too_little(campaign, least)
    if micros == campaign.budget_micros:
        return
    why = approval.why_needed(rt, campaign, 0, micros)
    if why and (not approves or who in approval.authors(campaign)):
        raise Refusal(
            _("%(why)s Somebody who may approve, and did not make this campaign, can resume it so.", why=why),
            field="budget",
            status=403,
        )
    told = f"{_plain(campaign.budget_micros)} → {_plain(micros)} {campaign.currency}".rstrip()
    with database.write_tx():
        done = database.execute(
            "UPDATE campaign SET budget_micros = ? WHERE id = ? AND state = 'paused' AND spent_micros < ? "
            "AND budget_micros = ?",
            (micros, campaign_id, micros, campaign.budget_micros),
        ).rowcount
        if not done:
            raise _too_little(campaign, drafts.get(campaign_id).spent_micros)
        if purse and micros > campaign.budget_micros:
            _take(purse, campaign, micros - campaign.budget_micros)
        log.write(campaign_id, who, "budget", told)
        audit.record(who, "campaign.budget", campaign.name, told)


def _take(purse: Purse, campaign: Campaign, more: int) -> None:
    if purse.currency != campaign.currency:
        raise Refusal(
            _(
                "“%(name)s” spends %(currency)s, and this token may spend %(cap)s only; let a person resume it.",
                name=campaign.name,
                currency=campaign.currency or "?",
                cap=purse.currency,
            ),
            field="budget",
            status=403,
        )
    purse.take(more)


def _too_little(campaign: Campaign, least: int) -> Refusal:
    used = f"{_plain(least)} {campaign.currency}".rstrip()
    return Refusal(_("%(used)s is used up; the new budget must be more.", used=used), field="budget")


def _plain(micros: int) -> str:
    """An amount as people write it: 12.5, not 12.500000."""
    return f"{micros / MICROS:,.6f}".rstrip("0").rstrip(".")
