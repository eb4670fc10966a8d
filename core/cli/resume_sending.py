"""`cooee resume-sending`."""

from __future__ import annotations

import click

from core.cli.common import pass_rt


@click.command("resume-sending")
@pass_rt
def command(rt) -> None:
    """Switch sending on again after a restore.

    Example: cooee resume-sending
    """
    from core import backup

    why = backup.resume_sending()
    click.echo(f"Sending is on again (it was off: {why})." if why else "Sending was not off.")
