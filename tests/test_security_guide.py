"""The table of security requirements: each has its line, and each test it names is there."""

from __future__ import annotations

import ast
import re

import pytest

from core.config import ROOT

GUIDES = [ROOT / "docs/security.md", ROOT / "docs/zh/security.md"]
ROW = re.compile(r"^\| ([A-Z]+\d+) \| (.+) \|$", re.M)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
WANTED = [
    f"{area}{n}"
    for area, last in (("A", 11), ("B", 6), ("I", 8), ("W", 5), ("D", 11), ("API", 10))
    for n in range(1, last + 1)
]
NOT_MET = {"security.md": "**Not met:**", "zh/security.md": "**未满足**："}


def functions_of(path: str) -> set[str]:
    """The names of all test functions of a file, also those in classes."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("guide", GUIDES, ids=["en", "zh"])
def test_every_requirement_has_one_line(guide):
    assert [name for name, _line in ROW.findall(guide.read_text("utf-8"))] == WANTED


@pytest.mark.parametrize("guide", GUIDES, ids=["en", "zh"])
def test_every_line_names_a_test_or_says_that_it_is_not_met(guide):
    word = NOT_MET[guide.relative_to(ROOT / "docs").as_posix()]
    bare = [
        name
        for name, line in ROW.findall(guide.read_text("utf-8"))
        if not TEST.findall(line) and not line.startswith(word)
    ]
    assert bare == []


def test_every_test_it_names_exists():
    named = [found for guide in GUIDES for found in TEST.findall(guide.read_text("utf-8"))]
    known = {path: functions_of(path) for path in {path for path, _name in named}}
    assert len(named) > 200
    assert sorted({f"{path}::{name}" for path, name in named if name not in known[path]}) == []


def test_both_languages_name_the_same_tests():
    english, chinese = (
        {name: TEST.findall(line) for name, line in ROW.findall(guide.read_text("utf-8"))} for guide in GUIDES
    )
    assert english == chinese
