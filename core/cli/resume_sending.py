"""`cooee resume-sending`."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, pass_rt, whoami


@click.command("resume-sending")
@json_option
@pass_rt
def command(rt, as_json: bool) -> None:
    """Switch sending on again after a restore or `cooee stop-sending`.

    Example: cooee resume-sending
    """
    from core.sending import stopping

    was = stopping.start(rt, who=whoami(), anyway=True)
    told = f"Sending is on again (it was off: {was.why})." if was else "Sending was not off."
    emit({"stopped": False, "was_stopped": bool(was), "why": was.why if was else ""}, as_json, told)
