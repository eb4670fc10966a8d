"""What every command shares: the runtime, JSON output, progress."""

from __future__ import annotations

import functools
import getpass
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import click

from core.runtime import Runtime

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON value on standard output.")


def composed(ctx: click.Context) -> Runtime:
    """The runtime of the instance, composed once a call."""
    root = ctx.find_root()
    root.obj = root.obj or {"instance": None}
    if "rt" not in root.obj:
        from core.app import compose

        root.obj["rt"] = compose(root.obj.get("instance"))
    return root.obj["rt"]


def pass_rt(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the command the composed `Runtime` as its first argument."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any):
        return function(composed(click.get_current_context()), *args, **kwargs)

    return wrapper


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


@contextmanager
def progress(total: int, label: str) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing in a pipe; call the given function with how many more are done."""
    if not sys.stderr.isatty():
        yield lambda _n: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield bar.update


def whoami() -> str:
    """Who runs the command, for the audit log."""
    return f"cli:{getpass.getuser()}"


def _plain(data: Any) -> str:
    if isinstance(data, dict):
        return "\n".join(f"{key}: {value}" for key, value in data.items())
    if isinstance(data, list):
        return "\n".join(_plain(item) for item in data)
    return str(data)
