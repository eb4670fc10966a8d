"""One thing is one thing: "1 contact", never "1 contacts", on pages and in commands."""

from __future__ import annotations

import re

import pytest

from core import i18n
from core.audience import contacts, fields
from core.audience.labelling.kind import within
from core.cli.common import many
from core.sending import balances
from tests import campaign_kit as kit

#: "1 contacts", but not "0.1 parts" or "201 rows".
WRONG = re.compile(r"(?<![\d.,])1 (?!is\b|has\b|was\b|this\b|as\b|of\b|plus\b)[a-z]+s\b")


def test_a_number_has_its_noun():
    assert [many(n, "contact") for n in (0, 1, 2_000)] == ["0 contacts", "1 contact", "2,000 contacts"]
    assert [many(n, "person", "people") for n in (1, 2)] == ["1 person", "2 people"]


@pytest.mark.parametrize(("lang", "said"), [("en", [" in the last day", " in the last 2 days"]),
                                            ("zh_Hans", ["最近 1 天", "最近 2 天"])])  # fmt: skip
def test_one_day_is_the_last_day(lang, said):
    with i18n.use(lang):
        assert all(words in within(n) for n, words in enumerate(said, 1))


def test_one_part_is_left():
    left = balances.Left(amount=1, units=True, currency="", days=None, low=True, at=0, burn=None)
    assert balances.sentence(left) == "1 part left."


def test_commands_about_one_say_one(cli_sqlite, rt_sqlite, tmp_path):
    file = tmp_path / "one.csv"
    file.write_text("phone,type,at\n+8613800138000,purchase,2026-05-01\n")
    people = tmp_path / "people.csv"
    people.write_text("phone,name,birthday\n+8613800138000,Ann,1850-01-01\n")
    kit.segment("Everyone")
    said = [
        cli_sqlite(*words.split())
        for words in (
            f"contact import {people}", f"event import {file}", f"suppress import {file}", "segment count Everyone",
            "label set vip --phone +8613800138000", "label unset vip --phone +8613800138000", "contact undo 1",
        )
    ]  # fmt: skip
    assert [answer.exit_code for answer in said] == [0] * len(said), [answer.output for answer in said]
    shown = "\n".join(answer.output for answer in said)
    assert WRONG.findall(shown) == [], shown
    assert "1 row:" in shown


def test_pages_about_one_say_one(client, rt_sqlite, tmp_path):
    one = contacts.create(rt_sqlite, "+8613800138000")
    campaign = kit.campaign(rt_sqlite)
    pages = [
        f"/contacts/{one}",
        f"/campaigns/{campaign}",
        "/providers/calls",
        "/quality",
        "/contacts/fields",
        "/",
    ]
    fields.add("Hat", "choice", who="test")
    contacts.edit(rt_sqlite, one, {"Hat": "red"})
    for path in pages:
        page = re.sub(r"<[^>]+>", "", client.get(path, follow_redirects=True).get_data(as_text=True))
        assert WRONG.findall(page) == [], path
