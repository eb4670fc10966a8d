"""`cooee demo`: believable data in an empty instance."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, pass_rt


@click.command("demo")
@click.option(
    "--contacts",
    type=click.IntRange(100, 1_000_000),
    default=5_000,
    show_default=True,
    help="How many customers.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same people.")
@json_option
@pass_rt
def command(rt, contacts: int, seed: int, as_json: bool) -> None:
    """Fill an empty instance with customers, four providers, six weeks of campaigns, one just sent, one on its way.

    Everything goes through the simulator: nothing is sent to anyone.

    Example: cooee demo --contacts 2000
    """
    from core import demo

    done = demo.run(rt, contacts=contacts, seed=seed, say=lambda line: click.echo(line, err=True))
    emit(
        done,
        as_json,
        f"{done['contacts']:,} contacts, {done['campaigns']} campaigns. Start `cooee up` and look at the Overview.",
    )
