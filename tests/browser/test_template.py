"""Writing a text: length, cost and checks follow the typing, and a finding mends itself by one click."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.house import go


def test_the_editor_counts_and_checks_while_someone_types(page, live, tmp_path):
    abroad = tmp_path / "abroad.csv"
    abroad.write_text("phone,name\n+447400123456,Ann of Bath\n", "utf-8")
    live("contact", "import", abroad)
    go(page, "Templates")
    page.get_by_role("link", name="New template").first.click()
    page.get_by_label("Template name").fill("Sunday in English")
    page.get_by_label("Class").select_option("mass")
    words = page.locator("#text")
    words.fill("Kola: 20% off this Sunday.")
    meter, checks = page.locator("#meter"), page.locator("#findings")
    # Whoever this shop's customers are, Ann is not in China.
    page.get_by_label("Show it as somebody else").fill("Ann of Bath")
    page.locator("#people").get_by_role("button").first.click()
    expect(meter).to_contain_text("1 part")
    expect(meter).to_contain_text("26 of 160")
    expect(page.locator("#phone, .phone").first).to_contain_text("Kola: 20% off this Sunday.")

    words.press("End")
    words.press_sequentially(" Très chic – 40 neue Stücke für Sie, ganz nach Ihrem Geschmack 🎁")
    expect(meter).to_contain_text("UCS-2")
    expect(meter.locator(".char", has_text="🎁")).to_be_visible()
    expect(meter).to_contain_text("2 parts")

    way_out = checks.locator(".find", has=page.get_by_text(re.compile("way out|opt out", re.IGNORECASE)))
    expect(way_out.locator(".tag")).not_to_have_text("good")
    way_out.get_by_role("button").first.click()
    expect(words).to_have_value(re.compile("STOP"))
    expect(way_out.locator(".tag")).to_have_text("good")

    page.get_by_role("button", name="Save the template").first.click()
    page.wait_for_url(re.compile(r"/templates/\d+"))
    expect(page.get_by_role("heading", level=1)).to_have_text("Sunday in English")
    assert "Sunday in English" in [t["name"] for t in live.json("template", "list")]


def test_names_come_from_a_menu_and_a_typing_error_is_named(page):
    page.goto("/templates/new")
    page.locator("#text").fill("Kola: hello ")
    page.get_by_role("button", name="First name").click()
    expect(page.locator("#text")).to_have_value(re.compile(r"\{\{\s*first_name"))
    page.locator("#text").fill("Kola: hello {{frist_name}}. Reply STOP to opt out")
    expect(page.locator("#findings")).to_contain_text("frist_name")


def test_letters_typed_while_an_answer_is_on_its_way_are_all_kept(page):
    page.goto("/templates/new")
    words, meter, phone = page.locator("#text"), page.locator("#meter"), page.locator("#phone")
    words.fill("Kola: ")
    expect(meter).to_contain_text(re.compile(r"\b6 of (70|160)"))
    held, slow = [], [True]
    page.route("**/templates/check*", lambda route: held.append(route) if slow[0] else route.continue_())

    def answer() -> None:
        """Let the requests that wait go their way, the last first, and those to come at once."""
        slow[0] = False
        while held:
            held.pop().continue_()

    page.get_by_label("Class").select_option("notice")
    words.press("End")
    words.press_sequentially("your parcel is here")
    page.wait_for_timeout(500)
    words.press_sequentially(", Anna")
    answer()
    expect(meter).to_contain_text(re.compile(r"\b31 of (70|160)"))
    expect(words).to_have_value("Kola: your parcel is here, Anna")
    expect(page.locator("#cls-help")).to_contain_text("parcel")
    expect(phone).to_contain_text("your parcel is here, Anna")

    slow[0] = True
    page.locator("summary", has_text="Language").click()
    page.locator("#langs").get_by_role("button", name="German").first.click()
    words.press_sequentially(" Smith")
    page.wait_for_timeout(500)
    answer()
    expect(page.locator("#langs").get_by_role("button", name="German").first).to_have_attribute(
        "aria-pressed", "true"
    )
    expect(words).to_have_value("")
    words.fill("Kola: Ihr Paket ist da")
    expect(meter).to_contain_text(re.compile(r"\b22 of (70|160)"))

    slow[0] = True
    page.locator("#langs .seg").get_by_role("button", name="English").click()
    words.press_sequentially(", Anna")
    page.wait_for_timeout(500)
    answer()
    expect(words).to_have_value("Kola: your parcel is here, Anna Smith")
    expect(meter).to_contain_text(re.compile(r"\b37 of (70|160)"))
    page.locator("#langs").get_by_role("button", name="German").first.click()
    expect(words).to_have_value("Kola: Ihr Paket ist da, Anna")
    expect(phone).to_contain_text("Kola: Ihr Paket ist da, Anna")
