"""`cooee dossier`, and that a backup holds the files."""

from __future__ import annotations

import json

from core import backup
from core.sending.dossiers import files, standing
from tests import dossier_kit as kit


def told(result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_papers_are_added_judged_and_listed(cli, rt, tmp_path):
    kit.account(rt, "Hangzhou")
    paper = tmp_path / "licence.pdf"
    paper.write_bytes(kit.PDF)
    made = told(
        cli("dossier", "add", "Hangzhou", "CN/licence", "--file", paper, "--number", "9133", "--expires", "2090-05-01",
            "--country", "CN", "--company", "Vendor Ltd", "--json")
    )  # fmt: skip
    assert (made["company"], made["in_force"], made["next_expiry"]) == ("Vendor Ltd", 1, "2090-05-01")
    refused = cli("dossier", "verdict", "Hangzhou", "passed")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("cooee: It cannot pass") and refused.stderr.count("\n") == 1
    judged = told(
        cli(
            "dossier",
            "verdict",
            "Hangzhou",
            "conditions",
            "--until",
            "2090-01-01",
            "--note",
            "rest by spring",
            "--json",
        )
    )
    assert judged["verdict"] == "conditions"
    (row,) = told(cli("dossier", "list", "--json"))
    assert row == judged
    shown = told(cli("dossier", "show", "Hangzhou", "--json"))
    assert shown["judgement"]["note"] == "rest by spring"
    licence = next(one for one in shown["papers"] if one["paper"] == "CN/licence")
    assert (licence["number"], licence["files"][0]["name"]) == ("9133", "licence.pdf")
    assert "CN/licence" in cli("dossier", "show", "Hangzhou").stdout
    assert "Vendor Ltd" in cli("dossier", "list").stdout


def test_bad_input_is_one_sentence(cli, rt, tmp_path):
    kit.account(rt, "Hangzhou")
    empty = tmp_path / "empty.pdf"
    empty.write_bytes(b"")
    for args in (
        ("add", "Hangzhou", "CN/licence", "--file", empty),
        ("add", "Hangzhou", "CN/nothing", "--number", "1", "--country", "CN"),
        ("add", "Hangzhou", "--number", "1"),
        ("show", "Nobody"),
        ("show", "Hangzhou2"),
    ):
        result = cli("dossier", *args)
        assert result.exit_code == 1, args
        assert result.stderr.startswith("cooee: ") and result.stderr.count("\n") == 1, result.stderr


def test_a_backup_holds_the_files_and_a_restore_brings_them_back(rt, tmp_path):
    made = kit.begin(rt)
    file_id = kit.put(rt, made, "CN/licence")
    backup.backup(rt, tmp_path / "b.tar")
    assert b"%PDF" not in (tmp_path / "b.tar").read_bytes(), "encrypted there, too"
    kit.put(rt, made, "CN/vats")
    backup.restore(rt, tmp_path / "b.tar")
    assert files.read(rt, file_id)[2].startswith(b"%PDF")
    assert standing.get(made).paper("CN/vats").state == "missing"
