"""`cooee item`: the catalogue of items."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from core import clock
from core.audience.events import catalogue, itemfile
from core.cli import common, params


@click.group("item")
def command() -> None:
    """Items: import the catalogue, look things up.

    Example: cooee item import catalogue.csv
    """


@command.command("import")
@click.argument("file", type=params.SOURCE)
@click.option("--map", "changes", multiple=True, metavar="KEY=COLUMN", callback=common.pairs,
              help="Which column a key is, by header. Repeatable.")  # fmt: skip
@common.json_option
@common.pass_rt
def import_(rt, file: Path, changes: dict[str, str], as_json: bool) -> None:
    """Import a CSV or XLSX file of items: key, and any of title, category, price, tags.

    An item there is already is changed where the file says something; the same file twice changes nothing.
    All rejected rows with their reasons are in the file of `rejects_file`.

    \b
    Example:
      cooee item import catalogue.csv --json
    """
    started = clock.monotonic()
    done = itemfile.load(rt, file, changes, common.whoami())
    done["seconds"] = round(clock.monotonic() - started, 3)
    common.emit(done, as_json, _summary)


def _summary(done: dict[str, Any]) -> str:
    lines = [
        f"{common.many(done['rows'], 'row')}: {done['created']:,} created, {done['updated']:,} updated, "
        f"{done['unchanged']:,} unchanged, {done['rejected']:,} rejected."
    ]
    lines += [f"  row {bad['row']}: {bad['reason']}" for bad in done["rejects"]]
    if done["rejects_file"]:
        lines.append(f"Rejected rows with reasons: {done['rejects_file']}")
    return "\n".join(lines)


@command.command("list")
@click.option("--search", "text", default="", help="Part of a key or title, or a tag.")
@click.option("--category", default="", help="Only items of this category.")
@click.option("--limit", type=params.Whole(1, 10_000), default=50, show_default=True, help="So many at most.")
@common.json_option
@common.pass_rt
def list_(rt, text: str, category: str, limit: int, as_json: bool) -> None:
    """Items by key.

    \b
    Example:
      cooee item list --search SKU1 --json
    """
    found = [
        {
            "key": item.key,
            "title": item.title,
            "category": item.category,
            "price": None if item.price_micros is None else float(Decimal(item.price_micros) / 1_000_000),
            "tags": list(item.tags),
        }
        for item in catalogue.search(text, category=category, limit=limit)
    ]
    names = ("key", "title", "category", "price")
    common.emit(
        found, as_json, lambda rows: common.table([[row[name] for name in names] for row in rows], names)
    )
