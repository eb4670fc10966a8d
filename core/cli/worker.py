"""`cooee worker`: workers alone."""

from __future__ import annotations

import click

from core.cli.common import composed


@click.command("worker")
@click.option("--processes", type=click.IntRange(1), default=1, show_default=True, help="How many processes.")
@click.pass_context
def command(ctx: click.Context, processes: int) -> None:
    """Send queued messages, apply receipts, fire periodic work.

    Example: cooee worker --processes 4
    """
    rt = composed(ctx)
    if processes > 1:
        import os

        from core import supervisor
        from core.db import database

        os.environ["COOEE_INSTANCE"] = str(rt.settings.instance)
        database.proxy.close()
        ctx.exit(supervisor.Supervisor([supervisor.worker_child(n + 1) for n in range(processes)]).run())
    from core import worker

    worker.run(rt)
