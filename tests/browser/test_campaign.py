"""The whole way through the pages: five steps, one button, a live page, a result that adds up; and a STOP."""

from __future__ import annotations

import json
import re
import urllib.request
from collections import Counter

import pytest
from playwright.sync_api import expect

from tests.browser.house import go, take_in
from tests.shop import TEXT, connect, listening

FIRST, PEOPLE = 2000, 150
AGREED = [i for i in range(PEOPLE) if i % 5]
RULE = {"all": [{"segmenter": "label", "label": "campaign"}]}


@pytest.fixture(scope="module")
def sink(live, tmp_path_factory):
    """A gateway, and people, a segment and a text for a campaign through it."""
    with listening() as sink:
        connect(live, sink, "gateway")
        take_in(live, tmp_path_factory.mktemp("people"), FIRST, PEOPLE, "--label", "campaign")
        live("segment", "add", "Campaign people", "--rule", "-", stdin=json.dumps(RULE))
        live("template", "add", "Sunday", "--class", "mass", "--lang", "zh", "--text-file", "-", stdin=TEXT)
        yield sink


def counts(page) -> dict[str, int]:
    """The legend of the live page."""
    lines = page.locator(".bands li").all_inner_texts()
    pairs = (re.fullmatch(r"(.+?)\s+([\d,]+)", line.strip()).groups() for line in lines)
    return {word: int(n.replace(",", "")) for word, n in pairs}


def test_a_campaign_from_the_audience_to_its_result(page, live, sink):
    go(page, "Campaigns")
    page.get_by_role("link", name="New campaign").first.click()
    page.get_by_label("Campaign name").fill("Sunday in Shanghai")
    page.get_by_label("Segment", exact=True).select_option(label="Campaign people")
    expect(page.locator("#reach .v")).to_have_text(str(len(AGREED)))
    page.get_by_label("Kept aside to measure, %").fill("5")
    page.get_by_role("button", name="Save and continue").click()

    page.get_by_role("checkbox", name="Sunday", exact=True).check()
    page.get_by_label("Through").select_option(label="gateway · http")
    page.get_by_role("button", name="Save and continue").click()

    expect(page.get_by_role("heading", name="What they will read")).to_be_visible()
    texted = page.locator("dl.kv.sum dd").last.inner_text()
    page.get_by_role("link", name="Continue").click()

    page.get_by_label("Keep to the allowed hours of each country").uncheck()
    page.get_by_role("button", name="Save and continue").click()

    launch = page.get_by_role("button", name=f"Text {texted} people now")
    expect(launch).to_be_visible()
    expect(page.locator("dl.kv.sum dd").first).to_have_text(str(PEOPLE))
    launch.click()

    page.wait_for_url(re.compile(r"/campaigns/\d+$"))
    number = page.url.rsplit("/", 1)[1]
    expect(page.locator("#live .tag").first).to_have_text("done", timeout=60_000)
    live("campaign", "wait", number, "--timeout", "60")
    expect(page.locator(".bands li", has_text="accepted")).to_have_count(0, timeout=60_000)
    page.reload()

    shown = live.json("campaign", "show", number)
    by_state = {state: n for state, n in shown["counts"].items() if n}
    words = {"holdout": "kept aside"}
    assert counts(page) == {words.get(state, state): n for state, n in by_state.items()}
    assert sum(by_state.values()) == shown["audience"] == PEOPLE
    assert by_state["skipped"] == PEOPLE - len(AGREED) and by_state["holdout"] > 0

    assert Counter(map(len, sink.texts.values())) == {1: int(texted)}, "each text once"
    numbers = {f"+861380001{FIRST + i:04d}": i for i in AGREED}
    assert sink.texts == {
        to: [f"【可乐店】客户{numbers[to]}，本周日全场八折。拒收请回复R"] for to in sink.texts
    }

    page.get_by_role("link", name="See the result").click()
    delivered = shown["metrics"]["delivered"]
    tile = page.locator(".tile", has_text="Delivered").first
    expect(tile.locator(".v")).to_have_text(f"{delivered['value'] * 100:.1f} %")
    expect(tile).to_contain_text(f"{delivered['numerator']} of {delivered['denominator']}")
    expect(page.get_by_role("row", name="Kept aside")).to_contain_text(str(by_state["holdout"]))
    assert live("verify")


def test_a_stop_is_on_the_timeline_and_on_the_suppression_list(page, live, sink):
    go(page, "Providers")
    page.get_by_role("link", name="gateway", exact=True).click()
    inbound = page.get_by_label("Address for inbound texts").input_value()
    phone = f"+861380001{FIRST + 1:04d}"
    body = json.dumps({"from": phone, "text": "　ｔｄ "}).encode()  # full-width and untrimmed: still a STOP
    call = urllib.request.Request(inbound, body, {"Content-Type": "application/json"})
    assert urllib.request.urlopen(call, timeout=10).status == 200

    go(page, "Contacts")
    page.get_by_placeholder("Number, its last four digits, or a name").fill(phone)
    found = page.locator("main tbody tr")
    expect(found).to_have_count(1)
    found.get_by_role("link").first.click()
    story = page.locator("#story")
    for _try in range(40):
        if story.get_by_text("STOP", exact=True).count():
            break
        page.wait_for_timeout(250)
        page.reload()
    expect(story.get_by_text("STOP", exact=True)).to_be_visible()
    expect(story).to_contain_text("Opted out of marketing")
    expect(page.locator("#consent .notice.bad")).to_contain_text("Suppressed")

    go(page, "Contacts")
    page.get_by_role("link", name="Suppression").click()
    page.get_by_placeholder("A whole number, in any spelling").fill(phone)
    row = page.locator("#suppressed tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(phone[-4:])
    assert [line["phone"] for line in live.json("suppress", "list")] == [phone]
