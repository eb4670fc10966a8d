"""Plugins are found in the checkout, in installed distributions and in the instance; each load stands alone."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from core.contract.discovery import find
from core.contract.manager import Plugins

GOOD = '''
"""A gateway for tests."""
from core import Provider, hookimpl

__version__ = "1.2"

class Mine(Provider):
    name, title = "{name}", "Mine"

@hookimpl
def register_providers():
    return [Mine]
'''


def folder(tmp_path: Path, files: dict[str, str]) -> Path:
    root = tmp_path / "plugins"
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))
    return root


def states(plugins: Plugins) -> dict[str, str]:
    return {report["name"]: report["state"] for report in plugins.report()}


def test_the_bundled_ones_all_load():
    plugins = Plugins.discover(None, installed=False)
    reports = plugins.report()
    assert [r["name"] for r in reports if r["state"] != "on" or r["problems"]] == []
    assert {"simulator", "http", "null"} <= set(plugins.providers)
    assert all(r["source"] == "bundled" and r["about"] for r in reports)


def test_a_folder_is_scanned_two_levels_deep(tmp_path):
    root = folder(
        tmp_path,
        {
            "__init__.py": "",
            "alone.py": GOOD.format(name="alone"),
            "drawer/__init__.py": "",
            "drawer/one.py": GOOD.format(name="one"),
            "drawer/_helper.py": "raise RuntimeError('never loaded')",
            "drawer/deep/__init__.py": "raise RuntimeError('never loaded')",
            "feature/__init__.py": GOOD.format(name="feature"),
            "feature/models.py": "raise RuntimeError('loaded by the feature itself')",
            "feature/migrations/0001_first.py": "",
            "_hidden.py": "raise RuntimeError('never loaded')",
        },
    )
    plugins = Plugins.discover(None, bundled=root, installed=False)
    assert states(plugins) == {"alone": "on", "drawer.one": "on", "feature": "on"}
    assert set(plugins.providers) == {"alone", "one", "feature"}
    assert plugins.migrations == {"feature": root / "feature" / "migrations"}


def test_files_of_the_instance_are_loaded(tmp_path):
    root = folder(tmp_path, {"mine.py": GOOD.format(name="mine"), "test_mine.py": "raise RuntimeError"})
    plugins = Plugins.discover(root, bundled=None, installed=False)
    assert states(plugins) == {"mine": "on"}
    report = plugins.report()[0]
    assert (report["source"], report["version"], report["about"]) == (
        "instance",
        "1.2",
        "A gateway for tests.",
    )


BROKEN = {
    "raises.py": "raise ValueError('no luck')",
    "syntax.py": "def (",
    "leaves.py": "import sys; sys.exit(3)",
    "missing.py": "import no_such_module_anywhere",
    "recurses.py": "def f(): f()\nf()",
}


def test_a_failing_load_is_recorded_and_harms_nobody(tmp_path):
    root = folder(tmp_path, {**BROKEN, "good.py": GOOD.format(name="good")})
    plugins = Plugins.discover(root, bundled=None, installed=False)
    assert states(plugins) == {**{Path(name).stem: "failed" for name in BROKEN}, "good": "on"}
    report = next(r for r in plugins.report() if r["name"] == "raises")
    assert report["reason"] == "ValueError: no luck"
    assert "raises.py" in report["traceback"]
    assert "no luck" in report["traceback"]


def test_two_of_one_name_do_not_shadow_each_other(tmp_path):
    bundled = folder(tmp_path / "a", {"same.py": GOOD.format(name="first")})
    instance = folder(tmp_path / "b", {"same.py": GOOD.format(name="second")})
    plugins = Plugins.discover(instance, bundled=bundled, installed=False)
    assert states(plugins) == {"same": "on", "same (instance)": "failed"}
    assert set(plugins.providers) == {"first"}


@pytest.fixture(scope="module")
def distribution(tmp_path_factory) -> Path:
    """A folder into which pip really installed a distribution with an entry point."""
    source = tmp_path_factory.mktemp("source")
    (source / "cooee_postbox").mkdir()
    (source / "cooee_postbox" / "__init__.py").write_text(GOOD.format(name="postbox"))
    (source / "setup.cfg").write_text(
        "[metadata]\nname = cooee-postbox\nversion = 3.4\n[options]\npackages = cooee_postbox\n"
        "[options.entry_points]\ncooee.plugins =\n    postbox = cooee_postbox\n    lost = cooee_postbox.gone\n"
    )
    (source / "setup.py").write_text("from setuptools import setup; setup()")
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index",
         "--target", str(target), str(source)],
        check=True, capture_output=True,
    )  # fmt: skip
    return target


def test_entry_points_of_an_installed_distribution_are_loaded(distribution, monkeypatch):
    monkeypatch.syspath_prepend(str(distribution))
    plugins = Plugins.discover(None, bundled=None)
    reports = {report["name"]: report for report in plugins.report()}
    assert (reports["postbox"]["source"], reports["postbox"]["version"]) == ("installed", "3.4")
    assert reports["lost"]["state"] == "failed"
    assert "postbox" in plugins.providers


def test_finding_the_bundled_plugins_is_quick():
    find(None)
    started = time.perf_counter()
    find(None)
    assert time.perf_counter() - started < 0.5
