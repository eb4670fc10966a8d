"""`cooee audit`: who did what, and the proof that nobody changed it."""

from __future__ import annotations

import re
from typing import Any

import click

from core.cli import common, params


@click.group("audit")
def command() -> None:
    """The audit log: list it, export it, verify its seals.

    Example: cooee audit verify
    """


def _kept(_ctx: click.Context, _param: click.Parameter, given: tuple[str, ...]) -> list[tuple[int, str]]:
    found = []
    for one in given:
        parts = re.fullmatch(r"([0-9]{1,18}):([0-9a-f]{64})", one.strip().replace("_", ""))
        if not parts:
            raise click.BadParameter(
                f"{one!r} is no head: give seal and hash as `cooee audit verify` prints them."
            )
        found.append((int(parts[1]), parts[2]))
    return found


@command.command("verify")
@click.option(
    "--head",
    "heads",
    metavar="SEAL:HASH",
    multiple=True,
    callback=_kept,
    help="A head written down earlier that must be in the chain.  Repeatable.",
)
@common.json_option
@common.pass_rt
@click.pass_context
def verify(ctx: click.Context, rt, heads: list[tuple[int, str]], as_json: bool) -> None:
    """Walk the chain of seals; exit status 1 and the first bad row when one was changed, added or taken out.

    Example: cooee audit verify --json
    """
    from core.security import audit

    report = audit.verify(rt, common.whoami(), *heads)
    head = audit.of(rt.settings, rt.keys).head()
    data = {
        "ok": report.broken is None,
        "rows": report.events,
        "seals": report.seals,
        "head": audit.spelled(head) if head and head.seal else None,
        "first_bad_row": report.row,
        "broken": report.broken,
    }
    common.emit(data, as_json, f"{report.events:,} rows under {report.seals:,} seals; head {data['head']}")
    if report.broken:
        click.echo(f"cooee: {report.broken}", err=True)
        ctx.exit(1)


@command.command("list")
@click.option("--since", default="", help="From this time on: 2026-11-22 or 2026-11-22T10:00.")
@click.option("--until", default="", help="Before this time.")
@click.option("--who", default="", help="Only whose address or name has these letters.")
@click.option("--action", default="", help="Only actions that begin so: campaign., person.role.")
@click.option("--object", "thing", default="", help="Only what was done to things with these letters.")
@click.option(
    "--limit", type=params.Whole(1, 10_000), default=50, show_default=True, help="How many at most."
)
@click.option("--before", type=params.ROW_ID, help="Only rows with a smaller id, for the next page.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["text", "csv"]),
    default="text",
    show_default=True,
    help="csv: all rows that fit, for a spreadsheet.",
)
@common.json_option
@common.pass_rt
def list_(rt, since, until, who, action, thing, limit, before, kind, as_json) -> None:
    """The newest deeds first.

    \b
    Examples:
      cooee audit list --since 2026-11-01 --action campaign. --json
      cooee audit list --who li@shop.example --format csv > li.csv
    """
    from core.db import database
    from core.exporting import csv_stream
    from core.security import audit, auditsearch

    wanted = auditsearch.Filter(
        who=who, action=action, object=thing, since=_instant(rt, since), until=_instant(rt, until)
    )
    if kind == "csv" and not as_json:
        with database.write_tx():
            audit.record(common.whoami(), "audit.export")
        for line in csv_stream(auditsearch.HEADER, auditsearch.lines(wanted)):
            click.echo(line, nl=False)
        return
    found, _newer, _older = auditsearch.page(wanted, before=before, size=limit)
    data = [row._asdict() | {"at": _iso(row.at)} for row in found]
    shown = [(d["id"], d["at"], d["who"], d["action"], d["object"], d["detail"][:60], d["ip"]) for d in data]
    common.emit(data, as_json, common.table(shown, [name.upper() for name in auditsearch.HEADER]))


def _instant(rt: Any, text: str) -> int | None:
    from core.db import settings
    from core.timing import zones

    return zones.parse_at(text, settings.get("zone", "") or rt.settings.zone)[0] if text else None


def _iso(at: int) -> str:
    from core import clock

    return clock.from_ms(at).isoformat(timespec="milliseconds")
