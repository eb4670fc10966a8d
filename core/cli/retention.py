"""`cooee retention`: how long data is kept."""

from __future__ import annotations

from typing import Any

import click

from core.audience import evidence, retention
from core.cli import common, params


@click.group("retention")
def command() -> None:
    """Retention: periods a kind of data, what a run would remove, and the reports of past nights.

    Example: cooee retention show --json
    """


@command.command("show")
@common.json_option
@common.pass_rt
def show(rt, as_json: bool) -> None:
    """Periods in days (0 keeps), what a run would remove now, and the last runs.

    Example: cooee retention show --json
    """
    data = {
        "days": retention.periods(),
        "would_remove": retention.preview(),
        "runs": [_plain(run) for run in retention.runs()],
    }
    common.emit(data, as_json, _told)


@command.command("set")
@click.argument("kind")
@click.argument("days", type=params.WHOLE)
@common.json_option
@common.pass_rt
def set_(rt, kind: str, days: int, as_json: bool) -> None:
    """Keep a kind of data for so many days; 0 keeps it for ever.

    Example: cooee retention set texts 180
    """
    retention.set_periods({kind: days}, who=common.whoami())
    common.emit({"days": retention.periods()}, as_json, f"{kind}: {days or 'kept for ever'}")


@command.command("run")
@click.option("--dry-run", is_flag=True, help="Only count.")
@common.json_option
@common.pass_rt
def run(rt, dry_run: bool, as_json: bool) -> None:
    """Remove what is too old now; --dry-run only counts.

    Example: cooee retention run --dry-run --json
    """
    if dry_run:
        counts = retention.preview()
        data: dict[str, Any] = {"dry_run": True, "counts": counts, "removed": sum(counts.values())}
    else:
        data = {"dry_run": False, **_plain(retention.run(rt, who=common.whoami()))}
    common.emit(data, as_json, lambda d: common.table(d["counts"].items(), ("kind", "rows")))
    if data.get("error"):
        raise click.exceptions.Exit(1)


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    return run | {key: evidence.iso(run[key]) for key in ("started_at", "ended_at")}


def _told(data: dict[str, Any]) -> str:
    rows = [(kind, days or "for ever", data["would_remove"][kind]) for kind, days in data["days"].items()]
    last = [(run["started_at"], run["who"], run["removed"], run["error"]) for run in data["runs"]]
    tables = [common.table(rows, ("kind", "days", "would remove now"))]
    if last:
        tables.append(common.table(last, ("run", "by", "removed", "error")))
    return "\n\n".join(tables)
