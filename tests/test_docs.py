"""What the documentation names is there: pages, headings, files, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from core.cli import main
from core.config import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("bench/*/*.md")])
#: A file that stands for any test, in CONTRIBUTING.md.
MADE_UP = {"tests/test_x.py"}
every_page = pytest.mark.parametrize("doc", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub writes them behind a #."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


@every_page
def test_links_lead_to_pages_and_headings(doc):
    for target in re.findall(r"\]\(([^)\s]+)\)", doc.read_text("utf-8")):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        there = (doc.parent / path).resolve() if path else doc
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target


@every_page
def test_files_it_names_exist(doc):
    named = re.findall(
        r"\b(?:core|plugins|templates|tests|bench)/[\w/.-]+\.(?:py|js|html|po|md)\b", doc.read_text("utf-8")
    )
    assert [name for name in named if name not in MADE_UP and not (ROOT / name).exists()] == []


@every_page
def test_commands_and_their_options_exist(doc):
    for line in re.findall(r"\bcooee ([a-z][^\n`|)]*)", doc.read_text("utf-8")):
        command, ctx = main, click.Context(main)
        for word in line.split():
            if not isinstance(command, click.Group) or word.startswith("-"):
                break
            # “show/export” names two.
            found = [command.get_command(ctx, one) for one in word.strip(".,;:'\"").split("/")]
            assert None not in found, f"cooee {line}"
            command = found[-1]
        if isinstance(command, click.Group):
            continue
        known = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {
            "--help"
        }
        assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", line)) <= known, f"cooee {line}"
