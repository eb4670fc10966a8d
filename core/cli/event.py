"""`cooee event`: what customers did; import and undo of files, and types of events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.audience.events import eventtypes, importing, money, rejects, undo
from core.cli import common, params
from core.contract.errors import Refusal
from core.db import database


@click.group("event")
def command() -> None:
    """Events: import, undo, list of files, types, currency.

    Example: cooee event import events.csv --region CN
    """


@command.command("import")
@click.argument("file", type=params.SOURCE)
@click.option("--map", "changes", multiple=True, metavar="KEY=COLUMN", callback=common.pairs,
              help="Which column a key is, by header or as #3; skip=COLUMN leaves one out. Repeatable.")  # fmt: skip
@click.option(
    "--region", default="", help="ISO country of numbers without one (default: the setting default_region)."
)
@click.option("--zone", default="", help="IANA zone of times without one (default: the setting zone).")
@click.option("--type", "type_key", default="", help="Type of all rows of a file without such a column.")
@common.json_option
@common.pass_rt
def import_(
    rt, file: Path, changes: dict[str, str], region: str, zone: str, type_key: str, as_json: bool
) -> None:
    """Import a CSV or XLSX file of events: phone, type, at, and any of amount, currency, item, category, key,
    order, place, lat, lon and prop.NAME.

    The same file twice changes nothing, in whatever order its rows stand; a killed import goes on when the
    command is given again.  Events of numbers that are no contacts yet wait for them.

    \b
    Example:
      cooee event import events.csv --region CN --json
    """
    options = {"region": region, "zone": zone, "type": type_key, "map": changes}
    batch = importing.create(rt, file.name, file, options, common.whoami())
    with common.resumable(), common.bar("Importing") as progress:
        importing.run(rt, batch.id, progress)
    done = importing.report(batch.id)
    rows = rejects.as_csv(batch.id) if done["rejected"] else None
    done["rejects_file"] = rows and common.kept(rt, f"event-rejects-{batch.id}.csv", rows)
    common.emit(done, as_json, _summary)


def _summary(done: dict[str, Any]) -> str:
    lines = [
        f"Batch {done['batch']}. {common.many(done['rows'], 'row')}: {done['stored']:,} stored, {done['duplicates']:,} "
        f"duplicates, {done['waiting']:,} waiting for their number, {done['rejected']:,} rejected."
    ]
    if done["rejects_file"]:
        lines += [f"  {n:,} × {why}" for why, n in rejects.by_reason(done["batch"])]
        lines.append(f"Rejected rows with reasons: {done['rejects_file']}")
    return "\n".join(lines)


@command.command("undo")
@click.argument("batch_id", metavar="BATCH", type=params.ROW_ID)
@common.json_option
@common.pass_rt
def undo_(rt, batch_id: int, as_json: bool) -> None:
    """Take a file of events back: the events it brought go.

    \b
    Example:
      cooee event undo 3
    """
    done = undo.undo(rt, batch_id, who=common.whoami())
    common.emit(
        done, as_json, lambda d: f"Import {d['batch']} undone: {common.many(d['removed'], 'event')} removed."
    )


@command.command("list")
@common.json_option
@common.pass_rt
def list_(rt, as_json: bool) -> None:
    """Files of events, newest first.

    \b
    Example:
      cooee event list --json
    """
    found = [importing.report(batch.id) for batch in importing.batches()]
    names = ("batch", "file", "state", "rows", "stored", "duplicates", "waiting", "rejected")
    common.emit(
        found, as_json, lambda rows: common.table([[row[name] for name in names] for row in rows], names)
    )


@command.command("currency")
@click.argument("code", required=False)
@click.option("--rate", "pairs", multiple=True, metavar="CODE=RATE", callback=common.pairs,
              help="Units of the house currency for one of another; 0 removes it. Repeatable.")  # fmt: skip
@common.json_option
@common.pass_rt
def currency(rt, code: str | None, pairs: dict[str, str], as_json: bool) -> None:
    """The house currency all amounts are kept in, and rates of others.

    Without CODE: show it.  The first amounts set it when nobody did.

    \b
    Example:
      cooee event currency CNY --rate USD=7.2 --rate EUR=7.8
    """
    if code:
        money.choose(code, who=common.whoami())
    for other, rate in pairs.items():
        money.set_rate(other, rate, who=common.whoami())
    found = {"currency": money.house(), "rates": {key: str(rate) for key, rate in money.rates().items()}}
    common.emit(
        found, as_json,
        lambda f: "\n".join([f["currency"] or "not set yet", *(f"1 {key} = {rate}" for key, rate in f["rates"].items())]),
    )  # fmt: skip


@command.group("type")
def type_() -> None:
    """Types of events: the built-in ones, and your own with typed properties.

    Example: cooee event type list
    """


@type_.command("add")
@click.argument("key")
@click.option("--title", default="", help="What people see.")
@click.option("--property", "pairs", multiple=True, metavar="NAME=KIND", callback=common.pairs,
              help=f"A property and its kind: {', '.join(eventtypes.PROPERTY_KINDS)}. Repeatable.")  # fmt: skip
@common.json_option
@common.pass_rt
def type_add(rt, key: str, title: str, pairs: dict[str, str], as_json: bool) -> None:
    """Define a type of events.

    \b
    Example:
      cooee event type add trial --title "Trial lesson" --property hours=number --property room=text
    """
    made = eventtypes.add(key, title=title, properties=pairs, who=common.whoami())
    common.emit(_as_dict(made), as_json, f"Type {made.key} is defined.")


@type_.command("edit")
@click.argument("key")
@click.option("--title", default=None, help="What people see.")
@click.option("--property", "pairs", multiple=True, metavar="NAME=KIND", callback=common.pairs,
              help=f"Add a property, or change its kind: {', '.join(eventtypes.PROPERTY_KINDS)}. Repeatable.")  # fmt: skip
@click.option(
    "--remove-property", "gone", multiple=True, metavar="NAME", help="Take a property out. Repeatable."
)
@common.json_option
@common.pass_rt
def type_edit(
    rt, key: str, title: str | None, pairs: dict[str, str], gone: tuple[str, ...], as_json: bool
) -> None:
    """Change a type of your own.  A property keeps its kind while there are events of the type.

    \b
    Example:
      cooee event type edit trial --title "Trial hour" --property teacher=text --remove-property room
    """
    found = eventtypes.get(key)
    for name in gone:
        if name not in found.properties:
            raise Refusal(f"“{key}” has no property “{name}”.", field="properties")
    properties = {name: kind for name, kind in {**found.properties, **pairs}.items() if name not in gone}
    made = eventtypes.edit(key, title=title, properties=properties, who=common.whoami())
    common.emit(_as_dict(made), as_json, f"Type {made.key} is changed.")


@type_.command("remove")
@click.argument("key")
@common.json_option
@common.pass_rt
def type_remove(rt, key: str, as_json: bool) -> None:
    """Remove a type of your own that nothing uses: no event, segment, label rule, source or campaign.

    \b
    Example:
      cooee event type remove trial
    """
    eventtypes.remove(key, who=common.whoami())
    common.emit({"removed": key}, as_json, f"Type {key} is removed.")


@type_.command("list")
@common.json_option
@common.pass_rt
def type_list(rt, as_json: bool) -> None:
    """Every type, with how many events there are.

    \b
    Example:
      cooee event type list --json
    """
    counts = dict(database.query("SELECT type, SUM(n) FROM event_day GROUP BY type"))
    found = [{**_as_dict(made), "events": int(counts.get(made.id, 0))} for made in eventtypes.all_types()]
    names = ("key", "title", "builtin", "properties", "events")
    common.emit(
        found, as_json, lambda rows: common.table([[row[name] for name in names] for row in rows], names)
    )


def _as_dict(made: eventtypes.Type) -> dict[str, Any]:
    return {
        "id": made.id,
        "key": made.key,
        "title": made.title,
        "builtin": made.builtin,
        "properties": dict(made.properties),
    }
