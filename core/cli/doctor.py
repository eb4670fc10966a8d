"""`cooee doctor`: is everything in order, and what to do when it is not."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option


@click.command("doctor")
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check keys, permissions, database, seals, queue, clock, disk, providers and plugins.

    Example: cooee doctor
    """
    from core import doctor

    findings = doctor.examine(ctx.find_root().obj.get("instance"))
    emit(
        [finding.__dict__ for finding in findings],
        as_json,
        "\n".join(f"{'ok  ' if f.ok else 'BAD '} {f.what}: {f.said}" for f in findings),
    )
    if not all(finding.ok for finding in findings):
        ctx.exit(1)
