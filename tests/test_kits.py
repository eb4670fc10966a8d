"""What tests share lies in kits: a test file can be renamed, split or removed, and the others still run."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def imported(source: str) -> set[str]:
    """Each part of each name that a file's imports spell out, those inside its functions too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names |= {node.module or "", *(alias.name for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {part for name in names for part in name.split(".")}


def of_tests(source: str) -> set[str]:
    """The test files it imports."""
    files = {file.stem for file in TESTS.rglob("test_*.py")} | {"conftest"}
    return imported(source) & files


@pytest.mark.parametrize(
    "line",
    [
        "from tests.test_kits import of_tests",
        "from tests import test_kits as kits",
        "import tests.test_kits",
        "from . import test_kits",
        "def late():\n    from tests.browser.conftest import page",
    ],
)
def test_every_way_to_import_a_test_file_is_seen(line):
    assert of_tests(line)


def test_no_file_imports_a_test_file():
    every = {str(file.relative_to(TESTS)): file.read_text("utf-8") for file in TESTS.rglob("*.py")}
    assert {name: found for name, source in every.items() if (found := of_tests(source))} == {}
