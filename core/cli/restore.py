"""`cooee restore FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from core.cli.common import emit, json_option, pass_rt


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_rt
def command(rt, file: Path, yes: bool, as_json: bool) -> None:
    """Replace this instance's database by a backup.  Nothing is sent until `cooee resume-sending`.

    Example: cooee restore /backups/cooee-monday.tar
    """
    from core import backup

    if not yes:
        click.confirm(f"Replace everything in {rt.settings.instance} by {file}?", abort=True, err=True)
    done = backup.restore(rt, file)
    emit(
        done,
        as_json,
        f"Restored {done['contacts']} contacts and {done['messages']} messages; {done['in_doubt']} the "
        f"journal saw on the wire are in doubt, {done['blocked']} later changes of the suppression list repeated.\n"
        "Sending is off: look at them, then run `cooee resume-sending`.",
    )
