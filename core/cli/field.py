"""`cooee field`: what is known of people, by kind."""

from __future__ import annotations

from typing import Any

import click

from core.audience import fields, kinds
from core.cli import common
from core.db.models import Field


@click.group("field")
def command() -> None:
    """Fields of contacts: list, add, rename, remove.

    Example: cooee field add "Shoe size" --kind number --key shoe
    """


@command.command("list")
@common.json_option
@common.pass_rt
def listing(rt, as_json: bool) -> None:
    """All fields with their kind and how many people have a value.

    Example: cooee field list --json
    """
    data = [{**_data(field), "filled": fields.in_use(field)} for field in fields.all_fields()]
    rows = [(one["key"], one["title"], one["kind"], f"{one['filled']:,}") for one in data]
    common.emit(data, as_json, common.table(rows, ("KEY", "TITLE", "KIND", "FILLED IN")))


@command.command("add")
@click.argument("title")
@click.option("--kind", type=click.Choice(kinds.KINDS), required=True, help="What its values are.")
@click.option("--key", default="", help="What templates and files call it (default: the title).")
@common.json_option
@common.pass_rt
def add(rt, title: str, kind: str, key: str, as_json: bool) -> None:
    """Make a field; its key cannot be changed afterwards.

    Example: cooee field add "Shoe size" --kind number --key shoe
    """
    made = fields.add(title, kind, key, who=common.whoami())
    common.emit(_data(made), as_json, f"{made.title}: {{{{{made.key}}}}} in templates")


@command.command("rename")
@click.argument("key")
@click.argument("title")
@common.json_option
@common.pass_rt
def rename(rt, key: str, title: str, as_json: bool) -> None:
    """Change what people read; the key stays, because segments and templates say it.

    Example: cooee field rename shoe "Size of shoes"
    """
    fields.rename(key, title, who=common.whoami())
    renamed = _data(fields.get(key))
    common.emit(renamed, as_json, f"{key}: {renamed['title']}")


@command.command("remove")
@click.argument("key")
@common.json_option
@common.pass_rt
def remove(rt, key: str, as_json: bool) -> None:
    """Remove a field nobody has a value in and nothing uses; says what is in the way.

    Example: cooee field remove shoe
    """
    fields.remove(key, who=common.whoami())
    common.emit({"removed": key}, as_json, f"The field {key} is gone.")


def _data(field: Field) -> dict[str, Any]:
    choices = sorted(fields.choices(field)) if field.kind == "choice" else None
    return {
        "key": field.key, "title": field.title, "kind": field.kind, "builtin": field.builtin, "choices": choices,
    }  # fmt: skip
