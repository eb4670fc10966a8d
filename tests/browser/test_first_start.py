"""The first minute: from the set-up link to the steps of the first campaign."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.house import House, go
from tests.servers import cooee_up

WORDS = "a tidy workshop by the sea"


def test_the_setup_link_makes_an_administrator_who_sees_what_to_do_first(window, tmp_path):
    house = House(tmp_path / "instance")
    house("init")
    with cooee_up(house.env) as base:
        link = re.search(r"https?://\S+(/setup/\S+)", house("init")).group(1)  # the newest one counts
        page = window(base)
        page.goto(link)
        page.get_by_label("E-mail").fill("mei@shop.example")
        page.get_by_label("Your name").fill("梅")
        page.get_by_label("New password").fill(WORDS)
        page.get_by_label("Once more").fill(WORDS)
        page.get_by_role("button", name="Make the account").click()
        expect(page.locator("#flash")).to_contain_text("You are the admin of this server")
        steps = page.locator("ol.steps a")
        expect(steps).to_have_text(
            ["Connect a provider", "Import your contacts", "Choose who should hear from you", "Write a text",
             "Launch a campaign"]
        )  # fmt: skip
        for i in range(5):
            assert page.request.get(steps.nth(i).get_attribute("href")).ok

        steps.first.click()
        page.get_by_role("link", name="Add an account").first.click()
        page.get_by_role("link", name=re.compile("^Simulator")).click()
        page.get_by_role("button", name="Add the account").click()
        go(page, "Overview")
        expect(page.locator("ol.steps .done")).to_have_text(re.compile("Connect a provider"))

        assert page.request.get(link).status == 404, "a set-up link works once"
