"""`cooee sender`: pools of sender numbers and names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from core.cli import params
from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.contract.errors import Refusal
from core.sending import accounts
from core.sending.routes import senders


@click.group("sender")
def command() -> None:
    """Senders: numbers and names texts come from, in pools that rules name.

    Example: cooee sender add 10690001 --pool shop --account gw --rate 5 --cap 2000
    """


def shown(sender: senders.Shown) -> dict[str, Any]:
    """A sender as JSON."""
    return asdict(sender) | {"countries": list(sender.countries)}


@command.command("list")
@json_option
@pass_rt
def list_(rt, as_json) -> None:
    """All senders, by pool.

    Example: cooee sender list --json
    """
    data = [shown(sender) for sender in senders.every(rt)]
    rows = [
        (d["id"], d["pool"], d["sender"], d["account"], d["rate_per_s"], d["used"], d["daily_cap"],
         " ".join(d["countries"]) or "all", "on" if d["enabled"] else "off")
        for d in data
    ]  # fmt: skip
    head = ("ID", "POOL", "SENDER", "ACCOUNT", "RATE/S", "TODAY", "CAP", "COUNTRIES", "STATE")
    emit(data, as_json, table(rows, head))


@command.command("add")
@click.argument("sender")
@click.option("--pool", required=True, help="Name of the pool; made when there is none.")
@click.option("--account", required=True, help="The account it belongs to.")
@click.option("--rate", type=params.Finite(0), help="Texts a second at most, over all workers.")
@click.option("--cap", type=params.WHOLE, help="Texts a day at most.")
@click.option("--country", "countries", multiple=True, help="ISO country it texts to. Repeatable.")
@click.option("--sticky/--not-sticky", default=None, help="A contact keeps its sender (so by default).")
@json_option
@pass_rt
def add(rt, sender, pool, account, rate, cap, countries, sticky, as_json) -> None:
    """Add a sender to a pool.

    Example: cooee sender add 10690001 --pool shop --account gw --rate 5 --cap 2000 --country CN
    """
    account_id = accounts.get(account).id
    kept = next((each.sticky for each in senders.pools() if each.name == pool.strip()), True)
    home = senders.put_pool(pool, kept if sticky is None else sticky, who=whoami())
    made = senders.put(rt, home.id, account_id, sender, rate=rate, cap=cap, only=countries, who=whoami())
    emit(shown(made), as_json, f"Sender {made.sender} stands in the pool {made.pool}.")


@command.command("remove")
@click.argument("sender")
@click.option("--pool", help="Its pool, when several pools have it.")
@json_option
@pass_rt
def remove(rt, sender, pool, as_json) -> None:
    """Remove a sender by its id or its text.

    Example: cooee sender remove 10690001 --pool shop
    """
    found = [
        each
        for each in senders.every(rt)
        if sender in (str(each.id), each.sender) and pool in (None, each.pool)
    ]
    if len(found) != 1:
        raise Refusal(
            f"{len(found)} senders are called {sender!r}; name one by its id (`cooee sender list`).",
            field="sender",
        )
    gone = senders.remove(rt, found[0].id, who=whoami())
    emit(shown(gone), as_json, f"Sender {gone.sender} is removed from the pool {gone.pool}.")
