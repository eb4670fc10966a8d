"""`cooee suppress`: numbers never to text."""

from __future__ import annotations

from pathlib import Path

import click

from core import clock
from core.audience import blocklist, consent, contacts, suppression
from core.audience.importing import reading
from core.cli import common, params
from core.contract.errors import Refusal
from core.db import database
from core.exporting import csv_stream
from core.security import audit

_classes = click.option(
    "--class", "classes", multiple=True, help="Only this class (default: all). Repeatable."
)
_reason = click.option(
    "--reason", default="manual", show_default=True, help="manual, complaint, invalid, import or stop."
)


@click.group("suppress")
def command() -> None:
    """Suppression: add, remove, list, import.

    Example: cooee suppress add +8613800138000 --note "asked by phone"
    """


@command.command("add")
@click.argument("phone")
@_classes
@_reason
@click.option("--note", default="", help="Why, for people who read the list.")
@click.option("--days", type=params.Whole(1, 3650), help="Release it by itself after so many days.")
@common.json_option
@common.pass_rt
def add(
    rt, phone: str, classes: tuple[str, ...], reason: str, note: str, days: int | None, as_json: bool
) -> None:
    """Never text this number again, contact or not.

    Example: cooee suppress add +8613800138000 --class mass --days 90
    """
    number = contacts.number(rt, phone)
    until = clock.now_ms() + days * clock.DAY_MS if days else None
    made = suppression.entry(rt, number.e164, classes=_parsed(classes), note=note, expires_at=until)
    _not_erased(reason)
    with database.write_tx():
        new = suppression.add(rt, [made], reason=reason, who=common.whoami())
        audit.record(common.whoami(), "suppression.add", reason, "new" if new else "known")
    data = {"phone": number.e164, "reason": reason, "new": bool(new)}
    common.emit(
        data, as_json, f"{number.e164} is suppressed." if new else f"{number.e164} was suppressed already."
    )


@command.command("remove")
@click.argument("phone")
@click.option("--reason", default="", help="Lift only this reason (default: all).")
@common.json_option
@common.pass_rt
def remove(rt, phone: str, reason: str, as_json: bool) -> None:
    """Release a number.  A person who was erased stays on the list.

    Example: cooee suppress remove +8613800138000
    """
    number = contacts.number(rt, phone)
    with database.write_tx():
        gone = suppression.remove(rt, rt.keys.blind_index(number.e164), reasons=[reason] if reason else [])
        audit.record(common.whoami(), "suppression.remove", reason or "all", str(gone))
    if not gone:
        raise Refusal(f"{number.e164} is not on the list" + (f" for the reason {reason}." if reason else "."))
    common.emit({"phone": number.e164, "removed": gone}, as_json, f"{number.e164} is released.")


@command.command("list")
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
def listing(rt, kind: str, as_json: bool) -> None:
    """The whole list with whole numbers; the export is written to the audit log.

    Example: cooee suppress list --format csv > suppressed.csv
    """
    with database.write_tx():
        audit.record(common.whoami(), "suppression.export", "all")
    rows = blocklist.rows_for_export(rt)
    if as_json or kind == "json":
        common.emit([dict(zip(blocklist.EXPORT_HEADER, row, strict=True)) for row in rows], True)
        return
    for line in csv_stream(blocklist.EXPORT_HEADER, rows, for_people=False):
        click.echo(line, nl=False)


@command.command("import")
@click.argument("file", type=params.SOURCE)
@click.option(
    "--region", default="", help="ISO country of numbers without one (default: the setting default_region)."
)
@_classes
@click.option(
    "--reason", default="import", show_default=True, help="import, manual, complaint, invalid or stop."
)
@click.option("--note", default="", help="Why, for people who read the list.")
@common.json_option
@common.pass_rt
def import_(
    rt, file: Path, region: str, classes: tuple[str, ...], reason: str, note: str, as_json: bool
) -> None:
    """Suppress every number of a CSV or XLSX file; the same file again adds nothing.  An exported list keeps
    its own reasons, classes, notes and ends.

    Example: cooee suppress import stops.csv --region CN --reason complaint
    """
    _not_erased(reason)
    with common.progress(max(1, _about_rows(file)), "Importing") as step:
        done = blocklist.import_file(
            rt,
            file,
            region=region,
            reason=reason,
            classes=_parsed(classes),
            note=note,
            who=common.whoami(),
            step=step,
        )
    with database.write_tx():
        audit.record(common.whoami(), "suppression.import", reason, f"{done.added} of {done.rows}")
    data = {
        "rows": done.rows,
        "added": done.added,
        "known": done.known,
        "rejected": done.rejected,
        "rejects": [{"row": row, "cell": cell, "reason": why} for row, cell, why in done.rejects],
    }
    human = f"{common.many(done.rows, 'row')}: {done.added:,} added, {done.known:,} known, {done.rejected:,} rejected."
    common.emit(data, as_json, human)


def _about_rows(file: Path) -> int:
    """Enough for a progress bar: lines of a text file, the size of an XLSX."""
    if reading.sniff(file).kind == "xlsx":
        return file.stat().st_size // 20
    with file.open("rb") as source:
        return sum(block.count(b"\n") for block in iter(lambda: source.read(1 << 20), b""))


def _parsed(names: tuple[str, ...]) -> tuple:
    return tuple(consent.parse_class(name) for name in names)


def _not_erased(reason: str) -> None:
    if reason in suppression.KEPT:
        raise Refusal("Only `cooee contact erase` gives the reason “erased”.", field="reason")
