"""`cooee worker`: workers alone."""

from __future__ import annotations

import os

import click

from core.cli import params
from core.cli.common import composed


@click.command("worker")
@click.option("--processes", type=params.Whole(1), default=1, show_default=True, help="How many processes.")
@click.pass_context
def command(ctx: click.Context, processes: int) -> None:
    """Send queued messages, apply receipts, fire periodic work.

    Example: cooee worker --processes 4
    """
    rt = composed(ctx)
    if "COOEE_SUPERVISED" not in os.environ:  # one that is started again works without hints, by the sweep
        rt.queue.require()
    if processes > 1:
        from core import supervisor
        from core.db import database

        os.environ["COOEE_INSTANCE"] = str(rt.settings.instance)
        database.proxy.close()
        ctx.exit(supervisor.Supervisor([supervisor.worker_child(n + 1) for n in range(processes)]).run())
    from core import worker

    worker.run(rt)
