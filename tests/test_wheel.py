"""The wheel of Cooee holds everything the checkout has: an installed one opens its pages and finds its plugins."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.config import ROOT
from core.contract.discovery import find
from core.web.guides import NAMES

#: Run where `core` is the wheel's: makes an instance, opens the sign-in page, counts plugins, reads all guides.
_PROGRAM = """
import sys
sys.path[:0] = [sys.argv.pop(1)]
from core.cli import main
main(["init"], standalone_mode=False)
from core.app import create_app
from core.contract.discovery import find
from core.web.guides import NAMES, read
status = create_app().test_client().get("/login").status_code
print(status, sum(not p.error for p in find(None, installed=False)), len([read(name) for name in NAMES]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """A folder with the wheel's files, as an installation has it."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("core", "plugins", "templates", "docs"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=skip)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "wsgi.py"):
        shutil.copy(ROOT / name, source)
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", *options, source], check=True, capture_output=True
    )
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def _files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for top in ("core", "core/templates", "core/docs", "plugins")
        for path in (folder / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "overview.png"
    }


def test_every_file_of_the_checkout_is_in_the_wheel(site):
    assert _files(ROOT) - _files(site) == set()


def test_an_installed_cooee_opens_its_pages_and_finds_its_plugins_and_guides(site, tmp_path):
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROGRAM, str(site)], capture_output=True, text=True, cwd=tmp_path,
        env={"COOEE_INSTANCE": str(tmp_path / "instance"), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    plugins, guides = len(find(None, installed=False)), len(NAMES)
    assert done.stdout.splitlines()[-1:] == [f"200 {plugins} {guides}"], done.stderr
