"""`cooee up`: everything in one command."""

from __future__ import annotations

import os

import click

from core.cli import params
from core.cli.common import composed


@click.command("up")
@click.option("--port", type=params.Whole(1, 65535), help="Port of the web server (default: setting `port`).")
@click.option(
    "--processes", type=params.Whole(1), help="Worker processes (default: setting `worker_processes`)."
)
@click.pass_context
def command(ctx: click.Context, port: int | None, processes: int | None) -> None:
    """Start web and workers, restart what dies, drain on Ctrl-C.

    Example: cooee up --port 8080
    """
    from core import instance, running, supervisor
    from core.config import ROOT
    from core.db import database
    from core.security import links, users

    rt = composed(ctx)
    rt.queue.require()
    settings = rt.settings
    port = port or settings.port
    ctx.with_resource(running.only_here(settings))
    instance.clean(settings)
    running.require_free(settings.host, port)
    running.serve_at(settings, port)
    workers = [supervisor.worker_child(n + 1) for n in range(processes or settings.worker_processes)]
    click.echo(f"Cooee is starting on {settings.public_url}")
    if users.any_admin():
        click.echo("Sign in there; Ctrl-C drains and stops.")
    else:
        click.echo(links.setup_words(rt))
    database.proxy.close()
    os.chdir(ROOT)
    web = supervisor.web_child(settings.host, port, settings.web_processes)
    ctx.exit(supervisor.Supervisor([web, *workers]).run())
