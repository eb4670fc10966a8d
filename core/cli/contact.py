"""`cooee contact`: people; import and undo here, the rest in contact_more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from core.audience.importing import batch, rejects, undo
from core.cli import common, contact_more, params, quality


@click.group("contact")
def command() -> None:
    """Contacts: import, undo, show, list, merge, export, erase.

    Example: cooee contact import customers.csv --region CN
    """


@command.command("import")
@click.argument("file", type=params.SOURCE)
@click.option("--map", "changes", multiple=True, metavar="KEY=COLUMN", callback=common.pairs,
              help="Which column a key is, by header or as #3; skip=COLUMN leaves one out. Repeatable.")  # fmt: skip
@click.option(
    "--region", default="", help="ISO country of numbers without one (default: the setting default_region)."
)
@click.option(
    "--consent",
    "cls",
    default="",
    metavar="CLASS",
    help="Class the consent column speaks of (default mass); without such a column: everyone agreed to this class.",
)
@click.option(
    "--consent-source",
    "source",
    default="",
    metavar="TEXT",
    help="Where the consent comes from; kept as evidence.",
)
@click.option(
    "--consent-wording",
    "wording",
    default="",
    metavar="TEXT",
    help="The words people agreed to; kept as evidence.",
)
@click.option("--label", "label_names", multiple=True, callback=common.filled,
              help="Label for everyone in the file. Repeatable.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would happen; change nothing.")
@common.json_option
@common.pass_rt
def import_(
    rt,
    file: Path,
    changes: dict[str, str],
    region: str,
    cls: str,
    source: str,
    wording: str,
    label_names: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Import a CSV or XLSX file of contacts.

    Encoding, delimiter and columns are found out; rows that cannot be taken are listed with the reason.
    The same file twice changes nothing, and a killed import goes on when the command is given again.

    \b
    Example:
      cooee contact import customers.csv --region CN --label spring --json
    """
    options = batch.prepare(
        rt,
        file,
        region=region,
        changes=changes,
        cls=cls,
        source=source,
        wording=wording,
        label_names=label_names,
    )
    if dry_run:
        with common.bar("Importing") as progress:
            counts = batch.dry_run(rt, file, options, progress)
        common.emit(
            {"batch": None, **counts, "rejects_file": None, "seconds": 0, "dry_run": True}, as_json, _summary
        )
        return
    before = batch.seen_before(batch.fingerprint(file))
    if before:
        click.echo(
            f"This very file was imported already as batch {before.id}; what is the same stays unchanged.",
            err=True,
        )
    batch_id = batch.begin(rt, options, path=file, file_name=file.name, who=common.whoami())
    with common.resumable(), common.bar("Importing") as progress:
        batch.run(rt, batch_id, progress)
    done = batch.report(batch_id)
    rows = rejects.as_csv(batch_id) if done["rejected"] else None
    done["rejects_file"] = rows and common.kept(rt, f"rejects-{batch_id}.csv", rows)
    done["same_as"] = before.id if before else None
    common.emit(done, as_json, _summary)


def _summary(done: dict[str, Any]) -> str:
    head = "Nothing was changed (dry run)." if done["batch"] is None else f"Batch {done['batch']}."
    lines = [
        f"{head} {common.many(done['rows'], 'row')}: {done['created']:,} created, {done['updated']:,} updated, "
        f"{done['unchanged']:,} unchanged, {done['duplicates']:,} duplicates, {done['rejected']:,} rejected."
    ]
    if done["notes"]:
        lines.append(
            f"{common.many(done['notes'], 'row was', 'rows were')} taken without a value that made no sense."
        )
    if done["rejects_file"]:
        lines.append(f"Rejected rows with reasons: {done['rejects_file']}")
    return "\n".join(lines)


@command.command("undo")
@click.argument("batch_id", metavar="BATCH", type=params.ROW_ID)
@common.json_option
@common.pass_rt
def undo_(rt, batch_id: int, as_json: bool) -> None:
    """Take an import back: its contacts go, what it changed gets its old value.

    Contacts a campaign counts by now (texted, skipped or kept aside) or that wrote stay, and so does the
    consent ledger.

    \b
    Example:
      cooee contact undo 3
    """
    done = undo.undo(rt, batch_id, who=common.whoami())
    common.emit(
        done, as_json,
        lambda d: f"Import {d['batch']} undone: {common.many(d['removed'], 'contact')} removed, {d['restored']:,} restored"
        + (f", {d['kept']:,} kept: counted by campaigns, or wrote, or changed by later imports." if d["kept"] else "."),
    )  # fmt: skip


for _more in (*contact_more.COMMANDS, *quality.CONTACT_COMMANDS):
    command.add_command(_more)
