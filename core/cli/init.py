"""`cooee init`: the instance folder, keys, database and the first way in.  Safe to repeat."""

from __future__ import annotations

import sys

import click

from core.cli.common import composed, emit, json_option
from core.contract.errors import Refusal


@click.command("init")
@click.option("--admin", metavar="EMAIL", help="Make this administrator instead of a set-up link.")
@click.option("--password-stdin", is_flag=True, help="Read the administrator's password from standard input.")
@json_option
@click.pass_context
def command(ctx: click.Context, admin: str | None, password_stdin: bool, as_json: bool) -> None:
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
    data = {"instance": str(settings.instance), "administrator": admin, "created": False, "setup_link": None}
    told = f"Instance: {settings.instance}"
    if admin:
        password = sys.stdin.readline().rstrip("\n")
        data["created"] = users.ensure_admin(rt, admin, password)
        told += f"\nAdministrator {admin} {'created' if data['created'] else 'exists already'}."
    elif not users.any_admin() and as_json:
        data["setup_link"] = links.setup_link(rt)
    elif not users.any_admin():
        told += f"\n{links.setup_words(rt)}"
    emit(data, as_json, told)
