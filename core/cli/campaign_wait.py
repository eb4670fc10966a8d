"""`cooee campaign wait`: until nothing is left to send."""

from __future__ import annotations

import click

from core import clock
from core.cli import params
from core.cli.campaign_more import iso, told
from core.cli.common import json_option, many, pass_rt, progress
from core.contract.errors import Refusal


@click.command("wait")
@click.argument("id", type=params.ROW_ID)
@click.option("--timeout", type=params.Finite(0), default=3600.0, show_default=True, help="Seconds.")
@json_option
@pass_rt
def wait(rt, id: int, timeout: float, as_json: bool) -> None:
    """Return when no message is waiting to be sent.  Exit status 1 when it pauses or time is up.

    Example: cooee campaign wait 7 --timeout 600
    """
    from core.sending import drafts, lifecycle

    until = clock.monotonic() + timeout
    done = 0
    planned = f"Campaign {id} starts at {iso(drafts.get(id).send_at)}"
    if drafts.get(id).state == "scheduled":
        click.echo(f"{planned}.", err=True)
    with progress(drafts.get(id).audience or 0, "Sending") as advance:
        while True:
            campaign, left = drafts.get(id), lifecycle.waiting(id)
            if campaign.state in ("draft", "approval", "approved"):
                raise Refusal(f"Campaign {id} is {campaign.state}; launch it first.")
            if campaign.state == "paused":
                raise Refusal(f"Campaign {id} is paused: {campaign.reason}")
            if campaign.state not in ("scheduled", "expanding") and not left:
                lifecycle.finish(rt, id)
                return told(id, drafts.get(id).state, True) if as_json else None
            if clock.monotonic() >= until:
                if campaign.state == "scheduled":
                    raise Refusal(f"{planned}; that is later than {timeout:g} s from now.")
                raise Refusal(f"After {timeout:g} s still waiting: {many(left, 'message')} of campaign {id}.")
            if campaign.audience:
                advance(max(0, campaign.audience - left - done))
                done = max(done, campaign.audience - left)
            clock.sleep(0.1)
