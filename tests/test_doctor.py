"""`cooee doctor` names what is wrong and what to do."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from core import config, doctor
from core.db import database, settings
from tests.restore_kit import examine


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


def test_an_upgrade_closes_a_config_of_before_to_others(rt_sqlite, sqlite_instance):
    from core import instance as instances

    file = rt_sqlite.settings.path("config.toml")
    file.touch()
    file.chmod(0o644)
    instances.upgrade(rt_sqlite.settings)
    assert file.stat().st_mode & 0o077 == 0
    assert examine(sqlite_instance)["permissions"]["ok"]


@pytest.fixture
def of_somebody_else(sqlite_template):
    """An instance whose database this user may only read, as a command run as root leaves it behind."""
    top = Path(tempfile.mkdtemp(prefix="cooee-tests-"))
    top.chmod(0o755)
    folder = top / "instance"
    shutil.copytree(sqlite_template, folder)
    for file in (folder / "config.toml", *folder.glob("*.db*")):
        file.chmod(0o444)
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(top)


def test_a_database_this_user_cannot_write_is_named_with_the_remedy(of_somebody_else):
    root = os.geteuid() == 0
    there, here = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if root:  # who may write everything
                os.setgroups([])
                os.setgid(65_534)
                os.setuid(65_534)
            finding = next(doctor._database(config.load(of_somebody_else)))
            os.write(here, f"{finding.ok} {finding.said}".encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    os.close(here)
    with open(there, "rb") as told:
        said = told.read().decode()
    assert said.startswith("False it cannot be written (")
    assert ("run `sudo chown " if root else "run `chmod u+w ") in said
    assert str(of_somebody_else / "cooee.db") in said


def test_a_server_that_only_reads_is_no_database_in_order(postgres_instance, monkeypatch):
    url = postgres_instance["COOEE_DATABASE_URL"]
    url += ("&" if "?" in url else "?") + "options=-c%20default_transaction_read_only%3Don"
    found = examine(postgres_instance | {"COOEE_DATABASE_URL": url})
    assert not found["database"]["ok"] and "read-only" in found["database"]["said"]


def test_the_check_of_writing_leaves_nothing_behind(rt, instance):
    before = database.query("SELECT * FROM setting")
    assert examine(instance)["database"]["ok"]
    assert database.query("SELECT * FROM setting") == before


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
