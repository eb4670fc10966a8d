"""A database is used with the keys its data was stored with, and with no others."""

import os
import re

import pytest

from core import instance
from core.app import compose
from core.audience import suppression
from core.contract.errors import CooeeError
from core.db import database, settings
from core.security import crypto, keycheck
from tests.faults.rig import crowd
from tests.restore_kit import examine

NUMBER = "+8613800000000"


@pytest.fixture
def stop(rt):
    """One contact, who said STOP."""
    crowd(rt, 1)
    with database.write_tx():
        suppression.add(rt, [suppression.entry(rt, NUMBER)], reason="stop")


@pytest.fixture
def other_host(rt, tmp_path) -> dict:
    """What another host of the same database calls its instance with; its keys are its own."""
    crypto.create_keys(tmp_path / "other" / "keys")
    return {"folder": tmp_path / "other", "database_url": rt.settings.database_url}


def _refused(match: str, work, *args, **given) -> None:
    with pytest.raises(CooeeError, match=match) as caught:
        work(*args, **given)
    assert str(caught.value).count(". ") == 0, "one sentence"


@pytest.mark.parametrize("name", ["index.key", "data.key"])
def test_a_key_that_is_lost_is_put_back_and_never_made_anew(rt, stop, name):
    file = rt.settings.path("keys", name)
    kept = file.read_bytes()
    file.unlink()
    for work in (compose, instance.create, lambda: instance.upgrade(rt.settings)):
        _refused(f"{name} is missing.*put back the copy", work)
    assert not file.exists()
    file.write_bytes(kept)
    file.chmod(0o400)
    assert suppression.masks([compose().keys.blind_index(NUMBER)])


def test_no_key_is_made_for_a_database_of_before_it_knew_its_keys(rt, stop):
    settings.remove(keycheck.KEY)
    for name in crypto.KEY_FILES:
        rt.settings.path("keys", name).unlink()
    _refused("data.key is missing, and this database holds data", instance.create)


def test_a_second_host_without_keys_is_told_to_bring_them(rt, stop, tmp_path):
    folder = tmp_path / "other"
    _refused(
        "holds data stored with it; put back", instance.create, folder, database_url=rt.settings.database_url
    )
    assert crypto.missing(folder / "keys") == list(crypto.KEY_FILES)


@pytest.mark.parametrize("known", [True, False], ids=["its keys are known", "of before"])
def test_a_second_host_with_keys_of_its_own_is_refused_everywhere(rt, instance_env, stop, other_host, known):
    if not known:
        settings.remove(keycheck.KEY)
    folder, url = other_host["folder"], other_host["database_url"]
    said = re.escape(f"key than that in {folder / 'keys'}; put back the copy")
    _refused(said, compose, folder, database_url=url)
    _refused(said, instance.create, folder, database_url=url)
    found = examine({"COOEE_INSTANCE": str(folder), "COOEE_DATABASE_URL": url})
    assert not found["keys"]["ok"] and re.search(said, found["keys"]["said"])
    assert examine(instance_env | {"COOEE_DATABASE_URL": url})["keys"]["ok"]


@pytest.fixture
def instance_env(rt) -> dict[str, str]:
    return {"COOEE_INSTANCE": str(rt.settings.instance)}


def test_a_database_of_before_learns_its_keys_with_an_upgrade_or_a_start(rt, stop):
    for learn in (compose, lambda: instance.upgrade(rt.settings)):
        settings.remove(keycheck.KEY)
        learn()
        assert settings.get(keycheck.KEY) == rt.keys.ids


def test_two_hosts_that_are_first_at_once_agree(rt):
    settings.remove(keycheck.KEY)
    other = crypto.Keys(b"d" * 32, b"i" * 32, b"s" * 32)
    keycheck.require(other, rt.settings.path("keys"))
    _refused("data.key and index.key than", keycheck.require, rt.keys, rt.settings.path("keys"))


def test_keys_that_are_changed_under_a_server_are_given_to_no_reader(rt, tmp_path):
    assert keycheck.folder(rt) == rt.settings.path("keys")
    crypto.create_keys(tmp_path / "new")
    for name in crypto.KEY_FILES:
        os.replace(tmp_path / "new" / name, rt.settings.path("keys", name))
    _refused("were changed while Cooee runs", keycheck.folder, rt)


def test_the_key_of_sessions_alone_is_made_anew(rt, stop):
    rt.settings.path("keys", "session.key").unlink()
    _refused("session.key is missing; run `cooee init`", compose)
    instance.create()
    assert compose().keys.ids == rt.keys.ids


def test_what_the_database_knows_of_its_keys_gives_nothing_away(rt):
    for name in crypto.KEY_FILES:
        secret = rt.settings.path("keys", name).read_bytes()
        assert secret.hex()[:16] not in str(settings.get(keycheck.KEY))
    assert len(settings.get(keycheck.KEY)["index.key"]) == 16


def test_an_init_that_was_killed_half_way_is_done_again(tmp_path):
    folder = tmp_path / "new"
    (folder / "keys").mkdir(parents=True)
    (folder / "keys" / ".data.key").write_bytes(b"half")
    instance.create(folder)
    assert compose(folder).keys.ids
    database.proxy.close()


def test_a_folder_that_is_no_instance_is_named(tmp_path):
    from core import config

    _refused(f"no instance at {tmp_path / 'none'}", instance.upgrade, config.load(tmp_path / "none"))
    with pytest.raises(CooeeError, match="cooee init"):
        compose(tmp_path / "none")
