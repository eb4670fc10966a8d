"""`cooee segment …`: the commands, flags and JSON others script against, on both databases."""

import json

import pytest

from core.db.models import Campaign, Segment
from tests.segment_people import add, crowd, means, world

NOW_MS = 1_795_000_000_000
RULE = {"all": [
    {"segmenter": "attribute", "field": "age", "op": "gte", "value": 18},
    {"not": {"segmenter": "label", "label": "vip"}},
]}  # fmt: skip


@pytest.fixture
def people(rt, monkeypatch):
    from core import clock

    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)
    world()
    return [(add(rt, person, i), person) for i, person in enumerate(crowd(30, NOW_MS), 1)]


def read(result):
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_add_count_and_sample(cli, people, tmp_path):
    file = tmp_path / "rule.json"
    file.write_text(json.dumps(RULE), "utf-8")
    expected = sum(means(RULE, person, NOW_MS) for _id, person in people)
    assert read(cli("segment", "add", "Grown-ups", "--rule", file, "--json"))["count"] == expected
    counted = read(cli("segment", "count", "Grown-ups", "--json"))
    assert set(counted) == {"count", "seconds"}
    assert counted["count"] == expected
    assert 0 <= counted["seconds"] < 5
    sampled = read(cli("segment", "sample", "Grown-ups", "--n", "3", "--json"))
    assert len(sampled) == min(3, expected)
    assert all("****" in person["phone"] for person in sampled)


def test_a_rule_from_standard_input(cli, people):
    assert read(cli("segment", "add", "Everyone", "--rule", "-", "--json", input='{"all":[]}'))["count"] == 30
    assert cli("segment", "count", "Everyone").stdout.startswith("30 people")


def test_explain_says_in_or_not_and_why(cli, people):
    cli("segment", "add", "Grown-ups", "--rule", "-", input=json.dumps(RULE))
    for number, (_id, person) in enumerate(people[:8], 1):
        told = read(cli("segment", "explain", "Grown-ups", f"+8613800{number:06d}", "--json"))
        assert told["in"] == means(RULE, person, NOW_MS)
        assert told["rule"]["kind"] == "all"
        assert [line["matches"] for line in told["rule"]["of"]].count(False) == (not told["in"]) or told[
            "because"
        ]
        assert told["because"]
    assert "Age is at least 18" in cli("segment", "explain", "Grown-ups", "138 0000 0001").stdout


def test_list_and_show(cli, people):
    assert read(cli("segment", "list", "--json")) == []
    cli("segment", "add", "Grown-ups", "--rule", "-", input=json.dumps(RULE))
    row = read(cli("segment", "list", "--json"))[0]
    assert row["name"] == "Grown-ups"
    assert row["words"] == "Age is at least 18, but not Label “vip”"
    shown = read(cli("segment", "show", "Grown-ups", "--json"))
    assert shown["rule"] == RULE
    assert shown["used_by"] == []


def test_rename_duplicate_delete(cli, people):
    cli("segment", "add", "A", "--rule", "-", input='{"all":[]}')
    assert read(cli("segment", "rename", "A", "B", "--json")) == {"name": "B"}
    assert read(cli("segment", "duplicate", "B", "--json")) == {"name": "B (2)"}
    assert read(cli("segment", "delete", "B (2)", "--yes", "--json")) == {"deleted": "B (2)"}
    Campaign.insert(
        {
            Campaign.name: "Spring",
            Campaign.cls: 2,
            Campaign.segment_id: Segment.get().id,
            Campaign.created_at: 1,
        }
    ).execute()
    refused = cli("segment", "delete", "B", "--yes")
    assert refused.exit_code == 1
    assert "“Spring”" in refused.stderr
    assert Segment.select().count() == 1


def test_add_again_is_refused_unless_replacing(cli, people):
    cli("segment", "add", "A", "--rule", "-", input='{"all":[]}')
    again = cli("segment", "add", "A", "--rule", "-", input='{"any":[]}')
    assert again.exit_code == 1
    assert "already" in again.stderr
    assert (
        read(cli("segment", "add", "A", "--rule", "-", "--replace", "--json", input='{"any":[]}'))["count"]
        == 0
    )
    assert Segment.select().count() == 1


@pytest.mark.parametrize(
    ("args", "given", "says"),
    [
        (("add", "A", "--rule", "-"), "{", "not valid JSON"),
        (("add", "A", "--rule", "-"), '{"segmenter":"labels"}', "Did you mean 'label'"),
        (("add", "A", "--rule", "-"), '{"segmenter":"attribute","op":"eq"}', "still to be chosen, such as '"),
        (("add", "", "--rule", "-"), '{"all":[]}', "name"),
        (("count", "nowhere"), None, "no segment 'nowhere'"),
        (("explain", "nowhere", "+8613800000001"), None, "no segment 'nowhere'"),
        (("show", "nowhere"), None, "no segment 'nowhere'"),
        (("delete", "nowhere", "--yes"), None, "no segment 'nowhere'"),
    ],
)
def test_refusals_are_one_sentence_on_standard_error(cli_sqlite, args, given, says):
    result = cli_sqlite("segment", *args, input=given)
    assert result.exit_code == 1
    assert says in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_unknown_and_invalid_numbers_are_refused(cli_sqlite):
    cli_sqlite("segment", "add", "A", "--rule", "-", input='{"all":[]}')
    for phone in ("12", "+8613912345678"):
        result = cli_sqlite("segment", "explain", "A", phone)
        assert result.exit_code == 1
        assert len(result.stderr.strip().splitlines()) == 1


def test_every_command_has_an_example(cli_sqlite):
    for name in ("add", "list", "show", "count", "sample", "explain", "rename", "duplicate", "delete"):
        result = cli_sqlite("segment", name, "--help")
        assert result.exit_code == 0
        assert f"cooee segment {name}" in result.stdout
