"""Connecting a gateway by its settings, and trying it with one text."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.house import go
from tests.shop import BODY, PATHS, listening

LABELS = {
    "id_path": "Path of the message id",
    "status_path": "Path of the status",
    "ref_path": "Path of our reference in a receipt",
    "code_path": "Path of the error code in a receipt",
}


def test_a_gateway_is_connected_and_a_text_arrives(page, complaints):
    with listening() as sink:
        go(page, "Providers")
        page.get_by_role("link", name="Add an account").first.click()
        page.get_by_role("searchbox", name="Find a provider").fill("described by settings")
        expect(page.locator(".pick-one")).to_have_count(1)
        page.get_by_role("link", name=re.compile("HTTP gateway")).click()
        page.get_by_label("Account name").fill("Tried by hand")
        page.get_by_label("URL", exact=True).fill("gateway.example/send")
        page.get_by_role("button", name="Add the account").click()
        expect(page.get_by_label("URL", exact=True)).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".invalid-feedback").first).to_contain_text("is no URL")
        complaints.forgive("422")

        page.get_by_label("URL", exact=True).fill(sink.url)
        page.get_by_label("Body").fill(BODY)
        for key, label in LABELS.items():
            page.get_by_label(label).fill(PATHS[key])
        page.get_by_role("button", name="Add the account").click()
        expect(page.locator("#flash")).to_contain_text("Tried by hand is ready")

        page.get_by_label("To", exact=True).fill("+8613800138000")
        page.get_by_label("Text", exact=True).fill("Hello from the workshop")
        page.get_by_role("button", name="Send it").click()
        expect(page.locator("#sent .notice.good")).to_contain_text("+86138****8000")
        assert sink.texts == {"+8613800138000": ["Hello from the workshop"]}


def test_a_number_that_is_none_is_said_beside_the_form(page, live, complaints):
    live("account", "add", "Idle", "--provider", "simulator")
    go(page, "Providers")
    page.get_by_role("link", name="Idle").click()
    page.get_by_label("To", exact=True).fill("12345")
    page.get_by_role("button", name="Send it").click()
    expect(page.locator("#test .notice.bad")).to_contain_text("12345")
    complaints.forgive("422")
