"""A second pair of eyes: who made a campaign asks, somebody else approves exactly that."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.house import go, take_in
from tests.people import PASSWORD
from tests.shop import TEXT

FIRST, PEOPLE = 3000, 20
ANNA, BEN = "anna@shop.example", "ben@shop.example"
RULE = {"all": [{"segmenter": "label", "label": "approved"}]}


@pytest.fixture
def house(live, page, tmp_path):
    """Above ten people somebody else must approve; Anna writes campaigns, Ben approves them."""
    take_in(live, tmp_path, FIRST, PEOPLE, "--label", "approved")
    live("segment", "add", "Approved people", "--rule", "-", stdin=json.dumps(RULE))
    live("template", "add", "Four eyes", "--class", "mass", "--lang", "zh", "--text-file", "-", stdin=TEXT)
    live("account", "add", "Four eyes", "--provider", "simulator")
    for email, role in ((ANNA, "marketer"), (BEN, "approver")):
        live("user", "add", email, "--role", role, "--password-stdin", stdin=PASSWORD)
    limit = "Second pair of eyes above this many people"
    page.goto("/settings/rules")
    before = page.get_by_label(limit).input_value()
    for value in ("10", before):
        page.goto("/settings/rules")
        page.get_by_label(limit).fill(value)
        page.get_by_role("button", name="Save").first.click()
        expect(page.locator("#flash")).to_contain_text("Saved")
        if value != before:
            yield live


def test_a_marketer_asks_and_an_approver_approves(house, come_in):
    anna, ben = come_in(house, ANNA), come_in(house, BEN, wide=390)
    go(anna, "Campaigns")
    anna.get_by_role("link", name="New campaign").first.click()
    anna.get_by_label("Campaign name").fill("Seen by two")
    anna.get_by_label("Segment", exact=True).select_option(label="Approved people")
    anna.get_by_role("button", name="Save and continue").click()
    anna.get_by_role("checkbox", name="Four eyes", exact=True).check()
    anna.get_by_label("Through").select_option(label="Four eyes · simulator")
    anna.get_by_role("button", name="Save and continue").click()
    anna.get_by_role("link", name=re.compile("Confirm")).click()

    expect(anna.get_by_text("above 10 a second person must approve")).to_be_visible()
    expect(anna.get_by_role("button", name=re.compile("^Text "))).to_have_count(0)
    anna.get_by_role("button", name="Ask for approval").click()
    expect(anna.get_by_text("someone else must approve it")).to_be_visible()
    expect(anna.get_by_role("button", name="Approve")).to_have_count(0)

    ben.goto("/")
    ben.locator(".need", has_text="Seen by two").get_by_role("link", name="Review").click()
    ben.get_by_role("button", name="Approve").click()
    expect(ben.get_by_text(f"Approved by {BEN}")).to_be_visible()

    anna.reload()
    anna.get_by_role("button", name=re.compile("^Text 16 people now")).click()
    anna.wait_for_url(re.compile(r"/campaigns/\d+$"))
    expect(anna.locator(".log")).to_contain_text(BEN)
    number = anna.url.rsplit("/", 1)[1]
    assert house.json("campaign", "show", number)["state"] in ("expanding", "running", "done")
