"""`cooee segment export, overlap, crosstab, growth`: commands of the group in segment.py."""

from __future__ import annotations

from datetime import date, timedelta

import click

from core.audience import people
from core.audience.segments import growth, listing, store
from core.audience.segments.crosstab import crosstab as tabulate
from core.audience.segments.overlap import overlap as overlapping
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.exporting import csv_stream


@click.command("export")
@click.argument("name")
@click.option("--masked/--full", "masked", default=True, help="Numbers masked (the default), or whole.")
@pass_rt
def export(rt, name: str, masked: bool) -> None:
    """The people of a segment as CSV; written to the audit log.

    Example: cooee segment export gold --masked > gold.csv
    """
    rows = listing.export(rt, store.get(name), whoami(), full=not masked)
    for line in csv_stream(people.header(), rows, for_people=False):
        click.echo(line, nl=False)


@click.command("overlap")
@click.argument("names", nargs=-1, required=True)
@json_option
@pass_rt
def overlap(rt, names: tuple[str, ...], as_json: bool) -> None:
    """How many people are in which of two to four segments, every combination.

    Example: cooee segment overlap gold silent "Likes tea" --json
    """
    made = overlapping(rt, names)
    cells = [(" + ".join(region.inside), f"{region.n:,}") for region in made.regions]
    emit(made.as_dict(), as_json, table(cells, ("in exactly", "people")))


@click.command("crosstab")
@click.argument("name")
@click.option(
    "--by",
    multiple=True,
    required=True,
    help="A field, country, language, line_type, created, labels …; twice.",
)
@json_option
@pass_rt
def crosstab(rt, name: str, by: tuple[str, ...], as_json: bool) -> None:
    """A segment told apart by two things at once.

    Example: cooee segment crosstab gold --by city --by country --json
    """
    if len(by) != 2:
        raise Refusal(f"--by was given {len(by)} times; a cross-tab takes exactly two.", field="by")
    made = tabulate(rt, store.rule_of(store.get(name)), (by[0], by[1]))
    head, body = made.table()
    emit(made.as_dict(), as_json, table(body, head))


@click.command("growth")
@click.argument("name")
@json_option
@pass_rt
def grown(rt, name: str, as_json: bool) -> None:
    """How many people a segment had, day by day.

    Example: cooee segment growth gold --json
    """
    days = growth.days(store.get(name).id)
    rows = [
        {
            "day": (date(1970, 1, 1) + timedelta(days=d.day)).isoformat(),
            "n": d.n,
            "joined": d.joined,
            "left": d.gone,
        }
        for d in days
    ]
    cells = [[row[key] for key in ("day", "n", "joined", "left")] for row in rows]
    emit(rows, as_json, table(cells, ("day", "people", "joined", "left")) if rows else "No figures yet.")


COMMANDS = [export, overlap, crosstab, grown]
