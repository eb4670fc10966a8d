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


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_every_option_is_explained_and_says_when_it_may_stand_twice(words):
    found = main
    for word in words:
        found = found.get_command(click.Context(found), word)
    options = [option for option in found.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert [
        o.name for o in options if o.multiple and "Repeatable" not in o.help and "twice" not in o.help
    ] == []
