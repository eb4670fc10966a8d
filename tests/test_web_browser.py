"""The look in a real browser: every page of an empty instance, on a phone, dark and in Chinese.

No page may make the content policy complain, raise an error, run over the edge of a phone, or fail the
accessibility rules of axe.  Then keys, dialogs, no JavaScript, themes, sessions that end.
"""

from __future__ import annotations

import json
import re
import threading

import pytest

from core.security import users
from core.sending import lifecycle
from tests import campaign_kit as kit
from tests.axe import Looker
from tests.chromium import CHROMIUM, in_chromium
from tests.people import PASSWORD
from tests.url_kit import routes

pytestmark = in_chromium


@pytest.fixture
def address(app):
    """The application behind a real socket."""
    from werkzeug.serving import make_server

    users.add("test", "admin@shop.example", "admin", PASSWORD, "李娜")
    users.add("test", "li@shop.example", "marketer", PASSWORD, "Li <b>Na</b>")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium, address):
    """`tab(width=390, dark=True, zh=True)` → a page signed in as an administrator, noting complaints."""

    contexts = []

    def make(width: int = 1280, dark: bool = False, zh: bool = False, js: bool = True):
        context = chromium.new_context(
            viewport={"width": width, "height": 820},
            color_scheme="dark" if dark else "light",
            locale="zh-CN" if zh else "en-GB",
            java_script_enabled=js,
            base_url=address,
        )
        page = context.new_page()
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if "Content Security" in m.text else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        contexts.append(context)
        page.goto("/login")
        page.fill("#email", "admin@shop.example")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        return page

    yield make
    for context in contexts:
        context.close()


def pages(app) -> list[str]:
    """Addresses of all pages that need no id."""
    skip = re.compile(r"/(health|metrics|vendor|static|fs-static|hooks)|\.csv$")
    return sorted({url for _e, method, url in routes(app) if method == "GET" and not skip.search(url)})


def test_every_page_of_an_empty_instance_is_sound(app, tab):
    """Pages full of data are looked at in tests/browser/test_crawl.py."""
    page, wrong = tab(390, True, True), []
    looker = Looker(page, runOnly=["wcag2a", "wcag2aa"])
    for url in pages(app):
        answer = page.goto(url)
        if answer is None or "text/html" not in answer.headers.get("content-type", ""):
            continue
        if page.locator("main").count() == 0:
            continue  # a fragment
        if page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"):
            wrong.append((url, "runs over the edge"))
        wrong += [(url, v["id"], v["nodes"][0]["html"][:120]) for v in looker.look()]
        wrong += [(url, text) for text in page.complaints]
        page.complaints.clear()
    assert not wrong, "\n".join(map(str, wrong))


def test_keys_search_and_go(tab):
    page = tab()
    page.goto("/settings/audit")
    page.keyboard.press("/")
    page.keyboard.type("li@shop")
    page.wait_for_url("**/settings/audit?who=li%40shop")
    assert page.locator("#audit tbody tr").count() == 1
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("o")
    page.wait_for_url(re.compile(r"/$"))


def test_a_dialog_opens_by_keyboard_and_acts(tab):
    page = tab()
    page.goto("/people")
    row = page.locator("tr", has_text="li@shop.example")
    row.get_by_role("button", name="Actions for li@shop.example").press("Enter")
    page.get_by_role("button", name="Disable", exact=True).first.press("Enter")
    dialog = page.get_by_role("dialog", name="Disable li@shop.example?")
    assert dialog.is_visible()
    page.keyboard.press("Escape")  # the dialog
    page.keyboard.press("Escape")  # the menu below it
    assert not dialog.is_visible() and users.find("li@shop.example").active
    row.get_by_role("button", name="Actions for li@shop.example").press("Enter")
    page.get_by_role("button", name="Disable", exact=True).first.press("Enter")
    dialog.get_by_role("button", name="Disable").press("Enter")
    page.wait_for_load_state()
    assert "signed out" in page.locator("#flash").inner_text()
    assert not users.find("li@shop.example").active


def test_the_same_works_without_javascript(tab):
    page = tab(js=False)
    page.goto("/people")
    page.get_by_role("button", name="Actions for li@shop.example").click()
    page.get_by_role("button", name="Disable", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    assert not users.find("li@shop.example").active
    page.get_by_role("button", name="中文").click()
    assert page.locator("h1").inner_text() == "人员"
    page.get_by_role("button", name="深色").click()
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"


def test_the_drawer_of_a_phone(tab):
    page = tab(390)
    assert not page.locator("#menu").is_visible()
    page.get_by_role("button", name="Menu").click()
    page.locator("#menu").get_by_role("link", name="Settings").click()
    page.wait_for_url("**/settings")
    assert not page.locator("#menu").is_visible()


def test_pages_are_not_kept_on_disk_by_htmx(tab):
    page = tab()
    page.goto("/settings/audit")
    page.get_by_placeholder("Person or object").fill("li@shop")
    page.wait_for_url("**who=**")
    assert page.evaluate("JSON.stringify(localStorage)") == "{}"
    assert (
        json.loads(page.locator("meta[name=htmx-config]").get_attribute("content"))["historyCacheSize"] == 0
    )


def test_the_system_theme_is_followed(tab):
    page = tab(dark=True)
    assert page.locator("html").get_attribute("data-bs-theme") == "dark"
    page.emulate_media(color_scheme="light")
    page.wait_for_selector("html[data-bs-theme=light]")


def test_a_session_that_ended_leads_to_the_sign_in_page_also_by_htmx(tab):
    page = tab()
    page.goto("/settings/audit")
    page.context.clear_cookies()
    page.get_by_placeholder("Person or object").fill("x")
    page.wait_for_url("**/login**")


def test_a_server_that_does_not_answer_is_said(tab):
    page = tab()
    page.goto("/settings/audit")
    page.route("**/settings/audit?**", lambda route: route.abort())
    page.get_by_placeholder("Person or object").fill("x")
    page.get_by_text("The server does not answer").wait_for(state="visible")


def anew(page) -> None:
    """Ask for the part of a campaign's page that moves, as it does by itself every few seconds."""
    with page.expect_response(lambda answer: "/campaigns/" in answer.url):
        page.evaluate(
            "htmx.ajax('GET', location.pathname, {source: '#live', target: '#live', swap: 'outerHTML'})"
        )
    page.locator(".htmx-request, .htmx-swapping, .htmx-settling").wait_for(state="detached")


def test_a_campaign_at_work_shows_new_doubts_and_leaves_what_is_being_typed(tab, rt_sqlite):
    kit.crowd(rt_sqlite, 6)
    campaign = kit.campaign(rt_sqlite, budget_micros=5_000_000)
    kit.launched(rt_sqlite, campaign)
    lifecycle.pause(rt_sqlite, campaign, "Lunch")
    page = tab()
    page.goto(f"/campaigns/{campaign}")
    page.fill("#budget", "7")
    kit.in_doubt(campaign, 2)
    anew(page)
    assert page.input_value("#budget") == "7" and not page.get_by_text("They were sent").count()
    page.locator("h1").click()
    anew(page)
    assert page.input_value("#budget") == "7", "typed, though somebody looks elsewhere by now"
    page.fill("#budget", "5")
    page.locator("h1").click()
    anew(page)
    page.get_by_text("They were sent").wait_for()
    page.get_by_role("button", name="Send them again").first.click()
    kit.in_doubt(campaign, 1)
    anew(page)
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    anew(page)
    assert page.locator(".doubt strong").inner_text() == "3"
    assert not page.complaints


@pytest.mark.parametrize("width", [1280, 390])
def test_a_wrong_number_to_try_an_account_is_said_in_sight(tab, rt_sqlite, width):
    from playwright.sync_api import expect

    account = kit.account(rt_sqlite, "gw")
    page = tab(width)
    page.goto(f"/providers/{account}")
    page.fill("#test-to", "12")
    page.get_by_role("button", name="Send it").click()
    page.wait_for_url("**/test")
    page.locator("#test-to:focus").wait_for()
    expect(page.locator("#test-error")).to_be_in_viewport(ratio=1)
    page.goto(page.url)
    assert page.url.endswith(f"/providers/{account}")
