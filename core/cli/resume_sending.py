"""`cooee resume-sending`."""

from __future__ import annotations

import click

from core.cli.common import pass_rt, whoami


@click.command("resume-sending")
@pass_rt
def command(rt) -> None:
    """Switch sending on again after a restore or `cooee stop-sending`.

    Example: cooee resume-sending
    """
    from core.sending import stopping

    was = stopping.start(rt, who=whoami(), anyway=True)
    click.echo(f"Sending is on again (it was off: {was.why})." if was else "Sending was not off.")
