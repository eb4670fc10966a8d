"""Migrations run once, refuse to be skipped, and keep a history for each plugin."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from core import app, doctor
from core.contract.errors import Refusal
from core.db import database, migrate
from core.db.models import ALL
from tests.servers import ROOT


def test_a_current_database_has_nothing_pending(rt):
    assert migrate.pending() == []
    migrate.require_current()


def test_every_model_matches_its_table(rt):
    for model in ALL:
        names = {column.name for column in database.proxy.get_columns(model._meta.table_name)}
        missing = {field.column_name for field in model._meta.sorted_fields} - names
        assert not missing, f"{model.__name__}: {missing}"


def test_a_pending_migration_of_a_plugin_stops_the_start_and_upgrade_applies_it(rt, tmp_path):
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "0001_notes.py").write_text(
        "def up(migrator, db):\n    db.execute_sql('CREATE TABLE demo_note (id INTEGER PRIMARY KEY)')\n"
    )
    plugins = {"demo": folder}
    with pytest.raises(Refusal, match="demo/0001_notes.*cooee upgrade"):
        migrate.require_current(plugins)
    assert migrate.upgrade(rt.settings.instance, plugins) == ["demo/0001_notes"]
    assert migrate.upgrade(rt.settings.instance, plugins) == []
    assert database.proxy.table_exists("demo_note")


def test_a_database_of_a_newer_version_stops_the_start_the_upgrade_and_the_doctor(rt):
    with database.write_tx():
        database.execute(
            "INSERT INTO migration_core (name, applied) VALUES ('9999_ahead', ?)", (datetime(2099, 1, 1),)
        )
    for refused in (migrate.require_current, lambda: migrate.upgrade(rt.settings.instance), app.compose):
        with pytest.raises(Refusal, match="newer version .core/9999_ahead"):
            refused()
    schema = next(finding for finding in doctor.examine(None) if finding.what == "schema")
    assert not schema.ok and "core/9999_ahead" in schema.said


def test_a_migration_that_fails_leaves_no_trace(rt, tmp_path):
    (tmp_path / "0001_bad.py").write_text(
        "def up(migrator, db):\n"
        "    db.execute_sql('CREATE TABLE demo_half (id INTEGER PRIMARY KEY)')\n"
        "    db.execute_sql('SELECT no_such_column FROM contact')\n"
    )
    with pytest.raises(Exception, match="no_such_column"):
        migrate.upgrade(rt.settings.instance, {"demo": tmp_path})
    database.reopen()
    assert not database.proxy.table_exists("demo_half")
    assert migrate.pending({"demo": tmp_path}) == ["demo/0001_bad"]


def test_four_processes_that_upgrade_at_once_do_it_once(tmp_path):
    code = "from core import instance; import sys; instance.create(sys.argv[1])"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "i")], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    errors = [process.communicate(timeout=60)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0, 0], errors


def test_web_and_workers_refuse_an_empty_database(tmp_path, monkeypatch):
    from core.security import crypto

    folder = Path(tmp_path / "instance")
    crypto.create_keys(folder / "keys")
    monkeypatch.setenv("COOEE_INSTANCE", str(folder))
    with pytest.raises(Refusal, match="run `cooee upgrade`"):
        app.compose()
    database.proxy.close()
