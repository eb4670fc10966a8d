"""The commands of `cooee campaign` that only look: list, show, log, messages."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import click

from core import clock, exporting
from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table
from core.db.codes import Cls
from core.db.models import Campaign


@click.command("list")
@click.option("--state", help="Only campaigns in this state.")
@json_option
@pass_rt
def list_(rt, state: str | None, as_json: bool) -> None:
    """All campaigns, newest first.

    Example: cooee campaign list --state running --json
    """
    found = Campaign.select().where(~Campaign.name.startswith("direct:")).order_by(Campaign.id.desc())
    rows = [
        {"id": c.id, "name": c.name, "state": c.state, "class": Cls(c.cls).name, "audience": c.audience,
         "created_at": iso(c.created_at)}
        for c in found if state in (None, c.state)
    ]  # fmt: skip
    columns = ("id", "name", "state", "class", "audience")
    emit(rows, as_json, table(([row[c] for c in columns] for row in rows), columns))


@click.command("show")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def show(rt, id: int, as_json: bool) -> None:
    """A campaign with its counts and figures.

    Example: cooee campaign show 7 --json
    """
    from core.measure import summary

    emit(summary.campaign(rt, id), as_json, _show_words)


def _show_words(made: dict[str, Any]) -> str:
    lines = [f"{made['name']} ({made['class']}): {made['state']} {made['reason']}".rstrip()]
    lines += [f"  {'audience':<14}{made['audience'] or 0:>12,}"]
    lines += [f"  {state:<14}{n:>12,}" for state, n in made["counts"].items() if n]
    for name, figure in made["metrics"].items():
        if figure["value"] is None:
            lines.append(f"  {name:<26} not enough data")
        elif figure["unit"] == "share":
            low, high = figure["interval"] or (None, None)
            between = f"  ({low:.1%} to {high:.1%})" if low is not None else ""
            lines.append(f"  {name:<26}{figure['value']:>8.1%}{between}")
        else:
            micros = figure["unit"] == "micros"
            value = f"{figure['value'] / 1_000_000:,.2f}" if micros else f"{figure['value']:,.10g}"
            lines.append(f"  {name:<26}{value:>12} {figure.get('currency') or ''}".rstrip())
    return "\n".join(lines)


@click.command("log")
@click.argument("id", type=params.ROW_ID)
@json_option
@pass_rt
def log_(rt, id: int, as_json: bool) -> None:
    """What happened to a campaign, newest first.

    Example: cooee campaign log 7
    """
    from core.sending import drafts, log

    drafts.get(id)
    rows = [
        {"at": iso(at), "who": who, "what": what, "detail": detail}
        for at, who, what, detail in log.lines(id, 1000)
    ]
    emit(rows, as_json, table((row.values() for row in rows), ("at", "who", "what", "detail")))


@click.command("messages")
@click.argument("id", type=params.ROW_ID)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="How it is written: json is one object a line.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON array.")
@pass_rt
def messages(rt, id: int, format_: str, as_json: bool) -> None:
    """Every message of a campaign, numbers in clear.

    Example: cooee campaign messages 7 --format csv > messages.csv
    """
    from core.sending import drafts
    from core.sending import messages as reading

    drafts.get(id)
    rows = reading.export(rt, id)
    if as_json or format_ == "json":
        lines = (
            json.dumps(dict(zip(reading.EXPORT_COLUMNS, row, strict=True)), ensure_ascii=False)
            for row in rows
        )
        if as_json:
            lines = chain(["["], (f"{',' if n else ''}{line}" for n, line in enumerate(lines)), ["]"])
        for line in lines:
            click.echo(line)
        return
    for line in exporting.csv_stream(reading.EXPORT_COLUMNS, rows, for_people=False):
        click.echo(line, nl=False)


def iso(ms: int | None) -> str | None:
    """Epoch ms as ISO 8601 UTC; None stays None."""
    return clock.from_ms(ms).isoformat(timespec="seconds") if ms else None


def told(id: int, state: str, as_json: bool) -> None:
    """Say what a campaign is now: as JSON on standard output, in words beside it."""
    if as_json:
        emit({"id": id, "state": state}, True)
    else:
        click.echo(f"Campaign {id}: {state}", err=True)
