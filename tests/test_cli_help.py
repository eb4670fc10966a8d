"""Whoever asks a command for help gets an answer with an example."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from core.cli import main
from tests.cli_kit import commands


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
