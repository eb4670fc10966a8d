"""`cooee stop-sending`."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, pass_rt, whoami


@click.command("stop-sending")
@click.argument("reason")
@json_option
@pass_rt
def command(rt, reason: str, as_json: bool) -> None:
    """Send nothing more, on any worker, until `cooee resume-sending`.

    Example: cooee stop-sending "wrong price in the text"
    """
    from core.sending import stopping

    made = stopping.stop(reason, who=whoami())
    emit({"stopped": True, "why": made.why}, as_json, f"Nothing more is sent: {made.why}.")
