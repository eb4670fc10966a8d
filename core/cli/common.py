"""What every command shares: the runtime, JSON output, progress."""

from __future__ import annotations

import functools
import getpass
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from core.contract.errors import Refusal
from core.runtime import Runtime

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on standard output.")


def composed(ctx: click.Context, *, repairing: bool = False) -> Runtime:
    """The runtime of the instance, composed once a call; `repairing` as in `compose`."""
    root = ctx.find_root()
    root.obj = root.obj or {"instance": None}
    if "rt" not in root.obj:
        from core.app import compose

        root.obj["rt"] = compose(root.obj.get("instance"), repairing=repairing)
    return root.obj["rt"]


def pass_rt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the composed `Runtime` as its first argument."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any):
        return function(composed(click.get_current_context()), *args, **kwargs)

    return wrapper


def pairs(_ctx: click.Context, param: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Callback of a repeatable option NAME=VALUE, whose metavar says what the two are; neither may be empty."""
    made = {}
    for one in given:
        name, _equals, value = (part.strip() for part in one.partition("="))
        if not (name and value):
            raise click.BadParameter(f"{one!r} is not {param.metavar}.")
        made[name] = value
    return made


def filled(_ctx, _param, given: Any) -> Any:
    """Callback of an option whose empty value, as of a script's unset variable, must not mean "not given"."""
    if any(one is not None and not one.strip() for one in (given if isinstance(given, tuple) else (given,))):
        raise click.BadParameter("it is empty; give a name, or leave the option out.")
    return given


def pair(text: str, shape: str = "KEY=VALUE", field: str | None = None) -> tuple[str, str]:
    """("KEY", "VALUE"); the value may be empty and keeps its spaces.  Raises `Refusal`, which names the shape."""
    key, equals, value = text.partition("=")
    if not (equals and key.strip()):
        raise Refusal(f"{text!r} is not {shape}.", field=field)
    return key.strip(), value


def emit(data: Any, as_json: bool, human: str | Callable[[Any], str] | None = None) -> None:
    """Print `data` as JSON, or `human` (a text, or a function of data) for people."""
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False, default=str))
    elif human is not None:
        click.echo(human(data) if callable(human) else human)
    else:
        click.echo(_plain(data))


def table(rows: Iterable[Iterable[Any]], header: Iterable[str]) -> str:
    """Rows as aligned columns, for terminals."""
    cells = [[str(c) for c in header]] + [["" if c is None else str(c) for c in row] for row in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def many(n: int, one: str, more: str = "") -> str:
    """A number with its noun: "1 contact", "2,000 contacts"."""
    return f"{n:,} {one if n == 1 else more or one + 's'}"


@contextmanager
def progress(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe; call the given function with how many more are done."""
    if not sys.stderr.isatty():
        yield lambda _n: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield bar.update


@contextmanager
def bar(label: str) -> Iterator[Callable[[int, int], None]]:
    """As `progress`, for work that tells (done, total) and knows the total only once it began."""
    with ExitStack() as stack:
        more: Callable[[int], None] | None = None
        shown = 0

        def show(done: int, total: int) -> None:
            nonlocal more, shown
            more = more or stack.enter_context(progress(max(total, 1), label))
            more(done - shown)
            shown = done

        yield show


@contextmanager
def resumable() -> Iterator[None]:
    """Work that the same command continues: Ctrl-C says so."""
    try:
        yield
    except KeyboardInterrupt:
        raise Refusal("Stopped; the same command again goes on from here.") from None


def kept(rt: Runtime, name: str, lines: Iterable[str]) -> str:
    """Write a file only its owner may read beside the uploads; returns its path."""
    path = rt.settings.path("uploads", name)
    path.parent.mkdir(exist_ok=True, mode=0o700)
    private = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(private, "w", encoding="utf-8", newline="") as file:
        file.writelines(lines)
    return str(path)


def whoami() -> str:
    """Who runs the command, for the audit log; the number of a user without a name, as in many containers."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def _plain(data: Any) -> str:
    if isinstance(data, dict):
        return "\n".join(f"{key}: {value}" for key, value in data.items())
    if isinstance(data, list):
        return "\n".join(_plain(item) for item in data)
    return str(data)
