"""What is given to `cooee restore` may be anything, and the disk may be full: one sentence, and nothing changes."""

import io
import os
import shutil
import sqlite3
import subprocess
import tarfile

import pytest
from peewee import OperationalError

from core import backup
from core.cli import trouble
from core.contract.errors import Refusal
from core.db import database, settings
from tests.restore_kit import manifest_with, repacked


def _tar(file, **members: bytes):
    with tarfile.open(file, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name.replace("_json", ".json"))
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return file


def _one_sentence(rt, file, match: str) -> None:
    settings.put("brand", "Kola")
    with pytest.raises(Refusal, match=match) as caught:
        backup.restore(rt, file)
    said = str(caught.value)
    assert "\n" not in said and len(said) < 300 and said.endswith("."), said
    assert settings.get("brand") == "Kola"
    assert list(rt.settings.path("tmp").glob("*")) == []


@pytest.mark.parametrize(
    "manifest",
    [b"[]", b"{}", b"null", b"3", b"\xff", b"{", b'{"format": 1}'],
    ids=repr,
)
def test_a_tar_whose_manifest_is_none(rt_sqlite, tmp_path, manifest):
    _one_sentence(rt_sqlite, _tar(tmp_path / "m.tar", manifest_json=manifest), "is no backup of Cooee")


def test_files_that_are_no_tar(rt_sqlite, tmp_path):
    for content in (b"", b"no tar\n" * 300, os.urandom(10_240)):
        (tmp_path / "x").write_bytes(content)
        _one_sentence(rt_sqlite, tmp_path / "x", "x is no backup of Cooee")
    _one_sentence(rt_sqlite, tmp_path, "is no backup of Cooee")
    _one_sentence(rt_sqlite, _tar(tmp_path / "other.tar", hostname=b"shop"), "is no backup of Cooee")


def test_a_backup_that_was_cut_off(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    whole = (tmp_path / "b.tar").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    _one_sentence(rt, tmp_path / "cut.tar", "cut.tar (is no backup|was changed)")


@pytest.mark.parametrize(
    ("name", "value"), [("made_at", "yesterday"), ("migrations", "all"), ("sha256", []), ("contacts", None)]
)
def test_a_manifest_that_says_something_odd(rt, tmp_path, name, value):
    backup.backup(rt, tmp_path / "b.tar")
    repacked(
        tmp_path / "b.tar", "manifest.json", manifest_with(lambda manifest: manifest.update({name: value}))
    )
    _one_sentence(rt, tmp_path / "b.tar", "is no backup of Cooee")


def test_an_old_backup_without_a_database_or_with_a_damaged_one(rt, tmp_path):
    """Those of before there were checksums show it only when they are read."""
    part = "migration_core.csv" if database.is_postgres() else "cooee.db"
    backup.backup(rt, tmp_path / "b.tar")
    repacked(tmp_path / "b.tar", "manifest.json", manifest_with(lambda manifest: manifest.pop("sha256")))
    with tarfile.open(tmp_path / "b.tar") as tar:
        parts = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.name != part}
    _one_sentence(rt, _tar(tmp_path / "without.tar", **parts), f"no {part} in this backup")
    rows = "setting.csv" if database.is_postgres() else part
    repacked(tmp_path / "b.tar", rows, lambda _content: b"key,value\na,b,c,d\n" + b"no database" * 1000)
    _one_sentence(rt, tmp_path / "b.tar", "is damaged")


def test_a_backup_made_with_another_data_key(rt, tmp_path):
    backup.backup(rt, tmp_path / "b.tar")
    repacked(tmp_path / "b.tar", "manifest.json", manifest_with(lambda m: m.update(data_key="0" * 16)))
    _one_sentence(rt, tmp_path / "b.tar", "made with other keys")


# --- a full disk ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A disk of one megabyte."""
    folder, mount = tmp_path / "small", shutil.which("mount")
    folder.mkdir()
    if mount is None or os.geteuid():
        pytest.skip("only root may mount a small disk")
    made = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, text=True
    )
    if made.returncode:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_for_temporary_files_is_not_needed(rt_sqlite, tmp_path, small_disk, monkeypatch):
    backup.backup(rt_sqlite, tmp_path / "b.tar")
    monkeypatch.setenv("TMPDIR", str(small_disk))
    monkeypatch.setattr("tempfile.tempdir", None)
    (small_disk / "fill").write_bytes(b"x" * 1_000_000)
    assert backup.restore(rt_sqlite, tmp_path / "b.tar")["contacts"] == 0


def test_a_disk_without_room_for_the_unpacked_is_named(rt_sqlite, tmp_path, small_disk):
    backup.backup(rt_sqlite, tmp_path / "b.tar")
    rt_sqlite.settings.path("tmp").symlink_to(small_disk)
    _one_sentence(rt_sqlite, tmp_path / "b.tar", "disk of .* is full; make room")


def test_a_backup_onto_a_full_disk_names_it(cli_sqlite, small_disk):
    told = cli_sqlite("backup", small_disk / "b.tar")
    assert told.exit_code == 1 and "is full; make room" in told.stderr and told.stderr.count("\n") == 1
    assert list(small_disk.iterdir()) == []


def test_what_a_full_disk_says_becomes_the_sentence_about_it(rt_sqlite):
    with pytest.raises(OSError) as caught, open("/dev/full", "wb", buffering=0) as full:
        full.write(b"x")
    assert "is full; make room" in trouble.sentence(caught.value)
    database.execute(f"PRAGMA max_page_count = {database.scalar('PRAGMA page_count')}")
    with pytest.raises(OperationalError) as caught, database.write_tx():
        settings.put("brand", "x" * 1_000_000)
    assert "is full; make room" in trouble.sentence(caught.value)
    assert "look at it" in trouble.sentence(sqlite3.OperationalError("disk I/O error"))


def test_the_words_of_postgresql_about_a_full_disk_are_known():
    from psycopg import errors

    said = trouble.sentence(errors.DiskFull('could not extend file "base/5/1": No space left on device'))
    assert said.startswith("The disk is full; make room")
