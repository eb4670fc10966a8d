"""Duplicates and merging from the command line."""

from __future__ import annotations

import json

from core.audience import contacts


def twins(rt):
    made = [contacts.create(rt, f"+861380013800{n}", name="王芳") for n in range(2)]
    for one in made:
        contacts.edit(rt, one, {"email": "fang@example.com"})
    return made


def test_check_show_and_list_duplicates(cli, rt):
    one, two = twins(rt)
    assert "Nothing was checked yet" in cli("quality", "show").output
    assert json.loads(cli("quality", "check", "--json").output)["same_email"] == 1
    [group] = json.loads(cli("quality", "duplicates", "--json").output)
    assert (group["kind"], group["sure"]) == ("same_email", True)
    assert [person["id"] for person in group["contacts"]] == [one, two]
    assert "+86138****8000" in cli("quality", "duplicates").output
    shown = json.loads(cli("quality", "show", "--json").output)
    assert shown["figures"]["people"][""] == 2 and shown["sources"][0]["source"] == "person"
    assert "same_email: 1" in cli("quality", "show").output


def test_merge_and_take_back(cli, rt):
    one, two = twins(rt)
    done = json.loads(cli("contact", "merge", "+8613800138000", "+8613800138001", "--json").output)
    assert (done["kept"], done["gone"]) == (one, two)
    assert json.loads(cli("contact", "unmerge", done["merge"], "--json").output)["contact"] == two
    again = cli("contact", "unmerge", done["merge"])
    assert again.exit_code == 1 and "no merge" in again.stderr


def test_sure_ones_are_merged_in_one_go(cli, rt):
    twins(rt)
    cli("quality", "check")
    assert json.loads(cli("quality", "duplicates", "--merge", "--json").output) == {"merged": 1, "left": 0}
    assert "No duplicates" in cli("quality", "duplicates").output
