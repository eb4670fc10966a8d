"""`cooee verify`: the ledger's invariants."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from peewee import DatabaseError

from core.cli import trouble
from core.cli.common import composed, emit, json_option


@click.command("verify")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Ask the rows themselves whether everything the ledger promises holds.

    Exit status 1 and the first broken promise when any does not.

    Example: cooee verify --json
    """
    from core.sending.verify import CHECKS

    results = []
    for name, check in CHECKS:
        broken, asked = _broken(ctx, check)
        results.append({"check": name, "promise": (check.__doc__ or "").strip(), "broken": broken})
        if not as_json:
            click.echo(f"{'broken' if broken else 'ok':7}{results[-1]['promise']}")
        if not asked:
            break
    first = next((sentence for result in results for sentence in result["broken"]), None)
    if as_json:
        emit({"ok": first is None, "first_broken": first, "checks": results}, True)
    if first:
        click.echo(f"cooee: {first}", err=True)
        ctx.exit(1)


def _broken(ctx: click.Context, check: Callable[[Any], Iterable[str]]) -> tuple[list[str], bool]:
    """What a check says, and whether the database could be asked at all; the sentence is why when it could not."""
    try:
        return list(check(composed(ctx))), True
    except DatabaseError as error:
        said = trouble.sentence(error)
        if said is None:
            raise
        return [said], False
