"""`cooee doctor` names what is wrong and what to do."""

import json

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
