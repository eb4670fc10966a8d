"""`cooee contact list, show, erase`: commands of the group in contact.py."""

from __future__ import annotations

from typing import Any

import click
import orjson

from core.audience import contacts, erasing, erasures, evidence, labels, people, search
from core.audience.segments import store, where_sql
from core.cli import common, params
from core.db import database
from core.exporting import csv_stream
from core.security import audit, crypto
from core.web import evidencefile


@click.command("show")
@click.argument("phone")
@common.json_option
@common.pass_rt
def show(rt, phone: str, as_json: bool) -> None:
    """One contact: fields, labels, consent with its evidence, suppression.

    \b
    Example:
      cooee contact show "+86 138 0013 8000" --json
    """
    found = contacts.look_up(rt, phone)
    made = contacts.as_dict(rt, found.id, phone=found.phone, former=found.former)
    common.emit(made, as_json, _told)


@click.command("list")
@click.option("--segment", callback=common.filled, help="Only people of this segment.")
@click.option("--label", callback=common.filled, help="Only people with this label.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="How it is written.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@common.pass_rt
def listing(rt, segment: str | None, label: str | None, kind: str, as_json: bool) -> None:
    """Everyone, or the people of a segment, with whole numbers; the export is written to the audit log.

    \b
    Examples:
      cooee contact list --format csv > contacts.csv
      cooee contact list --segment gold --format json
    """
    where, params = _who(rt, segment, label)
    with database.write_tx():
        audit.record(
            common.whoami(), "contact.export", f"segment:{segment}" if segment else "all", label or ""
        )
    if as_json or kind == "json":
        click.echo("[", nl=False)
        for n, person in enumerate(people.everyone(rt, where, params)):
            click.echo((",\n" if n else "\n") + orjson.dumps(person).decode(), nl=False)
        click.echo("\n]")
        return
    for line in csv_stream(people.header(), people.lines(rt, where, params), for_people=False):
        click.echo(line, nl=False)


@click.command("erase")
@click.argument("phone")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common.json_option
@common.pass_rt
def erase(rt, phone: str, yes: bool, as_json: bool) -> None:
    """Erase a person: all personal data goes; the number stays suppressed, known by its keyed index only.

    \b
    Example:
      cooee contact erase +8613800138000 --yes
    """
    found = contacts.look_up(rt, phone)
    contact_id, masked = found.id, crypto.mask(found.phone)
    if found.former:
        masked += f" ({crypto.mask(found.former)} was merged into it)"
    if not yes:
        click.confirm(f"Erase {masked}? This cannot be undone.", abort=True, err=True)
    receipt = erasing.erase(rt, contact_id, who=common.whoami())
    common.emit(
        {"erased": contact_id, "receipt": receipt},
        as_json,
        f"{masked} is erased and stays suppressed; receipt {receipt}.",
    )


@click.command("receipt")
@click.argument("number", type=params.ROW_ID)
@common.pass_rt
def receipt(rt, number: int) -> None:
    """The receipt of an erasure, as a page to print.

    \b
    Example:
      cooee contact receipt 3 > receipt.html
    """
    click.echo(evidencefile.receipt(erasures.get(rt, number)))


@click.command("export")
@click.argument("phone")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["html", "json"]),
    default="html",
    show_default=True,
    help="For people or for programs.",
)
@common.pass_rt
def export(rt, phone: str, kind: str) -> None:
    """Everything about one contact as one file, for a person who asks for it; written to the audit log.

    \b
    Example:
      cooee contact export +8613800138000 --format json
    """
    data = evidence.subject(rt, phone, who=common.whoami())
    click.echo(evidencefile.html(data) if kind == "html" else evidencefile.json(data))


COMMANDS = [listing, show, erase, export, receipt]


def _who(rt, segment: str | None, label: str | None) -> tuple[str, list[Any]]:
    where, params = "1 = 1", []
    if segment:
        where, params = where_sql(rt, store.rule_of(store.get(segment)), alias="p")
        params = list(params)
    if label:
        also, more = search.condition(rt, search.Filter(label_id=labels.find(label).id))
        where, params = f"({where}) AND {also}", [*params, *more]
    return where, params


def _told(made: dict[str, Any]) -> str:
    lines = [f"{made['phone']}  {made['name']}".rstrip(), f"country: {made['country']}, {made['line_type']}"]
    lines += [f"{key}: {value}" for key, value in made["fields"].items() if value]
    lines.append(f"labels: {', '.join(made['labels']) or 'none'}")
    lines += [
        f"consent {cls}: {at['status']}" + (f" ({at['source']})" if at.get("source") else "")
        for cls, at in made["consent"].items()
    ]
    lines += [f"suppressed: {row['reason']} ({', '.join(row['classes'])})" for row in made["suppressed"]]
    return "\n".join(lines)
