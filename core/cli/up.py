"""`cooee up`: everything in one command."""

from __future__ import annotations

import os

import click

from core.cli.common import composed


@click.command("up")
@click.option("--port", type=int, help="Port of the web server (default: setting `port`).")
@click.option("--processes", type=int, help="Worker processes (default: setting `worker_processes`).")
@click.pass_context
def command(ctx: click.Context, port: int | None, processes: int | None) -> None:
    """Start web and workers, restart what dies, drain on Ctrl-C.

    Example: cooee up --port 8080
    """
    from core import config, supervisor
    from core.db import database
    from core.security import links, users

    settings = config.load(ctx.find_root().obj.get("instance"))
    port = port or settings.port
    env = {"COOEE_INSTANCE": str(settings.instance), "COOEE_PORT": str(port)}
    if settings.sources["public_url"] == "default":
        env["COOEE_PUBLIC_URL"] = f"http://{settings.host}:{port}"
    os.environ.update(env)
    rt = composed(ctx)
    workers = [supervisor.worker_child(n + 1) for n in range(processes or settings.worker_processes)]
    click.echo(f"Cooee on {rt.settings.public_url}")
    if users.any_admin():
        click.echo("Sign in there; Ctrl-C drains and stops.")
    else:
        click.echo(f"Set up the first administrator here (once, within 24 hours): {links.setup_link(rt)}")
    database.proxy.close()
    os.chdir(config.ROOT)
    web = supervisor.web_child(settings.host, port, settings.web_processes)
    ctx.exit(supervisor.Supervisor([web, *workers]).run())
