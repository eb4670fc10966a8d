"""Options that take pairs: what is no pair is refused in one sentence that shows the shape."""

from __future__ import annotations

import pytest

from tests import campaign_kit as kit


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("account", "add", "gw", "--provider", "simulator", "--set", "seed"), "'seed' is not KEY=VALUE"),
        (("account", "errors", "main", "--set", "=content"), "'=content' is not CODE=KIND"),
        (("class", "set", "mass", "consent"), "'consent' is not KEY=VALUE"),
        (("invoice", "import", "main", "bill.csv", "--column", "id"), "'id' is not ROLE=HEAD"),
    ],
)
def test_what_is_no_pair_is_refused(rt_sqlite, cli_sqlite, tmp_path, monkeypatch, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bill.csv").write_text("id,price\n1,2\n")
    kit.account(rt_sqlite, "main")
    answer = cli_sqlite(*words)
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert said in answer.stderr
