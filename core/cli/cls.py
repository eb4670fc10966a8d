"""`cooee class`: what the house says about each class of messages."""

from __future__ import annotations

import json
from typing import Any

import click

from core.cli.common import emit, json_option, pair, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.runtime import Runtime


@click.group("class")
def command() -> None:
    """Classes (otp, notice, mass, voice): queue, hours, limits, price, accounts and words of each.

    Example: cooee class list --json
    """


@command.command("list")
@json_option
@pass_rt
def list_(rt: Runtime, as_json: bool) -> None:
    """The rules of every class.

    Example: cooee class list --json
    """
    from core.db import classes
    from core.db.codes import Cls

    found = {cls.name: classes.plain(classes.of_now(cls)) for cls in Cls}
    rows = [[rule, *(_shown(found[name][rule]) for name in found)] for rule in found["otp"]]
    emit(found, as_json, table(rows, ("", *found)))


@command.command("set")
@click.argument("name")
@click.argument("pairs", nargs=-1, required=True, metavar="KEY=VALUE…")
@json_option
@pass_rt
def set_(rt: Runtime, name: str, pairs: tuple[str, ...], as_json: bool) -> None:
    """Change rules of a class; an empty value, or none, takes a limit away.

    hours as 08:00-20:00, accounts and words separated by commas.

    Example: cooee class set notice cap_day=3 hours=08:00-20:00 accounts=main
    """
    from core.db import classes
    from core.db.codes import Cls

    if name not in Cls.__members__:
        raise Refusal(f"Class {name!r} is not one of {', '.join(Cls.__members__)}.", field="class")
    made = classes.save(name, {key: _value(key, value.strip()) for key, value in map(pair, pairs)}, whoami())
    emit(classes.plain(made), as_json)


def _value(key: str, value: str) -> Any:
    from core.sending import accounts
    from core.timing import hours

    empty = value.lower() in ("", "none", "null")
    if key in ("must", "never"):
        return [] if empty else [word.strip() for word in value.split(",") if word.strip()]
    if key == "words_for":
        return "" if empty else value.upper()
    if empty:
        return None
    if key == "hours":
        return [hours.minutes(part.strip()) for part in value.split("-")]
    if key == "accounts":
        return [accounts.get(name.strip()).id for name in value.split(",")]
    if value.lower() in ("true", "false", "on", "off", "yes", "no"):
        return value.lower() in ("true", "on", "yes")
    return int(value) if value.lstrip("-").isdigit() else value


def _shown(value: Any) -> str:
    return "–" if value in (None, [], "") else json.dumps(value, ensure_ascii=False)
