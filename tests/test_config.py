"""Settings come from the environment, then the file, then the default, and say so."""

import json

import pytest

from core import config
from core.contract.errors import Refusal


def test_the_environment_wins_over_the_file_which_wins_over_the_default(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("COOEE_PORT", "9001")
    settings = config.load(tmp_path)
    assert (settings.port, settings.host, settings.language) == (9001, "0.0.0.0", "en")
    assert settings.sources["port"] == "COOEE_PORT"
    assert settings.sources["host"] == "config.toml"
    assert settings.sources["language"] == "default"


def test_databases_live_in_the_instance_unless_told_otherwise(tmp_path):
    settings = config.load(tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/cooee.db"
    assert settings.queue_url == f"sqlite:///{tmp_path}/queue.db"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prot = 1", "unknown setting 'prot'"),
        ("port = ", "not valid TOML"),
        ('port = "many"', "'many' for port"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, text, said):
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(Refusal, match=said):
        config.load(tmp_path)


def test_the_command_lists_every_setting_and_hides_passwords(cli_sqlite, monkeypatch):
    monkeypatch.setenv("COOEE_SMTP_URL", "smtp://shop:hunter2@mail.example")
    result = cli_sqlite("config", "--json")
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert set(rows) == {option.name for option in config.SETTINGS}
    assert rows["smtp_url"]["value"] == "smtp://shop:***@mail.example"
    assert all(row["help"] for row in rows.values())
