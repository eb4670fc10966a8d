"""`cooee clock`: a clock that jumped, and confirming it."""

from __future__ import annotations

import click

from core.cli.common import emit, json_option, pass_rt, whoami


@click.group("clock")
def command() -> None:
    """The clocks of the workers: did one jump, and is it right now?

    Example: cooee clock show
    """


@command.command("show")
@json_option
@pass_rt
def show(rt, as_json: bool) -> None:
    """Clocks that jumped by more than a minute since their worker started; planned starts wait for them.

    Example: cooee clock show --json
    """
    from core.sending import clockwatch

    jumps = clockwatch.by_host()
    told = "\n".join(
        f"{host}: jumped by {clockwatch.words(by)}; planned starts wait" for host, by in jumps.items()
    )
    emit(_plain(jumps), as_json, told or "No clock has jumped.")


@command.command("confirm")
@json_option
@pass_rt
def confirm(rt, as_json: bool) -> None:
    """Say that the clocks are right as they are: campaigns with a planned start begin again.

    Example: cooee clock confirm
    """
    from core.sending import clockwatch

    jumps = clockwatch.confirm(who=whoami())
    told = "\n".join(
        f"{host}: {clockwatch.words(by)} confirmed; planned starts go on" for host, by in jumps.items()
    )
    emit(_plain(jumps), as_json, told or "No clock has jumped.")


def _plain(jumps: dict[str, int]) -> list[dict]:
    return [{"host": host, "by_s": by_ms // 1000} for host, by_ms in jumps.items()]
