"""`cooee plugin`: skeletons that pass, the check, switching, installing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.app import compose
from core.contract import scaffold
from core.contract.errors import Refusal
from tests.servers import BARE

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("kind", scaffold.KINDS)
def test_a_skeleton_passes_its_own_test_and_the_contract(kind, tmp_path, cli_sqlite):
    made = cli_sqlite("plugin", "new", kind, "my_thing", "--to", tmp_path, "--json")
    assert made.exit_code == 0, made.output
    files = json.loads(made.stdout)["files"]
    assert [Path(file).name for file in files] == ["my_thing.py", "test_my_thing.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", files[1]],
        cwd=tmp_path, env=os.environ | BARE | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    lint = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--config", str(ROOT / "pyproject.toml"), "--ignore", "S", *files],
        capture_output=True, text=True,
    )  # fmt: skip
    assert lint.returncode == 0, lint.stdout


def test_a_skeleton_does_not_overwrite(tmp_path):
    scaffold.write("check", "calm", tmp_path)
    with pytest.raises(Refusal, match="exists already"):
        scaffold.write("check", "calm", tmp_path)


@pytest.mark.parametrize("name", ["", "Big", "with-dash", "../up", "class", "x" * 50, "1st"])
def test_a_skeleton_needs_a_plain_name(name, tmp_path):
    with pytest.raises(Refusal):
        scaffold.write("check", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_check_says_what_is_wrong_and_fails(tmp_path, cli_sqlite):
    file, _test = scaffold.write("provider", "mine", tmp_path)
    assert cli_sqlite("plugin", "check", file).exit_code == 0
    file.write_text(file.read_text().replace("(message,) = messages", "(message,) = messages[1 / 0 :]"))
    file.write_text(file.read_text().replace('name = "mine"', 'name = "Mine"'))
    done = cli_sqlite("plugin", "check", file, "--json")
    assert done.exit_code == 1
    broken = [sentence for one in json.loads(done.stdout) for sentence in one["broken"]]
    assert any("lower-case" in sentence for sentence in broken)
    assert any("send raised ZeroDivisionError" in sentence for sentence in broken)


def test_check_of_a_file_that_registers_nothing_is_refused(tmp_path, cli_sqlite):
    (tmp_path / "empty.py").write_text("x = 1")
    done = cli_sqlite("plugin", "check", tmp_path / "empty.py")
    assert done.exit_code == 1
    assert "registers nothing" in done.stderr


def test_check_takes_a_plugin_that_is_loaded(cli_sqlite):
    done = cli_sqlite("plugin", "check", "simulator", "--json")
    assert done.exit_code == 0
    assert [one["what"] for one in json.loads(done.stdout)] == ["loading", "provider simulator"]


def test_list_shows_state_and_what_each_gives(cli_sqlite):
    data = json.loads(cli_sqlite("plugin", "list", "--json").stdout)
    http = next(one for one in data if one["name"] == "providers.http")
    assert (http["state"], http["source"], http["provides"]) == ("on", "bundled", {"providers": ["http"]})
    assert "providers.http" in cli_sqlite("plugin", "list").stdout


def test_a_plugin_switched_off_stays_off_after_a_restart(cli, rt):
    assert cli("plugin", "disable", "null", "--reason", "not here").exit_code == 0
    again = compose()
    assert "null" not in again.plugins.providers
    assert again.plugins.all["providers.null"].off == "not here"
    assert cli("plugin", "enable", "providers.null").exit_code == 0
    assert "null" in compose().plugins.providers


@pytest.mark.parametrize(("name", "words"), [("nope", "no plugin 'nope'"), ("", "no plugin ''")])
def test_an_unknown_plugin_is_refused_in_one_sentence(cli_sqlite, name, words):
    done = cli_sqlite("plugin", "disable", name)
    assert done.exit_code == 1
    assert words in done.stderr


def test_a_file_is_installed_into_the_instance_and_removed(cli_sqlite, rt_sqlite, tmp_path):
    file, _test = scaffold.write("check", "calm", tmp_path)
    assert json.loads(cli_sqlite("plugin", "install", file, "--json").stdout) == {"installed": ["calm"]}
    assert cli_sqlite("plugin", "install", file).exit_code == 1
    again = compose()
    assert "calm" in again.plugins.checks
    assert again.plugins.all["calm"].source == "instance"
    rt_sqlite.plugins.all["calm"] = again.plugins.all["calm"]
    assert json.loads(cli_sqlite("plugin", "uninstall", "calm", "--json").stdout) == {"removed": "calm"}
    assert "calm" not in compose().plugins.checks


def test_a_file_that_cannot_be_loaded_is_not_installed(cli_sqlite, rt_sqlite, tmp_path):
    (tmp_path / "bad.py").write_text("1 / 0")
    done = cli_sqlite("plugin", "install", tmp_path / "bad.py")
    assert done.exit_code == 1
    assert "ZeroDivisionError" in done.stderr
    assert list(rt_sqlite.settings.path("plugins").glob("*.py")) == []


def test_a_package_is_installed_by_pip(cli_sqlite, tmp_path, monkeypatch):
    source, target = tmp_path / "source", tmp_path / "site"
    (source / "cooee_tiny").mkdir(parents=True)
    (source / "cooee_tiny" / "__init__.py").write_text("")
    (source / "setup.cfg").write_text(
        "[metadata]\nname = cooee-tiny\nversion = 1\n[options]\npackages = cooee_tiny\n"
        "[options.entry_points]\ncooee.plugins =\n    tiny = cooee_tiny\n"
    )
    (source / "setup.py").write_text("from setuptools import setup; setup()")
    target.mkdir()
    monkeypatch.syspath_prepend(str(target))
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--target", target)
    done = cli_sqlite("plugin", "install", source, *[f"--pip-option={option}" for option in options])
    assert done.exit_code == 0, done.output
    assert "tiny: installed" in done.stdout


def test_what_pip_cannot_do_is_one_sentence(cli_sqlite, tmp_path):
    done = cli_sqlite("plugin", "install", tmp_path / "nothing-here", "--pip-option=--no-index")
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1


def test_a_bundled_plugin_cannot_be_uninstalled(cli_sqlite):
    done = cli_sqlite("plugin", "uninstall", "providers.http")
    assert done.exit_code == 1
    assert "cooee plugin disable providers.http" in done.stderr


CHECKS = "from core import ContentCheck, Provider, hookimpl\nclass Calm(ContentCheck):\n    name = 'calm'\n"
FAULTS = {
    "syntax": ("def x(:", "SyntaxError"),
    "raises": ("1 / 0", "ZeroDivisionError"),
    "misspelt": (CHECKS + "@hookimpl\ndef register_check():\n    return [Calm]\n", "did you mean register_checks?"),
    "arguments": (CHECKS + "@hookimpl\ndef register_checks(rt):\n    return [Calm]\n", "rt"),
    "kind": (CHECKS + "@hookimpl\ndef register_checks():\n    return Calm\n", "not a list"),
    "unmarked": (CHECKS + "def register_checks():\n    return [Calm]\n", "not marked with @hookimpl"),
    "hook": (CHECKS + "@hookimpl\ndef register_checks():\n    return [1 / 0]\n", "register_checks raised ZeroDivisionError"),
    "jobs": (CHECKS + "@hookimpl\ndef register_jobs():\n    return ['daily']\n", "no usable Job"),
    "taken": (
        CHECKS + "class Mine(Provider):\n    name, title = 'simulator', 'Mine'\n    def send(self, messages):\n"
        "        return []\n@hookimpl\ndef register_providers():\n    return [Mine]\n",
        "'simulator' exists already, from providers.simulator",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_check_and_install_say_why_a_plugin_cannot_work(fault, tmp_path, cli_sqlite, rt_sqlite):
    source, reason = FAULTS[fault]
    file = tmp_path / "mine_of_shop.py"
    file.write_text(source)
    checked = cli_sqlite("plugin", "check", file)
    assert checked.exit_code == 1 and reason in checked.stdout, checked.output
    installed = cli_sqlite("plugin", "install", file)
    assert installed.exit_code == 1 and reason in installed.stderr
    assert list(rt_sqlite.settings.path("plugins").glob("*.py")) == []


def test_check_takes_a_file_that_only_listens(tmp_path, cli_sqlite):
    file = tmp_path / "listens.py"
    file.write_text("from core import hookimpl\n@hookimpl\ndef messages_changed(changes):\n    pass\n")
    assert cli_sqlite("plugin", "check", file).exit_code == 0


def test_check_takes_a_bundled_plugin_by_its_file(cli_sqlite):
    assert cli_sqlite("plugin", "check", ROOT / "plugins" / "providers" / "null.py").exit_code == 0


@pytest.mark.parametrize("name", ["http", "json", "simulator", "core"])
def test_a_skeleton_does_not_hide_a_module_of_python_or_of_cooee(name, tmp_path):
    with pytest.raises(Refusal, match="choose another name"):
        scaffold.write("provider", name, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_installing_and_removing_are_in_the_audit_log(cli_sqlite, rt_sqlite, tmp_path):
    from core.db.models import Audit

    file, _test = scaffold.write("check", "calm", tmp_path)
    cli_sqlite("plugin", "install", file)
    rt_sqlite.plugins.all["calm"] = compose().plugins.all["calm"]
    cli_sqlite("plugin", "uninstall", "calm")
    lines = [(row.action, row.object) for row in Audit.select().where(Audit.action.startswith("plugin."))]
    assert lines == [("plugin.install", "calm"), ("plugin.uninstall", "calm")]
