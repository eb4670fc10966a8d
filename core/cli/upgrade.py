"""`cooee upgrade`: bring the database up to date."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option


@click.command("upgrade")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Apply pending migrations of the core and of plugins.

    Example: cooee upgrade
    """
    from core import config, disk, instance

    settings = config.load(ctx.find_root().obj.get("instance"))
    done = instance.upgrade(settings)
    disk.Ballast(settings).look()
    told = "\n".join(f"applied {name}" for name in done) or "Nothing is pending."
    emit({"applied": done}, as_json, told)
