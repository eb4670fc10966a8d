"""`cooee init`: the instance folder, keys, database and the first way in.  Safe to repeat."""

from __future__ import annotations

import sys

import click

from core.cli.common import composed
from core.contract.errors import Refusal


@click.command("init")
@click.option("--admin", metavar="EMAIL", help="Make this administrator instead of a set-up link.")
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@click.pass_context
def command(ctx: click.Context, admin: str | None, password_stdin: bool) -> None:
    """Create what an instance needs; what exists stays.

    Example: printf 'a long password' | cooee init --admin me@shop.example --password-stdin
    """
    from core import disk, instance
    from core.security import links, users

    if admin and not password_stdin:
        raise Refusal("--admin needs --password-stdin: give the password on standard input.")
    settings = instance.create(ctx.find_root().obj.get("instance"))
    disk.Ballast(settings).look()
    rt = composed(ctx)
    click.echo(f"Instance: {settings.instance}")
    if admin:
        password = sys.stdin.readline().rstrip("\n")
        created = users.ensure_admin(rt, admin, password)
        click.echo(f"Administrator {admin} {'created' if created else 'exists already'}.")
    elif not users.any_admin():
        click.echo(f"Set up the first administrator here (once, within 24 hours): {links.setup_link(rt)}")
