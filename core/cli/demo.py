"""`cooee demo`: believable data in an empty instance."""

from __future__ import annotations

import click

from core.cli import params
from core.cli.common import emit, json_option, many, pass_rt
from core.i18n import LANGUAGES


@click.command("demo")
@click.option(
    "--contacts",
    type=params.Whole(100, 1_000_000),
    default=5_000,
    show_default=True,
    help="How many customers.",
)
@click.option(
    "--seed", type=params.WHOLE, default=1, show_default=True, help="The same seed makes the same people."
)
@click.option(
    "--language",
    type=click.Choice(list(LANGUAGES)),
    help="Of the names of campaigns, segments and the like; without it the instance's.",
)
@json_option
@pass_rt
def command(rt, contacts: int, seed: int, language: str | None, as_json: bool) -> None:
    """Fill an empty instance with customers, four providers, six weeks of campaigns, one just sent, one on its way.

    Everything goes through the simulator: nothing is sent to anyone.

    Example: cooee demo --contacts 2000 --language zh_Hans
    """
    from core import demo

    done = demo.run(
        rt, contacts=contacts, seed=seed, language=language or rt.settings.language,
        say=lambda line: click.echo(line, err=True),
    )  # fmt: skip
    emit(
        done,
        as_json,
        f"{many(done['contacts'], 'contact')}, {many(done['campaigns'], 'campaign')}. "
        "Start `cooee up` and look at the Overview.",
    )
