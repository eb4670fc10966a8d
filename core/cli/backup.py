"""`cooee backup FILE`."""

from __future__ import annotations

from pathlib import Path

import click

from core.cli.common import emit, json_option, many, pass_rt


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@pass_rt
def command(rt, file: Path, as_json: bool) -> None:
    """Write a verified copy of the database while everything runs.  Keep instance/keys elsewhere.

    Example: cooee backup /backups/cooee-monday.tar
    """
    from core import backup

    done = backup.backup(rt, file)
    emit(
        {"file": str(file), **done},
        as_json,
        f"{file}: {many(done['contacts'], 'contact')}, {many(done['messages'], 'message')}, verified.",
    )
