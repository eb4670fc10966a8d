"""`cooee verify`: the ledger's invariants."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, pass_rt


@click.command("verify")
@json_option
@pass_rt
@click.pass_context
def command(ctx: click.Context, rt, as_json: bool) -> None:
    """Ask the rows themselves whether everything the ledger promises holds.

    Exit status 1 and the first broken promise when any does not.

    Example: cooee verify --json
    """
    from core.sending.verify import CHECKS

    results = []
    for name, check in CHECKS:
        broken = list(check(rt))
        results.append({"check": name, "promise": (check.__doc__ or "").strip(), "broken": broken})
        if not as_json:
            click.echo(f"{'broken' if broken else 'ok':7}{results[-1]['promise']}")
    first = next((sentence for result in results for sentence in result["broken"]), None)
    if as_json:
        emit({"ok": first is None, "first_broken": first, "checks": results}, True)
    if first:
        click.echo(f"cooee: {first}", err=True)
        ctx.exit(1)
