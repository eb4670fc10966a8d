"""Settings come from the environment, then the file, then the default, and say so."""

import json
import os

import pytest

from core import app, config, instance, running
from core.contract.errors import Refusal
from core.db import database


def test_the_environment_wins_over_the_file_which_wins_over_the_default(tmp_path, monkeypatch):
    (tmp_path / "config.toml").write_text('port = 9000\nhost = "0.0.0.0"\n')
    monkeypatch.setenv("COOEE_PORT", "9001")
    settings = config.load(tmp_path)
    assert (settings.port, settings.host, settings.language) == (9001, "0.0.0.0", "en")
    assert settings.sources["port"] == "COOEE_PORT"
    assert settings.sources["host"] == "config.toml"
    assert settings.sources["language"] == "default"


def test_codes_and_levels_are_taken_in_small_letters_too(tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_DEFAULT_REGION", "gb")
    monkeypatch.setenv("COOEE_LOG_LEVEL", "warning")
    settings = config.load(tmp_path)
    assert (settings.default_region, settings.log_level) == ("GB", "WARNING")


def test_links_lead_to_where_pages_were_last_served_unless_a_setting_says_it(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", os.environ.copy())
    running.serve_at(config.load(tmp_path), 8123)
    assert os.environ.pop("COOEE_PUBLIC_URL") == "http://127.0.0.1:8123"
    assert config.load(tmp_path).public_url == "http://127.0.0.1:8123"
    (tmp_path / "config.toml").write_text('public_url = "https://cooee.example/"')
    running.serve_at(config.load(tmp_path), 8124)
    assert config.load(tmp_path).public_url == "https://cooee.example"


@pytest.mark.parametrize(
    ("text", "means"),
    [("1", True), ("Yes", True), ("on", True), ("true", True), ("", False), ("0", False), ("OFF", False)],
)
def test_yes_and_no_are_what_people_write(tmp_path, monkeypatch, text, means):
    monkeypatch.setenv("COOEE_HTTP_PLAIN", text)
    assert config.load(tmp_path).http_plain is means


def test_a_variable_with_a_slip_is_refused_and_not_taken_for_no(tmp_path, monkeypatch):
    monkeypatch.setenv("COOEE_HTTP_PLAIN", "ture")
    with pytest.raises(Refusal, match="COOEE_HTTP_PLAIN has 'ture'"):
        config.load(tmp_path)


@pytest.mark.parametrize("name", ["a%2Fb", "100% q?x#y", "sp ü"])
def test_an_instance_may_lie_in_a_folder_of_any_name(tmp_path, name):
    folder = tmp_path / name
    instance.create(folder)
    assert (folder / "cooee.db").exists() and app.compose(folder).queue.huey.pending_count() == 0
    assert (folder / "queue.db").exists()
    database.proxy.close()


def test_an_address_of_before_that_no_browser_takes_is_not_believed(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "address").write_text("http://::1:18622")
    assert config.load(tmp_path).public_url == "http://127.0.0.1:8000"


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
        ("port = 80000", "80000 for port, which is no port"),
        ("worker_processes = 0", "less than 1"),
        ('default_region = "UK"', "'UK' for default_region, which is no ISO country code"),
        ('zone = "Mars/X"', "'Mars/X' for zone, which is no IANA time zone"),
        ('zone = "../etc/passwd"', "no IANA time zone"),
        ('public_url = "nonsense"', "'nonsense' for public_url, which is no address"),
        ('public_url = "http://[::1"', "no address"),
        ('link_url = "go.example"', "no address"),
        ('log_level = "LOUD"', "'LOUD' for log_level"),
        ('language = "xx"', "'xx' for language, which is no language of Cooee.*en or zh_Hans"),
        ("link_days = -1", "no number of days"),
        ("link_days = 0", "no number of days"),
        ("proxy_hops = -1", "-1 for proxy_hops, which is less than 0"),
        ("api_per_minute = 0", "0 for api_per_minute, which is less than 1"),
        ("ballast_mb = -5", "-5 for ballast_mb, which is less than 0"),
        ('http_plain = "ture"', "'ture' for http_plain, which is no true or false"),
        ("http_plain = 2", "2 for http_plain, which is no true or false"),
        ("port = 80.5", "80.5 for port, which is no whole number"),
        ("port = true", "True for port, which is no whole number"),
        ("zone = 5", "5 for zone, which is no text"),
    ],
)
def test_a_bad_file_gets_one_sentence(tmp_path, monkeypatch, text, said):
    monkeypatch.delenv("COOEE_BALLAST_MB")
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
