"""`cooee invoice`: the vendor's bill beside what we sent."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core import exporting
from core.cli import params
from core.cli.common import emit, json_option, many, pair, pass_rt, table, whoami


@click.group("invoice")
def command() -> None:
    """Bills of vendors, compared with the messages sent: import, list, show, export.

    Example: cooee invoice import gw march.csv
    """


@command.command("import")
@click.argument("account")
@click.argument("file", type=params.SOURCE)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=HEAD",
    help="Which column is what, e.g. id=MessageSid or price=Total. Repeatable.",
)
@click.option("--zone", default="", help="IANA zone of times without one.")
@json_option
@pass_rt
def import_(rt, account: str, file: Path, columns: tuple[str, ...], zone: str, as_json: bool) -> None:
    """Compare a bill (CSV or XLSX) with the messages of an account.

    Example: cooee invoice import gw march.csv --column id=MessageSid --json
    """
    from core.sending import accounts, invoices

    given = dict(pair(one, "ROLE=HEAD", "column") for one in columns)
    id_ = invoices.take(rt, accounts.get(account), file, file.name, given, zone, whoami())
    _show(id_, as_json)


@command.command("list")
@click.argument("account")
@json_option
@pass_rt
def list_(rt, account: str, as_json: bool) -> None:
    """Bills of an account.

    Example: cooee invoice list gw --json
    """
    from core.sending import accounts, invoices

    data = [_data(invoice, totals) for invoice, totals in invoices.every(accounts.get(account).id)]
    rows = [(d["id"], d["name"], d["lines"], d["billed"], d["ours"], d["currency"]) for d in data]
    emit(data, as_json, table(rows, ("ID", "FILE", "LINES", "BILLED", "OURS", "CURRENCY")))


@command.command("show")
@click.argument("invoice", type=params.ROW_ID)
@json_option
@pass_rt
def show(rt, invoice: int, as_json: bool) -> None:
    """One bill: how many lines differ, and how.

    Example: cooee invoice show 3 --json
    """
    _show(invoice, as_json)


@command.command("export")
@click.argument("invoice", type=params.ROW_ID)
@click.option("--all", "everything", is_flag=True, help="Lines without a difference, too.")
@pass_rt
def export(rt, invoice: int, everything: bool) -> None:
    """The differences of a bill as CSV on standard output.

    Example: cooee invoice export 3 > differences.csv
    """
    from core.sending import invoices

    invoices.get(invoice)
    rows = invoices.export(invoice, not everything)
    for line in exporting.csv_stream(invoices.listing.EXPORT, rows, for_people=False):
        sys.stdout.write(line)


def _show(invoice_id: int, as_json: bool) -> None:
    from core.sending import invoices

    data = _data(*invoices.get(invoice_id))
    rows = [(name, one["n"], f"{one['difference']:.4f}") for name, one in data["findings"].items()]
    told = f"Bill {data['id']} ({data['name']}): {many(data['lines'], 'line')}, "
    told += f"{data['billed']:.4f} {data['currency']} billed, "
    told += f"{data['ours']:.4f} reckoned.\n" + table(rows, ("FINDING", "LINES", "BILLED TOO MUCH"))
    emit(data, as_json, told)


def _data(invoice, totals: dict) -> dict:
    return {
        "id": invoice.id,
        "name": invoice.name,
        "lines": invoice.lines,
        "currency": invoice.currency,
        "comparable": totals["comparable"],
        "billed": sum(group["micros"] for group in totals["groups"]) / 1e6,
        "ours": sum(group["our_micros"] for group in totals["groups"]) / 1e6,
        "findings": {
            name: {"n": one["n"], "difference": one["micros"] / 1e6}
            for name, one in totals["findings"].items()
        },
        "groups": totals["groups"],
    }
