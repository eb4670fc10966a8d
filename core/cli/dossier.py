"""`cooee dossier`: papers of vendors."""

from __future__ import annotations

from pathlib import Path

import click

from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.runtime import Runtime
from core.sending import accounts
from core.sending.dossiers import files, sheet, standing, store
from core.sending.dossiers import verdict as verdicts

_NAMES = (*store.TEXTS, *store.DAYS)


@click.group()
def command() -> None:
    """Dossiers: papers of vendors, until when they hold, and the verdict.

    Example: cooee dossier list --json
    """


@command.command("list")
@json_option
@pass_rt
def list_(rt: Runtime, as_json: bool) -> None:
    """All dossiers.

    Example: cooee dossier list --json
    """
    rows = [sheet.brief(one) for one in standing.every()]
    emit(rows, as_json, _told)


def _told(rows: list[dict]) -> str:
    lines = (
        [
            row["company"], " ".join(row["countries"]), ", ".join(row["accounts"]),
            f"{row['in_force']} of {row['required']}", row["next_expiry"] or "", row["verdict"] or "none",
        ]
        for row in rows
    )  # fmt: skip
    return table(lines, ("company", "countries", "accounts", "papers", "next expiry", "verdict"))


@command.command()
@click.argument("account")
@json_option
@pass_rt
def show(rt: Runtime, account: str, as_json: bool) -> None:
    """An account's papers, their files and history.

    Example: cooee dossier show aliyun --json
    """
    data = sheet.whole(store.of_account(accounts.get(account).id), whoami())
    emit(data, as_json, _shown)


def _shown(data: dict) -> str:
    rows = (
        [one["paper"], one["state"], one["title"], one["number"], one["expires"], len(one["files"])]
        for one in data["papers"]
    )
    head = f"{data['company']} ({' '.join(data['countries'])}): {data['verdict'] or 'no verdict yet'}"
    return f"{head}\n\n{table(rows, ('paper', 'state', 'title', 'number', 'last day', 'files'))}"


@command.command()
@click.argument("account")
@click.argument("paper", required=False)
@click.option(
    "--file",
    "paths",
    multiple=True,
    type=params.SOURCE,
    help="A file. Repeatable.",
)
@click.option("--number", help="The number on the paper.")
@click.option("--issuer", help="Who issued it.")
@click.option("--holder", help="The company named on it.")
@click.option("--issued", help="Day of issue, as 2026-03-31.")
@click.option("--expires", help="Last day it holds, as 2027-03-31.")
@click.option("--register", help="Where to check it.")
@click.option("--note", help="Anything else.")
@click.option("--company", help="Whose papers these are, when they are begun; else the account's name.")
@click.option(
    "--country",
    "countries",
    multiple=True,
    help="A country it serves, when begun. Repeatable.",
)
@json_option
@pass_rt
def add(
    rt: Runtime, account: str, paper: str | None, paths: tuple[Path, ...], company: str | None,
    countries: tuple[str, ...], as_json: bool, **given: str | None,
) -> None:  # fmt: skip
    """Add or change PAPER (such as CN/licence) of an account; begins its dossier where there is none.

    Example: cooee dossier add aliyun CN/licence --file licence.pdf --number 91330106 --expires 2030-05-01 --country CN
    """
    found = accounts.get(account)
    values = {name: given[name] for name in _NAMES if given[name] is not None}
    uploads = [files.looked_at(path.name, path.read_bytes()) for path in paths]
    if paper is None and (values or uploads):
        raise Refusal("Say which paper, such as CN/licence or any/contract.", field="paper")
    if standing.of_account(found.id) is None:
        store.begin(found.id, company or found.name, countries or [rt.settings.default_region], whoami())
    one = store.of_account(found.id)
    if paper is not None:
        store.save(rt, one.id, paper, values, whoami(), uploads)
    emit(sheet.brief(store.of_account(found.id)), as_json, lambda data: _told([data]))


@command.command()
@click.argument("account")
@click.argument("word", type=click.Choice(verdicts.WORDS))
@click.option("--note", default="", help="Why; needed unless it passed outright.")
@click.option("--until", default="", help="Last day of conditions, as 2027-03-31.")
@json_option
@pass_rt
def verdict(rt: Runtime, account: str, word: str, note: str, until: str, as_json: bool) -> None:
    """Judge an account's papers.

    Example: cooee dossier verdict aliyun conditions --until 2027-03-31 --note "number certificate is being renewed"
    """
    one = store.of_account(accounts.get(account).id)
    verdicts.give(one.id, word, note, until, whoami())
    emit(sheet.brief(store.of_account(accounts.get(account).id)), as_json, lambda data: _told([data]))
