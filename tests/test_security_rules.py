"""Laws of the code that keep doors shut, beside those of `ruff` (S): what may stand where in core/ and plugins/."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html import unescape

import pytest

from core.config import ROOT
from core.exporting import csv_stream, harmless

SOURCES = sorted(
    path
    for top in ("core", "plugins")
    for path in (ROOT / top).rglob("*.py")
    if "bench" not in path.parts and "skeletons" not in path.parts
)
#: Markup that is built, not read: each escapes what it puts in.
BUILDS_MARKUP = {
    "core/audience/segments/leafform.py",
    "core/web/assets.py",
    "core/web/charts.py",
    "core/web/evidencefile.py",
    "core/web/format.py",
    "core/web/markdown.py",
    "core/web/panels.py",
    "core/web/segmentcharts.py",
    "core/web/signin.py",
}
#: A transaction that only reads, at one moment of the database.
READS_AT_ONE_MOMENT = {"core/db/copies.py", "core/db/deadline.py", "core/sending/verify.py"}
#: An import's rows, on the pipe between a process of ours and its child.
PIPE = {"core/audience/importing/child.py", "core/audience/importing/reader.py"}
#: Who may open a connection to elsewhere by itself: the client that checks addresses, mail, and own protocols.
WIRES = {"requests", "urllib.request", "urllib3", "http.client", "httpx", "aiohttp", "ftplib", "telnetlib"}
NEVER = {"pickle", "shelve", "dill", "xml.etree.ElementTree", "xml.dom.minidom", "xml.sax"}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call with the last two words of what is called: ("datetime.now", …), ("eval", …)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute):
                before = called.value
                owner = getattr(before, "id", getattr(before, "attr", ""))
                yield f"{owner}.{called.attr}", node
            elif isinstance(called, ast.Name):
                yield called.id, node


def faults(path: str, text: str) -> list[str]:
    """What a file does that it must not."""
    tree, found = ast.parse(text), []
    for name, node in calls(tree):
        last = name.rpartition(".")[2]
        if (
            last in ("now", "utcnow", "today")
            and name.split(".")[0] in ("datetime", "date")
            and not node.args
        ):
            found.append(f"{name}() takes the machine's zone for ours")
        if name == "time.time" and path != "core/clock.py":
            found.append("time.time() outside core/clock.py")
        if last == "atomic" and path not in READS_AT_ONE_MOMENT | {"core/db/database.py"}:
            found.append("a transaction that does not write through write_tx()")
        if last == "Markup" and path not in BUILDS_MARKUP:
            found.append("Markup() outside the files that build markup")
        if name in ("eval", "exec", "os.system", "os.popen", "yaml.load"):
            found.append(f"{name}()")
        if any(
            k.arg == "shell" and not (isinstance(k.value, ast.Constant) and k.value.value is False)
            for k in node.keywords
        ):
            found.append("a shell")
        if any(
            k.arg == "verify" and isinstance(k.value, ast.Constant) and k.value.value is False
            for k in node.keywords
        ):
            found.append("a certificate nobody checks")
    shut = WIRES | NEVER | (set() if path in PIPE else {"marshal"})
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        found += [f"import {name}" for name in names if name in shut]
        if isinstance(node, ast.ExceptHandler) and node.type is None:
            found.append("a bare except")
    return found


def test_no_file_does_what_it_must_not():
    wrong = {
        str(path.relative_to(ROOT)): found
        for path in SOURCES
        if (found := faults(path.relative_to(ROOT).as_posix(), path.read_text("utf-8")))
    }
    assert len(SOURCES) > 400 and wrong == {}


@pytest.mark.parametrize(
    "line",
    [
        "import datetime\ndatetime.now()",
        "import time\ntime.time()",
        "with proxy.atomic(): pass",
        "Markup(name)",
        "eval(text)",
        "subprocess.run(text, shell=True)",
        "client.get(url, verify=False)",
        "import requests",
        "from urllib import request",
        "import pickle",
        "try:\n    x()\nexcept:\n    pass",
    ],
)
def test_each_of_these_would_be_found(line):
    assert len(faults("core/x.py", line)) == 1


def test_no_template_switches_escaping_off():
    pattern = re.compile(r"\|\s*safe\b|autoescape\s+false", re.I)
    templates = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("plugins/**/*.html")]
    wrong = [str(path) for path in templates if pattern.search(path.read_text("utf-8"))]
    assert len(templates) > 100 and wrong == []


# --- cells of files for spreadsheets --------------------------------------------------------------------

STARTERS = "=+-@\t\r\n＝＋－＠﹢﹣"
TAILS = ("1+1", "cmd|' /C calc'!A0", 'HYPERLINK("http://evil.example")', "SUM(A1:A9)", "")
BEFORE = ("", " ", "  ", "\u3000", "\x00", " \u3000 ")
INNER = ("a;{}", "a\t{}", "a\r\n{}", "a; {}", "a;\u3000{}", "x;{};{}", "\n{}")


def corpus() -> list[str]:
    plain = [f"{before}{start}{tail}" for before in BEFORE for start in STARTERS for tail in TAILS]
    nested = [shape.format(*[f"{start}1+1"] * 2) for shape in INNER for start in "=+-@＝＋－＠"]
    return plain + nested


def test_no_cell_of_a_file_is_a_formula():
    cells = corpus()
    assert len(cells) > 400
    for cell in cells:
        made = harmless(cell)
        assert not made.lstrip(" \u3000\x00").startswith(tuple(STARTERS)), repr(cell)
        assert not re.search(r"[;\t\r\n][ \u3000]*[=+\-@＝＋－＠﹢﹣]", made), repr(cell)


@pytest.mark.parametrize("for_people", [True, False])
def test_a_file_for_people_or_programs_has_every_cell_quoted(for_people):
    cells = [cell for cell in corpus() if "\n" not in cell and "\r" not in cell]
    lines = list(csv_stream(["cell"], [[cell] for cell in cells], for_people=for_people))[-len(cells) :]
    for cell, line in zip(cells, lines, strict=True):
        assert re.fullmatch(r'"(?:[^"]|"")*"\r\n', line), repr(cell)
        assert line[1] not in STARTERS


# --- what htmx may do -----------------------------------------------------------------------------------


def test_htmx_may_not_evaluate_run_scripts_or_call_elsewhere(client):
    page = client.get("/").get_data(as_text=True)
    told = json.loads(unescape(re.search(r'name="htmx-config" content=[\'"](.*?)[\'"]>', page)[1]))
    never = ("allowEval", "allowScriptTags", "includeIndicatorStyles", "historyCacheSize")
    assert [bool(told[name]) for name in never] == [False] * 4 and told["selfRequestsOnly"] is True


# --- the process that reads files -----------------------------------------------------------------------


def test_the_process_that_reads_a_file_gets_no_more_memory_than_it_may():
    """As the child of an import begins; then it asks for more than `MEMORY_MB`."""
    code = (
        "import resource; from core.audience.importing import child; child._limit(child.LOOK_CPU_S); "
        "print(resource.getrlimit(resource.RLIMIT_CPU)[0]); bytearray(child.MEMORY_MB << 20)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "MemoryError" in done.stderr
    assert done.stdout.strip() == "60"
