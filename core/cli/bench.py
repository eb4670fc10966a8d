"""`cooee bench`: the speed goals, each beside a bare baseline in the same run."""

from __future__ import annotations

import importlib

import click

from core.cli import params
from core.cli.common import emit, json_option
from core.contract.errors import Refusal

#: What can be measured: name → (module, items when --n is not given).
WHAT = {
    "send": ("core.bench.send", 300_000),
    "expand": ("core.bench.expand", 1_000_000),
    "import": ("core.bench.importing", 200_000),
    "events": ("core.bench.events", 300_000),
    "segment": ("core.bench.segment", 1_000_000),
    "receipts": ("core.bench.receipts", 200_000),
    "webhook": ("core.bench.webhook", 20_000),
    "api": ("core.bench.api", 50_000),
    "click": ("core.bench.click", 100_000),
    "pages": ("core.bench.pages", 1_000_000),
    "relabel": ("core.bench.relabel", 1_000_000),
}
#: Options that belong to another than `send`.
_FOR = {"contacts": ("events",), "events": ("events", "segment")}


@click.command("bench")
@click.argument("what", type=click.Choice(list(WHAT)))
@click.option("--n", type=params.Whole(1), help="How many items.")
@click.option("--provider", type=click.Choice(["null", "simulator", "http", "smpp"]), help="For send.")
@click.option(
    "--window", type=params.Whole(1), help="Messages marked per wire window, for send (http: 2,000)."
)
@click.option("--latency-ms", type=params.Whole(0), help="For send --provider smpp: of the server.")
@click.option("--receipts", is_flag=True, help="For send --provider smpp: receipts stored and applied, too.")
@click.option("--nagle", is_flag=True, help="For send --provider smpp: a server without TCP_NODELAY.")
@click.option("--workers", type=params.Whole(1, 16), help="For send: worker processes (1; http: 3).")
@click.option("--growth", is_flag=True, help="For send: also the cost at 10,000, to compare.")
@click.option("--contacts", type=params.Whole(20), help="For events: contacts there are (1,000,000).")
@click.option("--events", type=params.Whole(1), help="For events and segment: events there are (10,000,000).")
@json_option
def command(what: str, n: int | None, as_json: bool, **options) -> None:
    """Measure one thing on a throw-away instance.

    COOEE_BENCH_DATABASE_URL=postgresql://… measures on that server instead of SQLite.

    Example: cooee bench send --n 300000 --provider null --json
    """
    from core import worker

    name, usual = WHAT[what]
    given = {key: value for key, value in options.items() if value}
    for option in given:
        homes = _FOR.get(option, ("send",))
        if what not in homes:
            raise Refusal(f"--{option} belongs to `cooee bench {' or '.join(homes)}`, not to {what}.")
    worker.rare_collections()
    found = importlib.import_module(name).run(n or usual, **given)
    emit(found, as_json)
