"""`cooee call`: the log of provider calls."""

from __future__ import annotations

import click

from core import clock
from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami


@click.group("call")
def command() -> None:
    """Calls of providers: list, show, do a failed one again.

    Example: cooee call list --outcome failed
    """


def _plain(row) -> dict:
    return row._asdict() | {
        "outcome": row.outcome,
        "at": clock.from_ms(row.at).isoformat(timespec="milliseconds"),
    }


@command.command("list")
@click.option("--account", help="Only calls of this account.")
@click.option("--kind", default="", help="send, poll, look_up, balance or webhook.")
@click.option("--outcome", default="", help="ok, failed, rejected, retried or unknown.")
@click.option("--code", default="", help="Only with this code.")
@click.option("--text", default="", help="Only with these words in the error or what was said.")
@click.option("--before", type=params.ROW_ID, help="Only calls with a smaller id, for the next page.")
@json_option
@pass_rt
def list_(rt, account, kind, outcome, code, text, before, as_json) -> None:
    """The newest calls, fifty at a time; secrets and numbers are masked.

    Example: cooee call list --account gw --outcome failed --json
    """
    from core.sending import accounts
    from core.sending.calls import search

    wanted = search.Filter(accounts.get(account).id if account else None, kind, outcome, code, text)
    found, _newer, _older = search.page(wanted, before=before)
    data = [_plain(row) for row in found]
    rows = [
        (d["id"], d["at"], d["account"], d["kind"], d["outcome"], d["n"], d["code"], d["error"][:60])
        for d in data
    ]
    emit(data, as_json, table(rows, ("ID", "AT", "ACCOUNT", "KIND", "OUTCOME", "N", "CODE", "ERROR")))


@command.command("show")
@click.argument("call", type=params.ROW_ID)
@json_option
@pass_rt
def show(rt, call, as_json) -> None:
    """One call with what was said where something went wrong.

    Example: cooee call show 812 --json
    """
    from core.sending.calls import rows, search

    row, detail = search.get(call)
    emit(_plain(row) | {"detail": rows.detail_of(detail)}, as_json)


@command.command("again")
@click.argument("call", type=params.ROW_ID)
@json_option
@pass_rt
def again(rt, call, as_json) -> None:
    """Do a failed call again; of a send only what is proven not sent.

    Example: cooee call again 812
    """
    from core.sending.calls import again as repeat

    done = repeat.again(rt, call, whoami())
    told = f"{done.new} sent as new messages, {done.sooner} tried now, {done.left} left as they are."
    emit(done._asdict(), as_json, told)
