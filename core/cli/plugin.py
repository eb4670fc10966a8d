"""`cooee plugin`: what is loaded, switching, installing, and help for authors."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import click

from core.cli.common import emit, json_option, pass_rt, table, whoami
from core.contract import scaffold
from core.contract.discovery import ENTRY_POINTS, find, load_file
from core.contract.errors import Refusal
from core.contract.manager import Plugins
from core.contract.registry import FAMILIES
from core.db import database, pluginstate
from core.security import audit
from core.sending import leases, pluginuse


@click.group("plugin")
def command() -> None:
    """Plugins: providers, segmenters, checks, metrics, rules and whole features.

    Example: cooee plugin new provider my_gateway --to .
    """


@command.command("list")
@json_option
@pass_rt
def list_(rt, as_json: bool) -> None:
    """All plugins with state, what they give, and what went wrong.

    Example: cooee plugin list --json
    """
    reports = rt.plugins.report()

    def human(_data) -> str:
        rows = []
        for one in reports:
            gives = ", ".join(f"{family} {' '.join(names)}" for family, names in one["provides"].items())
            rows.append((one["name"], one["source"], one["version"], one["state"], gives, one["reason"]))
        lines = [table(rows, ("NAME", "FROM", "VERSION", "STATE", "GIVES", "WHY"))]
        for one in reports:
            lines += [f"{one['name']}: {problem}" for problem in one["problems"]]
            lines += [one["traceback"].rstrip()] if one["traceback"] else []
        return "\n".join(lines)

    emit(reports, as_json, human)


@command.command("enable")
@click.argument("name")
@json_option
@pass_rt
def enable(rt, name: str, as_json: bool) -> None:
    """Switch a plugin on; running processes follow when they start again.

    Example: cooee plugin enable providers.http
    """
    _switch(rt, name, True, as_json)


@command.command("disable")
@click.argument("name")
@click.option("--reason", default="", help="Why, for others to read.")
@click.option("--yes", is_flag=True, help="Even when something uses it, without asking.")
@json_option
@pass_rt
def disable(rt, name: str, reason: str, yes: bool, as_json: bool) -> None:
    """Switch a plugin off; running processes follow when they start again.

    Example: cooee plugin disable providers.http --reason "not used here"
    """
    _sure(rt, _named(rt.plugins, name), yes, "Switch it off")
    _switch(rt, name, False, as_json, reason)


def _switch(rt, name: str, on: bool, as_json: bool, reason: str = "") -> None:
    full = _named(rt.plugins, name)
    with database.write_tx():
        pluginstate.remember(full, on, reason or "" if on else reason or f"switched off by {whoami()}")
        audit.record(whoami(), "plugin.enable" if on else "plugin.disable", full, reason)
    told = f"{full} is {'on' if on else 'off'}; restart Cooee to apply it everywhere."
    emit({"name": full, "enabled": on, "reason": reason}, as_json, told)


def _asks() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _sure(rt, name: str, yes: bool, what: str) -> None:
    """Ask before what uses a plugin is left without it.  Raises `Refusal` where nobody can be asked."""
    users = [] if yes else pluginuse.of(rt.plugins, name)
    if not users:
        return
    told = f"{name} is used by {pluginuse.told(users)}; they stop working without it."
    if not _asks():
        raise Refusal(f"{told} Change those first, or give --yes.", field="name", status=409)
    click.confirm(f"{told} {what} all the same?", abort=True, err=True)


def _named(plugins: Plugins, name: str) -> str:
    """The full name; the part behind the dot is enough when only one plugin has it."""
    if name in plugins.all:
        return name
    fits = [full for full in plugins.all if full.rpartition(".")[2] == name]
    if len(fits) == 1:
        return fits[0]
    if fits:
        raise Refusal(f"{name!r} could be {' or '.join(fits)}; write it in full.", field="name")
    raise Refusal(f"There is no plugin {name!r}; `cooee plugin list` shows those there are.", field="name")


@command.command("install")
@click.argument("what")
@click.option(
    "--pip-option", "options", multiple=True, help="Given on to pip, e.g. --pip-option=--no-deps. Repeatable."
)
@json_option
@pass_rt
def install(rt, what: str, options: tuple[str, ...], as_json: bool) -> None:
    """Install a single .py file into this instance, or a package into this Python by pip.

    Example: cooee plugin install ./my_gateway.py
    """
    file = Path(what)
    if file.suffix == ".py" and file.is_file():
        target = rt.settings.path("plugins", file.name)
        if target.exists():
            raise Refusal(f"{target} exists already; `cooee plugin uninstall {file.stem}` removes it.")
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, target)
        if wrong := _wrong_with(rt, target):
            target.unlink()
            raise Refusal(f"{file} was not installed: {'; '.join(wrong)}.")
        _audit("plugin.install", file.stem, str(file))
        emit({"installed": [file.stem]}, as_json, f"{file.stem} is installed; {_until_restart()}.")
        return
    before = _distributions()
    _pip("install", *options, what)
    new_names = sorted(_distributions().keys() - before.keys())
    _audit("plugin.install", ", ".join(new_names), what)
    told = f"{', '.join(new_names)}: installed" if new_names else "Installed, but it registers no new plugin"
    emit({"installed": new_names}, as_json, f"{told}; {_until_restart()}.")


def _until_restart() -> str:
    if leases.at_work():
        return "Cooee is running without it: restart it, workers included, before anything uses it"
    return "Cooee uses it when it is started again"


@command.command("uninstall")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Even when something uses it, without asking.")
@json_option
@pass_rt
def uninstall(rt, name: str, yes: bool, as_json: bool) -> None:
    """Remove a plugin that was installed; bundled ones can only be disabled.

    Example: cooee plugin uninstall my_gateway
    """
    plugin = rt.plugins.all[_named(rt.plugins, name)]
    if plugin.source == "instance" or (plugin.source == "installed" and plugin.name in _distributions()):
        _sure(rt, plugin.name, yes, "Remove it")
    if plugin.source == "instance":
        Path(plugin.path).unlink()
    elif plugin.source == "installed" and plugin.name in _distributions():
        _pip("uninstall", "-y", _distributions()[plugin.name])
    else:
        raise Refusal(f"{plugin.name} comes with Cooee; use `cooee plugin disable {plugin.name}`.")
    _audit("plugin.uninstall", plugin.name, plugin.path)
    emit({"removed": plugin.name}, as_json, f"{plugin.name} is removed; restart Cooee to apply it.")


def _wrong_with(rt, file: Path) -> list[str]:
    """What `cooee plugin list` would say of a file among all the others there are, in the way a start loads them."""
    for report in Plugins.discover(rt.settings.path("plugins")).report():
        if report["path"] == str(file):
            return [*([report["reason"]] if report["state"] == "failed" else []), *report["problems"]]
    return [f"it is called {file.name}, and files called so are not loaded"]


def _audit(action: str, name: str, detail: str) -> None:
    with database.write_tx():
        audit.record(whoami(), action, name, detail)


def _distributions() -> dict[str, str]:
    """{plugin: distribution} of the installed ones, as they are on disk now."""
    return {
        point.name: point.dist.name
        for point in metadata.entry_points(group=ENTRY_POINTS)
        if point.dist is not None
    }


def _pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Refusal(f"pip could not do it: {last[0] if last else done.returncode}")


@command.command("new")
@click.argument("kind", type=click.Choice(scaffold.KINDS))
@click.argument("name")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("."),
    show_default=True,
    help="The folder to write into.",
)
@json_option
def new(kind: str, name: str, folder: Path, as_json: bool) -> None:
    """Write a working skeleton and its test.

    Example: cooee plugin new provider my_gateway --to plugins-of-mine
    """
    files = [str(file) for file in scaffold.write(kind, name, folder)]
    emit({"files": files}, as_json, f"Wrote {' and '.join(files)}.\nNow: python -m pytest {files[1]}")


@command.command("check")
@click.argument("path")
@json_option
@click.pass_context
def check(ctx: click.Context, path: str, as_json: bool) -> None:
    """Run the contract suite on a file, a folder of plugins, or a plugin that is loaded.

    Example: cooee plugin check my_gateway.py
    """
    found = _checked(Path(path)) if Path(path).exists() else _loaded(ctx, path)
    data = [
        {"plugin": plugin, "what": what, "ok": not broken, "broken": broken} for plugin, what, broken in found
    ]
    lines = [f"{'ok  ' if d['ok'] else 'BAD '} {d['plugin']}: {d['what']}" for d in data]
    lines += [f"     {d['what']}: {sentence}" for d in data for sentence in d["broken"]]
    emit(data, as_json, "\n".join(lines))
    if not all(d["ok"] for d in data):
        ctx.exit(1)


def _checked(path: Path) -> list[tuple[str, str, list[str]]]:
    """Load what is there and nothing else, on a throw-away instance: metrics want a database."""
    from core.bench import throwaway
    from core.contract.testing import check_all

    with throwaway():
        many = (
            find(path.resolve(), bundled=None, installed=False)
            if path.is_dir()
            else [load_file(path.resolve())]
        )
        plugins = Plugins(many)
        _note_taken(plugins)
        found = list(check_all(plugins))
    if not any(broken for _plugin, _what, broken in found) and not any(map(plugins.hooks_of, plugins.all)):
        raise Refusal(f"{path} registers nothing; does it have functions marked with @hookimpl?")
    return found


def _note_taken(plugins: Plugins) -> None:
    """Names a bundled plugin has are taken: beside it this one's could never load."""
    bundled = Plugins.discover(installed=False)
    for family in FAMILIES:
        for name in getattr(plugins, family):
            plugin = plugins.all[plugins.owner(family, name)]
            owner = bundled.owner(family, name) if name in getattr(bundled, family) else ""
            if owner and bundled.all[owner].path != plugin.path:
                plugin.note(f"{family}: {name!r} exists already, from {owner}")


def _loaded(ctx: click.Context, name: str) -> list[tuple[str, str, list[str]]]:
    from core.cli.common import composed
    from core.contract.testing import check_all

    plugins = composed(ctx).plugins
    return list(check_all(plugins, only=_named(plugins, name)))
