"""Whoever asks a command for help gets an answer with an example."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from core.cli import main


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that does something, as the words one types."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        found = group.get_command(ctx, name)
        assert found is not None, (*path, name)
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name)


def test_help_lists_every_command():
    result = CliRunner().invoke(main, ["--help"], obj={"instance": None})
    assert result.exit_code == 0, result.output
    for name in ("contact", "event", "item", "label", "segment", "campaign", "token", "retention", "up"):
        assert f"\n  {name} " in result.output


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_every_command_has_help_with_an_example(words):
    result = CliRunner().invoke(main, [*words, "--help"], obj={"instance": None})
    assert result.exit_code == 0, result.output
    assert "Example" in result.output
