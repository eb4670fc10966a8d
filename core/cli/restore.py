"""`cooee restore FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from core.cli import params
from core.cli.common import composed, emit, json_option, many, whoami


@click.command("restore")
@click.argument("file", type=params.SOURCE)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@click.pass_context
def command(ctx: click.Context, file: Path, yes: bool, as_json: bool) -> None:
    """Replace this instance's database by a backup.  Nothing is sent until `cooee resume-sending`.

    Stop Cooee first.  One that was killed is done again from its beginning.

    Example: cooee restore /backups/cooee-monday.tar
    """
    from core import backup

    rt = composed(ctx, repairing=True)
    if not yes:
        click.confirm(f"Replace everything in {rt.settings.instance} by {file}?", abort=True, err=True)
    done = backup.restore(rt, file, whoami())
    emit(
        done,
        as_json,
        f"Restored {many(done['contacts'], 'contact')} and {many(done['messages'], 'message')}; {done['in_doubt']} the "
        f"journal saw on the wire are in doubt, {done['blocked']} later changes of the suppression list repeated.\n"
        "Sending is off: look at them, then run `cooee resume-sending`.",
    )
