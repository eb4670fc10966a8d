"""`cooee web`: the web server alone."""

from __future__ import annotations

import os

import click

from core.cli import params
from core.cli.common import composed


@click.command("web")
@click.option("--port", type=params.Whole(1, 65535), help="Port (default: setting `port`).")
@click.option("--processes", type=params.Whole(1), help="Processes (default: setting `web_processes`).")
@click.pass_context
def command(ctx: click.Context, port: int | None, processes: int | None) -> None:
    """Serve pages and webhooks.

    Example: cooee web --port 8080
    """
    from core import running, supervisor
    from core.config import ROOT
    from core.db import database

    rt = composed(ctx)
    rt.queue.require()
    settings = rt.settings
    port = port or settings.port
    running.require_free(settings.host, port)
    running.serve_at(settings, port)
    args = supervisor.web_args(settings.host, port, processes or settings.web_processes)
    database.proxy.close()
    os.chdir(ROOT)
    os.execv(args[0], args)  # noqa: S606
