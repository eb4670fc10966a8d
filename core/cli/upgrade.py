"""`cooee upgrade`: bring the database up to date."""

from __future__ import annotations

import click


@click.command("upgrade")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Apply pending migrations of the core and of plugins.

    Example: cooee upgrade
    """
    from core import config, disk, instance

    settings = config.load(ctx.find_root().obj.get("instance"))
    done = instance.upgrade(settings)
    disk.Ballast(settings).look()
    click.echo("\n".join(f"applied {name}" for name in done) or "Nothing is pending.")
