"""`cooee doctor` names what is wrong and what to do."""

import json
import os

from click.testing import CliRunner

from core.cli import main
from core.db import database, settings


def examine(environment) -> dict[str, dict]:
    result = CliRunner().invoke(main, ["doctor", "--json"], env=environment)
    return {finding["what"]: finding for finding in json.loads(result.stdout)}


def test_a_fresh_instance_lacks_only_workers(rt, instance):
    found = examine(instance)
    assert [what for what, finding in found.items() if not finding["ok"]] == ["workers"]
    assert "cooee up" in found["workers"]["said"]


def test_sending_that_is_off_says_how_to_switch_it_on(rt, instance):
    settings.put("sending_off", "restored")
    assert "cooee resume-sending" in examine(instance)["sending"]["said"]


def test_a_clock_that_fell_behind_is_noticed(rt, instance):
    with database.write_tx():
        database.execute("UPDATE id_block SET last = ?", (8_000_000_000_000 << 20,))
    assert "set its clock" in examine(instance)["clock"]["said"]


def test_missing_keys_are_named_and_the_rest_is_still_checked(rt_sqlite, sqlite_instance):
    (rt_sqlite.settings.path("keys") / "index.key").unlink()
    found = examine(sqlite_instance)
    assert "index.key is missing" in found["keys"]["said"]
    assert found["database"]["ok"]


def test_a_broken_plugin_is_named(rt_sqlite, sqlite_instance):
    rt_sqlite.settings.path("plugins").mkdir(exist_ok=True)
    rt_sqlite.settings.path("plugins", "broken.py").write_text("1 / 0")
    assert "ZeroDivisionError" in examine(sqlite_instance)["plugin broken"]["said"]


def test_files_others_may_read_are_named(rt_sqlite, sqlite_instance):
    settings = rt_sqlite.settings
    assert examine(sqlite_instance)["permissions"]["ok"]
    for name in ("config.toml", "cooee.db"):
        settings.path(name).touch()
        settings.path(name).chmod(0o644)
    found = examine(sqlite_instance)["permissions"]
    assert not found["ok"]
    assert found["said"] == f"run `chmod 600 {settings.path('cooee.db')} {settings.path('config.toml')}`"


def test_a_new_instance_is_its_owners_alone_and_a_start_keeps_it_so(tmp_path, monkeypatch, caplog):
    from core import instance as instances
    from core.app import compose

    monkeypatch.setenv("COOEE_INSTANCE", str(tmp_path / "new"))
    monkeypatch.setenv("COOEE_QUEUE_URL", "memory://")
    before = os.umask(0o022)
    try:
        folder = instances.create().instance
        assert [f.name for f in folder.rglob("*") if f.is_file() and f.stat().st_mode & 0o077] == []
        assert not (folder / "config.toml").stat().st_mode & 0o077
        (folder / "cooee.db").chmod(0o644)
        caplog.clear()
        compose()
    finally:
        os.umask(before)
    assert not (folder / "cooee.db").stat().st_mode & 0o077
    assert f"{folder / 'cooee.db'} could be read by others" in caplog.text
