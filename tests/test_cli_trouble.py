"""Trouble around Cooee ends a command with one sentence and status 1, wrong use with status 2, never a traceback."""

import json

import pytest
from click.testing import CliRunner

from core.audience import contacts
from core.cli import main
from core.db import database
from tests.servers import free_port

BYTES = "x\udcff"  # how Python reads a byte that is no UTF-8
TOO_LARGE = str(2**63)


def _said(result) -> str:
    """The sentence, of a command that failed as it should."""
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("cooee: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


@pytest.mark.parametrize("command", ["contact list", "init", "upgrade", "up", "worker"])
def test_a_database_that_is_away_is_named_with_the_remedy(command, sqlite_instance):
    url = f"postgresql://cooee:secret@127.0.0.1:{free_port()}/x"
    environment = sqlite_instance | {"COOEE_DATABASE_URL": url}
    said = _said(CliRunner().invoke(main, command.split(), env=environment))
    assert "COOEE_DATABASE_URL" in said and "secret" not in said


def test_with_trace_the_place_of_the_trouble_is_shown(sqlite_instance):
    url = f"postgresql://127.0.0.1:{free_port()}/x"
    traced = CliRunner().invoke(
        main, ["upgrade"], env=sqlite_instance | {"COOEE_DATABASE_URL": url, "COOEE_TRACE": "1"}
    )
    assert type(traced.exception).__name__ == "OperationalError"


def test_a_mistake_in_the_program_is_not_hidden(cli_sqlite):
    with database.write_tx():
        database.execute("DROP TABLE label")
    assert "no such table" in str(cli_sqlite("label", "list").exception)


def test_a_damaged_database_names_the_way_back(sqlite_instance):
    from pathlib import Path

    Path(sqlite_instance["COOEE_INSTANCE"], "cooee.db").write_bytes(b"no database" * 1000)
    assert "cooee restore" in _said(CliRunner().invoke(main, ["contact", "list"], env=sqlite_instance))


def test_a_folder_that_is_not_there_is_named(cli_sqlite, tmp_path):
    assert str(tmp_path / "none") in _said(cli_sqlite("backup", tmp_path / "none" / "b.tar"))
    assert "/proc/x" in _said(CliRunner().invoke(main, ["--instance", "/proc/x", "init"]))


def test_a_level_of_logging_there_is_not(sqlite_instance):
    assert "LOUD" in _said(
        CliRunner().invoke(main, ["label", "list"], env=sqlite_instance | {"COOEE_LOG_LEVEL": "LOUD"})
    )


@pytest.mark.parametrize(
    "words",
    [
        ("label", "set", BYTES, "--phone", "+8613800138000"),
        ("template", "add", BYTES, "--class", "mass", "--text-file", "-"),
        ("account", "add", BYTES, "--provider", "null"),
    ],
    ids=" ".join,
)
def test_bytes_that_are_no_text_are_refused(rt, cli, words):
    contacts.create(rt, "+8613800138000")
    assert "UTF-8" in _said(cli(*words, input="Hello"))


@pytest.mark.parametrize(
    "words",
    [
        ("campaign", "show", TOO_LARGE),
        ("campaign", "launch", TOO_LARGE),
        ("contact", "undo", TOO_LARGE),
        ("event", "undo", TOO_LARGE),
        ("token", "revoke", TOO_LARGE),
        ("campaign", "add", "a", "--segment", "s", "--template", "t", "--holdout", "nan"),
        ("campaign", "add", "a", "--segment", "s", "--template", "t", "--budget", "inf"),
        ("campaign", "add", "a", "--segment", "s", "--template", "t", "--budget", "1e30"),
        ("account", "add", "a", "--provider", "null", "--rate", "nan"),
        ("worker", "--processes", "0"),
        ("web", "--processes", "-1"),
        ("contact", "list", "--label", ""),
        ("contact", "import", "x.csv", "--label", " "),
    ],
    ids=" ".join,
)
def test_numbers_nothing_can_have_are_wrong_use(cli_sqlite, words):
    result = cli_sqlite(*words)
    assert result.exit_code == 2, result.output


@pytest.mark.parametrize("noun", ["contact", "event", "suppress"])
@pytest.mark.parametrize(
    ("region", "said"), [("England", "use GB"), ("UK", "use GB"), ("ZZ", "such as CN or US")]
)
def test_a_region_that_is_no_country_code_is_refused_with_the_right_one(
    cli_sqlite, tmp_path, noun, region, said
):
    file = tmp_path / "rows.csv"
    file.write_text("phone,type,at\n07911123456,purchase,2026-01-01\n")
    assert f"'{region}' is no country code" in (
        told := _said(cli_sqlite(noun, "import", file, "--region", region))
    )
    assert said in told


def test_a_text_to_try_an_account_says_that_no_worker_is_there_to_send_it(cli_sqlite):
    assert cli_sqlite("account", "add", "try", "--provider", "null").exit_code == 0
    tried = cli_sqlite(
        "account", "test", "try", "--to", "+8613800138000", "--text", "Hello", "--wait", "0", "--json"
    )
    assert json.loads(tried.stdout)["state"] == "ready"
    assert "no worker is at work; start `cooee up`" in _said(tried)


def test_an_import_that_is_stopped_says_how_it_goes_on(cli_sqlite, tmp_path, monkeypatch):
    from core.audience.importing import batch

    def stopped(*_given):
        raise KeyboardInterrupt

    monkeypatch.setattr(batch, "run", stopped)
    file = tmp_path / "rows.csv"
    file.write_text("phone\n13800138000\n")
    assert "the same command again goes on" in _said(cli_sqlite("contact", "import", file))


def test_commands_that_report_do_it_in_json_too(cli_sqlite, rt_sqlite, monkeypatch):
    monkeypatch.setenv("COOEE_INSTANCE", str(rt_sqlite.settings.instance))
    told = {}
    for name, *words in (
        ("init", "init"),
        ("upgrade", "upgrade"),
        ("resume", "resume-sending"),
        ("off", "plugin", "disable", "providers.http", "--reason", "not used"),
        ("on", "plugin", "enable", "providers.http"),
    ):
        told[name] = json.loads(cli_sqlite(*words, "--json").stdout)
    assert told["init"]["setup_link"].startswith("http") and told["init"]["administrator"] is None
    assert told["upgrade"] == {"applied": []}
    assert told["resume"] == {"stopped": False, "was_stopped": False, "why": ""}
    assert told["off"] == {"name": "providers.http", "enabled": False, "reason": "not used"}
    assert told["on"]["enabled"] is True
