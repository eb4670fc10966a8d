"""`cooee`: one module per noun.  Every `core/cli/<noun>.py` with a click object named `command` is a command.

Modules are imported only when their command is called, so `cooee --help` stays quick.
"""

from __future__ import annotations

import codecs
import importlib
import io
import os
import pkgutil
import sys
from pathlib import Path
from typing import Any

import click

from core.contract.errors import CooeeError

#: Modules that are not commands.
_HELPERS = {
    "common",
    "params",
    "trouble",
    "campaign_more",
    "campaign_wait",
    "contact_more",
    "segment_more",
    "labelrule",
    "__main__",
}
#: Commands whose module name is not the word people type.
_NAMES = {
    "cls": "class", "resume_sending": "resume-sending", "vendor_template": "vendor-template",
    "stop_sending": "stop-sending",
}  # fmt: skip


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """What the encoding of the output has no characters for, as JSON writes it, so that JSON stays JSON."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)), error.end


class _Nouns(click.Group):
    """Finds commands by file name; turns refusals, and trouble around Cooee, into one sentence and exit status 1.

    With COOEE_TRACE in the environment trouble shows where it came up.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        found = {_NAMES.get(m.name, m.name) for m in pkgutil.iter_modules([str(Path(__file__).parent)])}
        return sorted(found - _HELPERS | set(self.commands))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in self.commands:
            return self.commands[name]
        module = {word: module for module, word in _NAMES.items()}.get(name, name.replace("-", "_"))
        if module in _HELPERS or not (Path(__file__).parent / f"{module}.py").exists():
            return self._from_plugins(ctx, name)
        return importlib.import_module(f"core.cli.{module}").command

    def _from_plugins(self, ctx: click.Context, name: str) -> click.Command | None:
        from core.cli.common import composed

        if name.startswith("-"):
            return None
        try:
            return composed(ctx).plugins.commands.get(name)
        except CooeeError:
            return None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """As click's, on a standard output of any encoding: Latin-1 or GBK have no characters for everything."""
        codecs.register_error("cooee.escaped", _escaped)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # none where it is closed
                stream.reconfigure(errors="cooee.escaped")
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except CooeeError as error:
            click.echo(f"cooee: {error}", err=True)
            ctx.exit(1)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(1)
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:
            from core.cli import trouble

            said = trouble.sentence(error)
            if said is None or os.environ.get("COOEE_TRACE"):
                raise
            click.echo(f"cooee: {said}", err=True)
            ctx.exit(1)


@click.group(cls=_Nouns, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--instance",
    type=click.Path(file_okay=False),
    help="The instance folder (default: COOEE_INSTANCE, else instance/).",
)
@click.version_option(package_name="cooee", prog_name="cooee")
@click.pass_context
def main(ctx: click.Context, instance: str | None) -> None:
    """Cooee: know each customer, text the right ones, measure what it changed.

    Start with `cooee init` and `cooee up`; `cooee COMMAND --help` shows an example of each.
    """
    ctx.obj = ctx.obj or {"instance": instance}
