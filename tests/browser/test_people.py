"""People: invited by a link, given a role, signing in with a second step, in their language and colours."""

from __future__ import annotations

import re

from passlib.totp import TOTP
from playwright.sync_api import expect

from tests.browser.house import go, opened
from tests.people import PASSWORD
from tests.servers import wait_for

WU = "wu@shop.example"


def test_somebody_is_invited_and_signs_in_with_a_second_step(page, window, live, complaints):
    go(page, "Settings")
    page.get_by_role("link", name=re.compile("^People")).click()
    page.get_by_label("E-mail").fill(WU)
    page.get_by_label("Full name").fill("吴敏")
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Add and show the link").click()
    link = page.get_by_label("One-time link").input_value()

    hers = window(live.base)
    hers.goto(link)
    hers.get_by_label("New password").fill(PASSWORD)
    hers.get_by_label("Once more").fill(PASSWORD)
    hers.get_by_role("button").filter(has_text=re.compile("password", re.IGNORECASE)).first.click()
    opened(hers, WU)
    go(hers, "Campaigns")
    expect(hers.get_by_role("link", name="New campaign")).to_have_count(0)
    assert hers.goto("/settings/rules").status == 403
    complaints.forgive("403")

    page.goto("/people")
    with page.expect_navigation():
        page.get_by_label(f"Role of {WU}").select_option("marketer")
    expect(page.locator("#flash")).to_contain_text("must sign in again")
    hers.goto("/campaigns")
    expect(hers).to_have_url(re.compile("/login"))
    opened(hers, WU)
    go(hers, "Campaigns")
    expect(hers.get_by_role("link", name="New campaign").first).to_be_visible()

    hers.locator(".me").click()
    hers.locator(".need", has_text="Second step").get_by_role("link").click()
    hers.get_by_role("button", name="Set it up").click()
    codes = TOTP(key=hers.locator("main code").inner_text())
    hers.get_by_label("Code").fill(codes.generate().token)
    hers.get_by_role("button", name="Switch it on").click()
    hers.wait_for_load_state()
    hers.get_by_role("button", name="Sign out").click()

    hers.get_by_label("E-mail").fill(WU)
    hers.get_by_label("Password").fill(PASSWORD)
    hers.get_by_role("button", name="Sign in").click()
    expect(hers.get_by_role("heading", name="One more step")).to_be_visible()
    hers.get_by_label("Code").fill("000000")
    hers.get_by_role("button", name="Sign in").click()
    expect(hers.locator(".invalid-feedback")).to_be_visible()
    complaints.forgive("40[01]|422")
    hers.get_by_label("Code").fill(codes.generate(time=codes.now() + 30).token)  # each code works once
    hers.get_by_role("button", name="Sign in").click()
    hers.wait_for_url("**/")
    expect(hers.locator(".me")).to_contain_text("吴敏")


def test_language_and_colours_follow_the_person(live, come_in, window):
    live("user", "add", "lin@shop.example", "--role", "marketer", "--password-stdin", stdin=PASSWORD)
    page = come_in(live, "lin@shop.example")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    go(page, "联系人")
    expect(page.get_by_role("heading", level=1)).to_have_text("联系人")
    page.get_by_role("button", name="深色").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"

    elsewhere = window(live.base)  # an English, light browser
    opened(elsewhere, "lin@shop.example")
    expect(elsewhere.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(elsewhere.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_keyboard_alone_reaches_a_campaign(window, demo):
    page = window(demo.base)
    page.goto("/login")
    expect(page.locator("#email")).to_be_focused()
    page.keyboard.type("admin@shop.example")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/")

    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    _tab_to(page, "#menu a[href='/campaigns']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/campaigns")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # over the menu, straight to the content
    _tab_to(page, "#list tbody a")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    page.locator("main").focus()
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/contacts")


def _tab_to(page, selector: str) -> None:
    """Tab until something that fits has the focus; whatever has it on the way must show it."""

    def there() -> bool:
        page.keyboard.press("Tab")
        shows = page.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            " return style.outlineStyle !== 'none' || style.boxShadow !== 'none'; })()"
        )
        assert shows, page.evaluate("document.activeElement.outerHTML")
        return page.evaluate("selector => document.activeElement.matches(selector)", selector)

    wait_for(there, 30, every=0)
