"""The builder in a real browser: by keyboard alone, numbers that follow the typing, and no complaint of the
content policy.  And the same without JavaScript."""

import json
import re
import threading

import pytest

from core.db.models import Segment
from tests.chromium import CHROMIUM, in_chromium
from tests.people import PASSWORD
from tests.segment_people import add, crowd, means, world

NOW_MS = 1_795_000_000_000
pytestmark = in_chromium


@pytest.fixture
def people(app, rt_sqlite):
    world()
    return [(add(rt_sqlite, person, i), person) for i, person in enumerate(crowd(60, NOW_MS), 1)]


@pytest.fixture
def address(app, people):
    """The application behind a real socket."""
    from werkzeug.serving import make_server

    from core.security import users

    users.add("test", "anna@shop.example", "marketer", PASSWORD)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def tab(address, request):
    """A page signed in as a marketer; `request.param` is whether JavaScript runs."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_context(java_script_enabled=request.param, base_url=address).new_page()
        page.complaints = []
        page.on("console", lambda m: page.complaints.append(m.text) if "Content Security" in m.text else None)
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.goto("/login")
        page.fill("[name=email]", "anna@shop.example")
        page.fill("[name=password]", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/")
        yield page
        browser.close()


def total(people, rule):
    return sum(means(rule, person, NOW_MS) for _id, person in people)


@pytest.mark.parametrize("tab", [True], indirect=True)
def test_a_segment_is_built_by_keyboard(tab, people):
    from playwright.sync_api import expect

    tab.goto("/segments/new")
    expect(tab.locator("#figures .v")).to_contain_text("60")
    tab.locator("#tree summary", has_text="Add a line").focus()
    tab.keyboard.press("Enter")
    tab.get_by_role("button", name="Age", exact=True).focus()
    tab.keyboard.press("Enter")
    expect(tab.locator("#p-0_0-value")).to_be_focused()
    tab.keyboard.type("18")
    same = {"segmenter": "attribute", "field": "age", "op": "eq", "value": 18}
    expect(tab.locator("#figures .v")).to_contain_text(str(total(people, same)))
    expect(tab.locator("#words-0_0")).to_have_text("Age is 18")
    tab.select_option("#p-0_0-op", "gt")
    rule = same | {"op": "gt"}
    expect(tab.locator("#kept-0_0 .num")).to_have_text(str(total(people, rule)))
    expect(tab.locator("#p-0_0-value")).to_have_value("18")
    tab.locator("#p-0_0-value").focus()
    tab.keyboard.press("Enter")  # counts, saves nothing
    assert tab.url.endswith("/segments/new")
    tab.fill("#name", "Grown-ups")
    tab.get_by_role("button", name="Save", exact=True).focus()
    tab.keyboard.press("Enter")
    tab.wait_for_url(re.compile(r"/segments/\d+$"))
    row = Segment.get()
    assert (row.name, json.loads(row.rule)) == ("Grown-ups", {"all": [rule]})
    tab.fill("#who", "1")
    tab.get_by_role("button", name="Explain").click()
    expect(tab.locator("#why")).to_contain_text("Age is more than 18")
    assert tab.complaints == []


@pytest.mark.parametrize("tab", [False], indirect=True)
def test_the_same_without_javascript(tab, people):
    tab.goto("/segments/new")
    tab.locator("#tree summary", has_text="Add a line").click()
    tab.get_by_role("button", name="Age", exact=True).click()
    tab.fill("#p-0_0-value", "18")
    tab.get_by_role("button", name="Turn into “but not”").click()
    rule = {"not": {"segmenter": "attribute", "field": "age", "op": "eq", "value": 18}}
    assert str(total(people, rule)) in tab.inner_text("#figures .v")
    tab.fill("#name", "Not eighteen")
    tab.get_by_role("button", name="Save", exact=True).click()
    assert json.loads(Segment.get().rule) == {"all": [rule]}


@pytest.mark.parametrize("tab", [True], indirect=True)
def test_nothing_runs_over_the_edge_of_a_phone(tab, people):
    tab.set_viewport_size({"width": 390, "height": 844})
    for path in ("/segments", "/segments/new"):
        tab.goto(path)
        assert tab.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
