"""`cooee arrival`: who really delivers, and the watch over accounts."""

from __future__ import annotations

from typing import Any

import click

from core import clock
from core.cli import common, params
from core.contract.errors import Refusal
from core.db import database
from core.measure.arrival import cells, figures, store, watch


@click.group("arrival", invoke_without_command=True)
@click.option("--account", help="Only this account, by name or id.")
@click.option(
    "--days", type=params.Whole(1, 365), default=7, show_default=True, help="Of the last so many days."
)
@common.json_option
@click.pass_context
def command(ctx: click.Context, account: str | None, days: int, as_json: bool) -> None:
    """Arrival by account and carrier: within 5 minutes and 24 hours, latency, cost per delivered.

    \b
    Example:
      cooee arrival --account main --json
    """
    if ctx.invoked_subcommand is not None:
        return
    common.composed(ctx)
    wish = figures.Filter(days, None if account is None else _account(account))
    names = _names()
    found = figures.table(("account_id", "country", "carrier"), wish)
    common.emit(
        [
            {"account": names.get(id_, str(id_)), "account_id": id_, "country": country, "carrier": carrier}
            | figures.as_json(one)
            for (id_, country, carrier), one in sorted(found.items())
        ],
        as_json,
        _shown,
    )


@command.command("watch")
@click.option("--trust", metavar="ACCOUNT", help="Give this account all its texts again.")
@click.option("--rest", metavar="ACCOUNT", help="Leave this account 1 % of its texts until they prove it.")
@common.json_option
@common.pass_rt
def watch_(rt, trust: str | None, rest: str | None, as_json: bool) -> None:
    """Look now, as every minute, and show how each account is.

    \b
    Example:
      cooee arrival watch --json
      cooee arrival watch --trust main
    """
    if trust is not None:
        watch.trust(_account(trust), common.whoami())
    if rest is not None:
        watch.rest(_account(rest), common.whoami())
    cells.count(rt)
    watch.run(rt, force=True)
    names = _names()
    alarms = store.alarms(open_only=True)
    data = [
        {
            "account": names[id_],
            "account_id": id_,
            "state": state,
            "since": clock.from_ms(since).isoformat(),
            "share": bp / 10_000,
            "reason": reason,
            "usual": usual,
            "wait_s": wait_ms // 1000,
            "open_alarms": [one.carrier or "all" for one in alarms if one.account_id == id_],
        }
        for id_, state, since, bp, reason, usual, wait_ms in database.query(
            "SELECT account_id, state, since, canary_bp, reason, baseline, wait_ms FROM account_watch ORDER BY account_id"
        )
        if id_ in names
    ]
    common.emit(data, as_json, _watched)


def _names() -> dict[int, str]:
    return dict(database.query("SELECT id, name FROM account"))


def _account(text: str) -> int:
    for id_, name in _names().items():
        if text in (name, str(id_)):
            return id_
    raise Refusal(
        f"There is no account {text!r}; `cooee account list` shows those there are.", field="account"
    )


def _shown(data: list[dict[str, Any]]) -> str:
    if not data:
        return "Nothing was counted yet; `cooee arrival watch` counts now."
    head = (
        "account",
        "carrier",
        "sent",
        "within 5 min",
        "within 24 h",
        "p50 s",
        "p95 s",
        "failed",
        "no receipt",
    )
    return common.table(
        [
            [one["account"], one["carrier"], one["sent"], _share(one["within_5m"]), _share(one["within_24h"]),
             one["p50_s"], one["p95_s"], one["failed"], one["pending"] + one["unknown"]]
            for one in data
        ],
        head,
    )  # fmt: skip


def _share(one: dict[str, Any]) -> str:
    if one["value"] is None:
        return f"need {one['need_more']} more"
    low, high = one["interval"]
    return f"{one['value']:.1%} ({low:.1%} to {high:.1%})"


def _watched(data: list[dict[str, Any]]) -> str:
    rows = [
        [
            one["account"],
            one["state"],
            f"{one['share']:.0%}",
            "too few texts" if one["usual"] is None else f"{one['usual']:.1%} in {one['wait_s']} s",
            one["reason"],
        ]
        for one in data
    ]
    return (
        common.table(rows, ("account", "state", "gets", "usual", "reason"))
        if rows
        else "There is no account yet."
    )
