"""A marketer makes a rule in a real browser: the count follows the typing, the label is there afterwards."""

from __future__ import annotations

import os

import pytest

from core import instance as instances
from core.app import compose
from core.audience import contacts, events
from core.clock import DAY_MS, now_ms
from core.db import database
from core.security import users
from tests.chromium import CHROMIUM, in_chromium
from tests.people import PASSWORD
from tests.servers import cooee_up, wait_for

pytestmark = in_chromium
FLAGS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
COUNT = "SELECT COUNT(*) FROM contact_label x JOIN label l ON l.id = x.label_id WHERE l.name = 'Buyer'"


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A shop with five buyers, one of whom bought three times; its address."""
    monkeypatch.setenv("COOEE_INSTANCE", str(tmp_path / "instance"))
    instances.create(tmp_path / "instance")
    rt = compose()
    users.add("test", "anna@shop.example", "marketer", PASSWORD)
    ids = [contacts.create(rt, f"+86138001380{n:02}", name=f"Buyer {n}") for n in range(8)]
    events.record(
        rt,
        [
            events.NewEvent(
                "purchase", now_ms() - n * DAY_MS, contact_id=who, amount_micros=10**7, currency="CNY", key=str(n)
            )
            for who in ids[:5]
            for n in range(1, 4 if who == ids[0] else 2)
        ],
    )  # fmt: skip
    with cooee_up(dict(os.environ)) as base:
        yield base


def test_a_rule_is_made_in_the_browser(shop):
    from playwright.sync_api import expect, sync_playwright

    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        page = browser.new_page(base_url=shop, locale="en-GB")
        page.set_default_timeout(20_000)
        expect.set_options(timeout=20_000)
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.goto("/login?next=/contacts/labels")
        page.get_by_label("E-mail").fill("anna@shop.example")
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.get_by_role("link", name="New rule").click()
        page.get_by_role("link", name="Count or sum").click()
        page.get_by_label("Label").fill("Buyer")
        page.get_by_label("Amount").fill("1")
        page.get_by_label("Amount").press("Tab")
        expect(page.locator("#figures")).to_contain_text("5 get it")
        page.get_by_label("Amount").fill("3")
        page.get_by_label("Amount").press("Tab")
        expect(page.locator("#figures")).to_contain_text("1 get it")
        expect(page.locator("#figures")).to_contain_text("3 events")
        page.get_by_role("button", name="Save the rule").click()
        expect(page.get_by_text("The rule is saved.")).to_be_visible()
        wait_for(lambda: database.scalar(COUNT) == 1)
        page.goto("/contacts/labels")
        page.get_by_role("link", name="Buyer", exact=True).first.click()
        expect(page.get_by_text("people with at least 3 × purchase")).to_be_visible()
        browser.close()
    assert complaints == []
