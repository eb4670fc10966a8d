"""A segment from the first key to its cross-tab: by keyboard alone, every count right."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.house import take_in

FIRST, PEOPLE = 3000, 60
CITIES = ("上海", "北京", "广州")
IN_TOWN = [sum(1 for i in range(PEOPLE) if i % 3 == city) for city in range(3)]


@pytest.fixture(scope="module", autouse=True)
def people(live, tmp_path_factory):
    """Sixty people with a label of their own: every third from 上海, 北京, 广州."""
    take_in(live, tmp_path_factory.mktemp("journey"), FIRST, PEOPLE, "--label", "journey")


FOCUSED = """() => {
  const at = document.activeElement;
  return [at.getAttribute("aria-label") || at.textContent || "", at.id || "", at.value || ""];
}"""


def tab_to(page, wanted: str) -> None:
    """Press Tab until what is focused has these words (a pattern) or this #id."""
    for _step in range(150):
        words, ident, _value = page.evaluate(FOCUSED)
        if ident == wanted.removeprefix("#") if wanted.startswith("#") else re.search(wanted, words.strip()):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never reached {wanted!r}")


def press(page, wanted: str) -> None:
    """Go there by Tab and press Enter."""
    tab_to(page, wanted)
    page.keyboard.press("Enter")


def add_line(page, words: str) -> None:
    """The menu's search is focused when it opens; Enter takes the first entry that matches."""
    press(page, "^Add a line$")
    expect(page.locator(".drop[open] [data-filter]")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def opened(page) -> None:
    """The line the keyboard is on shows its form."""
    if not page.evaluate("() => document.activeElement.parentElement.open"):
        page.keyboard.press("Enter")


def on_line(page, button: str) -> None:
    """Press one of the buttons of the line the keyboard is on."""
    opened(page)
    press(page, button)


def choose(page, value: str) -> None:
    """In the list the keyboard is on, go up or down until this is chosen."""
    page.keyboard.press("Home")
    for _option in range(400):
        if page.evaluate(FOCUSED)[2] == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value!r} is not in the list")


def test_built_counted_saved_and_taken_apart_by_keyboard(page, live):
    page.goto("/segments")
    press(page, "^New segment$")
    page.wait_for_url("**/segments/new")
    total = page.locator("#figures .v")

    add_line(page, "journey")
    expect(page.locator("#line-0_0")).to_be_visible()  # everyone may be as many as the people of this label
    expect(total).to_have_text(f"{PEOPLE} people")
    expect(page.locator("#figures")).to_contain_text("ms")

    add_line(page, "City")
    expect(page.locator("#p-0_1-value")).to_be_focused()
    choose(page, "上海")
    expect(total).to_have_text(f"{IN_TOWN[0]} people")

    press(page, "^Turn into “but not”$")
    expect(total).to_have_text(f"{PEOPLE - IN_TOWN[0]} people")
    expect(page.locator("#line-0_1 > summary")).to_be_focused()
    press(page, "^Undo$")
    expect(total).to_have_text(f"{IN_TOWN[0]} people")

    tab_to(page, "City is 上海")
    on_line(page, "^Put into a group$")
    expect(page.locator("#line-0_1_0 > summary")).to_be_focused()
    on_line(page, "^Duplicate$")
    expect(page.locator("#line-0_1_1 > summary")).to_be_focused()
    opened(page)
    tab_to(page, "#p-0_1_1-value")
    choose(page, "北京")
    expect(total).to_have_text(f"{IN_TOWN[0] + IN_TOWN[1]} people")

    tab_to(page, "#name")
    page.keyboard.type("Journey, Shanghai or Beijing")
    press(page, "^Save$")
    page.wait_for_url(re.compile(r"/segments/\d+$"))
    n = live.json("segment", "count", "Journey, Shanghai or Beijing")["count"]
    assert n == IN_TOWN[0] + IN_TOWN[1]

    press(page, "^Cross-tab$")
    page.wait_for_url("**/crosstab")
    cells = page.locator(".seg-cell")
    expect(cells).to_have_count(2)
    expect(page.locator("tfoot td").last).to_have_text(str(n))
    press(page, "^北京 · .*Make a segment")
    page.wait_for_url("**/segments/new")
    expect(total).to_have_text(f"{IN_TOWN[1]} people")
    expect(page.locator("#tree")).to_contain_text("In segment “Journey, Shanghai or Beijing”")
    expect(page.get_by_label("Name of the segment")).not_to_have_value("")


def test_the_tabs_fit_a_phone_in_chinese(live, come_in):
    live("segment", "add", "Tabs on a phone", "--rule", "-", stdin='{"all": []}')
    page = come_in(live, wide=390, zh=True)
    page.goto("/segments")
    page.locator("#list tbody a").first.click()
    for tab in ("联系人", "交叉分析", "重叠", "增长", "原因"):
        page.locator("nav.tabs").get_by_role("link", name=tab, exact=True).click()
        expect(page.locator("nav.tabs .on")).to_have_text(tab)
