"""Wrong use of a command is answered in one sentence with the value and the remedy, and with exit status 2."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from core.cli import main, params
from tests.cli_kit import commands

#: What a value nobody can use is answered with, by the kind of the option or argument.
SAID = {
    params.Whole: "'abc' cannot be used: give a whole number",
    params.Finite: "'abc' cannot be used: give a number",
    params.RowId: "'abc' is no id: give the number that the list shows",
    params.Source: "There is no file 'abc' in",
    params.Opened: "There is no file 'abc' in",
    click.Choice: "'abc' is not one of '",
}


def _parameters(words: tuple[str, ...]) -> list[click.Parameter]:
    found = main
    for word in words:
        found = found.get_command(click.Context(found), word)
    return [one for one in found.params if not (isinstance(one, click.Option) and one.is_flag)]


@pytest.mark.parametrize("words", list(commands(main)), ids=" ".join)
def test_every_kind_of_value_has_its_sentence(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for param in _parameters(words):
        if isinstance(param.type, click.types.StringParamType):
            continue  # any text; what is made of it answers in its own words
        if type(param.type) is click.Path and not param.type.exists:
            continue  # the name of something to be made
        given = [param.opts[0]] if isinstance(param, click.Option) else _before(param, words)
        result = CliRunner().invoke(main, [*words, *given, "abc"], obj={"instance": None})
        assert result.exit_code == 2, (param.name, result.output)
        assert SAID[type(param.type)] in " ".join(result.stderr.split()), (param.name, result.stderr)


def _before(param: click.Parameter, words: tuple[str, ...]) -> list[str]:
    """Arguments that can be used, for those that stand before this one."""
    arguments = [one for one in _parameters(words) if isinstance(one, click.Argument)]
    return [
        one.type.choices[0] if isinstance(one.type, click.Choice) else "1"
        for one in arguments[: arguments.index(param)]
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("campaign resume 7 --budget abc", "'abc' cannot be used: give a number from 0 to 1000000000000."),
        ("campaign resume 7 --budget 12,50", "'12,50' cannot be used: give a number from 0 to 1000000000000."),
        ("campaign resume 7 --budget nan", "'nan' cannot be used: give a number from 0 to 1000000000000."),
        ("suppress add 13800138000 --days 0", "'0' cannot be used: give a whole number from 1 to 3650."),
        ("suppress add 13800138000 --days 1.5", "'1.5' cannot be used: give a whole number from 1 to 3650."),
        ("campaign wait 7 --timeout -1", "'-1' cannot be used: give a number of 0 or more."),
        (f"sender add gw Cooee --cap {2**63}", f"'{2**63}' cannot be used: give a whole number."),
        ("campaign show -- -7", "'-7' is no id: give the number that the list shows, such as 7."),
        ("contact import .", "'.' is a folder: name a file in it."),
        ("contact import /none/a.csv", "There is no file '/none/a.csv': check the path."),
        ("segment add all --rule .", "'.' is a folder: name a file in it."),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_with_what_can(cli_sqlite, words, said):
    result = cli_sqlite(*words.split())
    assert result.exit_code == 2 and result.stderr.rstrip().endswith(said), result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("campaign add a --segment s --template t --at soon", "soon"),
        ("campaign add a --segment s --template t --until 2026-13-01", "2026-13-01"),
        ("trial plan a --account gw --phones {file} --start 2026-02-30", "2026-02-30"),
        ("dossier add gw any/contract --number 7 --issued 30.2.2026", "30.2.2026"),
        ("campaign add a --segment s --template t --option rate=abc", "abc"),
        ("account prices gw --file {gbk}", "prices.csv is not UTF-8; save it as UTF-8"),
        ("segment add new --rule {gbk}", "JSON"),
    ],
)
def test_days_times_and_settings_are_refused_with_the_value(cli_sqlite, rt_sqlite, tmp_path, words, said):
    (tmp_path / "phones.csv").write_text("+8613800138000, Ann\n")
    (tmp_path / "prices.csv").write_bytes("国家,类别".encode("gbk"))
    cli_sqlite("account", "add", "gw", "--provider", "simulator")
    cli_sqlite("template", "add", "t", "--class", "mass", "--text-file", "-", input="Hello")
    cli_sqlite("segment", "add", "s", "--rule", "-", input='{"all":[]}')
    words = words.format(file=tmp_path / "phones.csv", gbk=tmp_path / "prices.csv")
    result = cli_sqlite(*words.split())
    assert result.exit_code == 1 and result.stderr.startswith("cooee: "), result.output
    assert said in result.stderr and result.stderr.count("\n") == 1
