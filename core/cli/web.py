"""`cooee web`: the web server alone."""

from __future__ import annotations

import os

import click

from core.cli.common import composed


@click.command("web")
@click.option("--port", type=int, help="Port (default: setting `port`).")
@click.option("--processes", type=int, help="Processes (default: setting `web_processes`).")
@click.pass_context
def command(ctx: click.Context, port: int | None, processes: int | None) -> None:
    """Serve pages and webhooks.

    Example: cooee web --port 8080
    """
    from core import supervisor
    from core.config import ROOT
    from core.db import database

    settings = composed(ctx).settings
    os.environ["COOEE_INSTANCE"] = str(settings.instance)
    args = supervisor.web_args(settings.host, port or settings.port, processes or settings.web_processes)
    database.proxy.close()
    os.chdir(ROOT)
    os.execv(args[0], args)  # noqa: S606
