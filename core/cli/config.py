"""`cooee config`: every setting with its value, source and help."""

from __future__ import annotations

import re

import click

from core.cli.common import emit, json_option, table

_PASSWORD = re.compile(r"(://[^:/@]*:)[^@]*@")


@click.command("config")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the settings of the instance.

    Example: cooee config --json
    """
    from core import config

    settings = config.load(ctx.find_root().obj.get("instance"))
    rows = [
        {
            "name": option.name,
            "value": _shown(option.name, getattr(settings, option.name)),
            "source": settings.sources[option.name],
            "env": option.env,
            "help": option.help,
        }
        for option in config.SETTINGS
    ]
    emit(
        rows,
        as_json,
        lambda rows: table([r.values() for r in rows], ["setting", "value", "from", "environment", "help"]),
    )


def _shown(name: str, value: object) -> object:
    if name.endswith("_token") and value:
        return "(set)"
    return _PASSWORD.sub(r"\1***@", value) if isinstance(value, str) else value
