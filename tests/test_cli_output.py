"""What commands print comes out on every standard output: of any encoding, closed, or a pipe nobody reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from core.audience import labels
from core.db import database

#: One character of Latin-1, Chinese ones, and one outside the first 65,536.
NAME = "café 金卡 🎉"


def _run(rt, *words: str, encoding: str = "latin-1", **more) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {
        "COOEE_INSTANCE": str(rt.settings.instance), "PYTHONIOENCODING": encoding, "PYTHONWARNINGS": "error",
    }  # fmt: skip
    return subprocess.run([sys.executable, "-m", "core.cli", *words], env=environment, **more)


@pytest.fixture
def named(rt_sqlite):
    labels.ensure(NAME)
    return rt_sqlite


def test_what_the_output_has_no_characters_for_is_escaped(named):
    done = _run(named, "label", "list", capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "café \\u91d1\\u5361 \\ud83c\\udf89".encode("latin-1") in done.stdout


@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "utf-8"])
def test_json_stays_json_on_any_output(named, encoding):
    done = _run(named, "label", "list", "--json", encoding=encoding, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert [one["name"] for one in json.loads(done.stdout.decode(encoding))] == [NAME]


def test_a_refusal_comes_out_too(named):
    done = _run(named, "segment", "count", NAME, capture_output=True)
    assert done.returncode == 1 and done.stderr.startswith(b"cooee: ") and b"Traceback" not in done.stderr


def test_a_pipe_nobody_reads_any_more_ends_a_command_quietly(named):
    read, write = os.pipe()
    os.close(read)
    done = _run(named, "label", "list", stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.stderr == b""


def test_a_command_without_standard_output_works(named):
    environment = os.environ | {"COOEE_INSTANCE": str(named.settings.instance)}
    words = f'"{sys.executable}" -m core.cli label list >&- 2>&- <&-'
    assert subprocess.run(["/bin/sh", "-c", words], env=environment).returncode == 0


def test_a_user_without_a_name_is_known_by_number(cli_sqlite, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)  # as in a container that is run as just a number
    done = cli_sqlite("stop-sending", "test")
    assert done.exit_code == 0, done.output
    assert database.scalar("SELECT who FROM audit ORDER BY id DESC LIMIT 1") == "cli:54321"
