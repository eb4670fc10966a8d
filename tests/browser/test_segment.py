"""Choosing whom to text: a rule grown line by line, with its numbers beside it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.house import go, take_in

FIRST, PEOPLE = 1000, 60


@pytest.fixture(scope="module", autouse=True)
def people(live, tmp_path_factory):
    """Sixty people with a label of their own, so that whoever else is there does not count."""
    take_in(live, tmp_path_factory.mktemp("people"), FIRST, PEOPLE, "--label", "sixty")


def add_line(page, place: str, words: str) -> None:
    group = page.locator(f".seg-add:has([value^='add:{place}:'])").last
    group.locator("summary", has_text="Add a line").click()
    group.get_by_role("button", name=words, exact=True).click()


def test_shanghai_with_consent_and_a_group_within(page, live):
    go(page, "Segments")
    page.get_by_role("link", name="New segment").first.click()
    total = page.locator("#figures .v")
    add_line(page, "0", "sixty")
    expect(total).to_have_text(f"{PEOPLE} people")
    add_line(page, "0", "City")
    page.locator("#p-0_1-value").select_option(label="上海")
    add_line(page, "0", "Marketing texts: given")
    wanted = [i for i in range(PEOPLE) if i % 3 == 0 and i % 5]
    expect(total).to_have_text(f"{len(wanted)} people")

    page.locator("#line-0_1 summary").click()
    page.locator("#line-0_1").get_by_role("button", name="Remove").click()
    page.get_by_role("button", name="Add a group").first.click()
    page.locator("#join-0_2").select_option("any")
    for i, city in enumerate(("上海", "北京")):
        add_line(page, "0_2", "City")
        page.locator(f"#p-0_2_{i}-value").select_option(label=city)
    wanted = [i for i in range(PEOPLE) if i % 3 < 2 and i % 5]
    expect(total).to_have_text(f"{len(wanted)} people")
    expect(page.locator("#kept-0_2 .num")).not_to_have_text("…")

    page.get_by_label("Name of the segment").fill("Shanghai or Beijing, agreed")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"/segments/\d+$"))
    assert live.json("segment", "count", "Shanghai or Beijing, agreed")["count"] == len(wanted)
    expect(total).to_have_text(f"{len(wanted)} people")

    who, answer = page.get_by_label("Phone number or number of a contact"), page.locator("#why")
    who.fill(f"1380001{FIRST + 3:04d}")
    page.get_by_role("button", name="Explain").click()
    expect(answer.get_by_text("is in", exact=True)).to_be_visible()
    who.fill(f"1380001{FIRST + 2:04d}")
    page.get_by_role("button", name="Explain").click()
    expect(answer.get_by_text("is not in", exact=True)).to_be_visible()
    expect(answer).to_contain_text("广州")
