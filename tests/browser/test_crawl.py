"""Every page one can reach by clicking, by role, width and colours, and what axe says of it.

A page is asked for once and looked at twice: on a phone in light colours, as it came, then on a desktop in dark ones.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.content.links import SERVICE
from core.security import crypto
from core.sending import links
from tests.axe import Looker
from tests.browser.house import ADMIN, opened
from tests.people import PASSWORD

VIEWER = "viewer@shop.example"
#: Not pages: files, and what ends the visit.
LEAVE = re.compile(r"\.csv$|/export$|^/logout|^/(static|vendor|health|hooks|api|contacts/receipts)")
#: What makes no page of another kind: ids, and the names of plugins, guides and papers.
NAMES = re.compile(
    r"\d+|(?<=^/settings/plugins/).+|(?<=^/providers/new/).+|(?<=^/guides/).+|(?<=/papers/)\w+/\w+$"
)
#: Where axe looks on a phone, too; on a desktop it looks at all pages.
MAIN = {
    "/", "/guides", "/guides/0", "/contacts", "/contacts/0", "/contacts/events", "/contacts/events/files/0",
    "/contacts/labels",
    "/contacts/labels/rules/new/counted", "/contacts/quality", "/contacts/quality/duplicates", "/imports",
    "/replies", "/segments", "/segments/0", "/segments/0/crosstab", "/templates", "/templates/0", "/templates/0/vendor",
    "/campaigns", "/campaigns/new", "/campaigns/0/result", "/messages", "/messages/queue", "/providers",
    "/providers/0", "/providers/0/errors", "/providers/0/invoices", "/providers/0/papers", "/providers/0/templates",
    "/providers/arrival", "/providers/calls", "/providers/calls/0", "/providers/invoices/0", "/providers/new",
    "/providers/new/0", "/providers/papers", "/providers/routes", "/providers/routes/0", "/providers/senders",
    "/providers/trials", "/providers/trials/0", "/settings", "/settings/classes", "/settings/otp",
    "/settings/otp/rules", "/settings/otp/texts", "/settings/sources/0", "/settings/retention",
    "/settings/keywords", "/settings/api", "/settings/plugins/0",
}  # fmt: skip
PHONE = {"wide": 390}
GRAVE = ("moderate", "serious", "critical")

TWINS = """手机号,姓名,邮箱,生日,同意营销
13800091001,王小明,wang@shop.example,1990-02-03,是
13900091001,王小明,wang@shop.example,1990-02-03,是
13800091002,李小红,li@shop.example,1988-07-21,是
13900091002,李晓红,li@shop.example,1888-07-21,是
"""
EVENTS = """phone,type,at,amount,currency,item,category
13800091001,purchase,2026-05-20 10:00,168,CNY,SK-01,护肤
13800091002,purchase,one day,79,CNY,SK-02,护肤
"""


@pytest.fixture(scope="module", autouse=True)
def shop(demo, browser, tmp_path_factory):
    """A viewer, and what stands on pages only once somebody did it: twins, events, a topic, a token, a shop."""
    demo("user", "add", VIEWER, "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    folder = tmp_path_factory.mktemp("files")
    twins, happened = folder / "twins.csv", folder / "events.csv"
    twins.write_text(TWINS, "utf-8")
    happened.write_text(EVENTS, "utf-8")
    demo("contact", "import", twins, "--region", "CN", "--consent-source", "till")
    demo("event", "import", happened, "--region", "CN")
    demo("consent", "topic", "add", "sale", "Sales and offers", "--title-zh", "优惠活动")
    demo("token", "add", "shop", "--scope", "contacts.write")
    demo("contact", "erase", "+8613900091001", "--yes")
    demo("quality", "check")
    # Its vendor takes approved templates only; switched off, so nobody is asked.
    demo(
        "account", "add", "ali", "--provider", "aliyun", "--set", "key_id=LTAI", "--set", "key_secret=secret"
    )
    demo("account", "edit", "ali", "--disable")
    with browser.new_context(base_url=demo.base, storage_state=demo.cookies.get(ADMIN)) as context:
        page = context.new_page()
        if ADMIN not in demo.cookies:
            opened(page, ADMIN)
            demo.cookies[ADMIN] = context.storage_state()
        page.goto("/settings/sources/new/custom")
        with page.expect_navigation():
            page.locator("#name").press("Enter")


@pytest.fixture(scope="module")
def strangers(demo) -> dict[str, int]:
    """What people see who are nobody's users, and with which status: their choices, and links that are dead."""
    keys = crypto.load_keys(Path(demo.env["COOEE_INSTANCE"]) / "keys")
    message = demo.json("message", "list")[0]["message_id"]
    code = links.token(keys, int(message), SERVICE["preferences_link"][0])
    return {f"/u/{code}": 200, f"/u/{code}?lang=en": 200, "/u/nobody": 404, "/l/nobody": 404}


def kind(path: str) -> str:
    return NAMES.sub("0", urlsplit(path).path)


def reachable(page) -> Iterator[tuple[str, int]]:
    """Each kind of page once, as (path, status), by following links from the Overview."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop()
        yield path, page.goto(path).status
        for link in page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)"):
            parts = urlsplit(link)
            here = parts.netloc == urlsplit(page.url).netloc and not LEAVE.search(parts.path)
            if here and kind(parts.path) not in seen:
                seen.add(kind(parts.path))
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))


#: What a mouse can use and the Tab key cannot get to.  What acts by itself (every 2 s, on load) needs no key.
MOUSE_ONLY = """() => [...document.querySelectorAll(
    "a[href], button, input, select, textarea, summary, [role=button], [hx-get], [hx-post]")]
  .filter(e => e.checkVisibility() && !e.disabled && e.type !== "hidden" && !e.closest("[inert], .visually-hidden"))
  .filter(e => !e.matches("form") && !(e.hasAttribute("hx-trigger") && !e.getAttribute("hx-trigger").includes("click")))
  .filter(e => e.tabIndex < 0)
  .map(e => e.outerHTML.slice(0, 150))"""


#: How many px a page is wider than its window, as soon as it has followed the system into the dark.
TOO_WIDE = """async () => {
  const page = document.documentElement;
  while (page.dataset.theme === "auto" && page.dataset.bsTheme === "light") await new Promise(requestAnimationFrame);
  return Math.max(0, page.scrollWidth - innerWidth - 1);
}"""


def told(looker: Looker) -> list[str]:
    """What axe finds on the page as it stands."""
    return [f"{v['id']}: {v['nodes'][0]['html'][:150]}" for v in looker.look() if v["impact"] in GRAVE]


@contextlib.contextmanager
def on_a_desktop(page) -> Iterator[list[str]]:
    """The page in a wide, dark window instead of a phone's; gives what is wrong with that."""
    page.set_viewport_size({"width": 1280, "height": 844})
    page.emulate_media(color_scheme="dark")
    yield [f"{over} px wider than a desktop" for over in [page.evaluate(TOO_WIDE)] if over]
    page.set_viewport_size({"width": PHONE["wide"], "height": 844})
    page.emulate_media(color_scheme="light")


def test_every_page_of_an_administrator_is_sound(demo, come_in, complaints, strangers):
    page, wrong, kinds = come_in(demo, ADMIN, **PHONE), [], set()
    light = Looker(page)
    dark = Looker(page, beside=light)
    for path, status in reachable(page):
        kinds.add(kind(path))
        wrong += [f"{path}: {status}"] if status != 200 else []
        wrong += [f"{path}: not by keyboard: {found}" for found in page.evaluate(MOUSE_ONLY)]
        if kind(path) in MAIN:
            wrong += [f"{path}: {fault}" for fault in told(light)]
        with on_a_desktop(page) as wider:
            wrong += [f"{path}: {fault}" for fault in (*wider, *told(dark))]
            wrong += [f"{path}: not by keyboard: {found}" for found in page.evaluate(MOUSE_ONLY)]
        wrong += [f"{path}: {text}" for text in complaints]
        complaints.clear()
    for path, status in strangers.items():
        assert page.goto(path).status == status, path
        wrong += [f"{path}: {fault}" for fault in told(light)]
        if status == 404:
            complaints.forgive("status of 404")
    assert not wrong, "\n".join(wrong)
    assert kinds >= MAIN
    assert len(kinds) >= 112, sorted(kinds)


def test_every_page_of_a_viewer_is_sound_in_chinese(demo, come_in, complaints):
    page, wrong, kinds = come_in(demo, VIEWER, zh=True, **PHONE), [], set()
    for path, status in reachable(page):
        kinds.add(kind(path))
        wrong += [f"{path}: {status}"] if status != 200 else []
        with on_a_desktop(page) as wider:
            wrong += [f"{path}: {fault}" for fault in wider]
        wrong += [f"{path}: {text}" for text in complaints]
        complaints.clear()
    assert not wrong, "\n".join(wrong)
    assert len(kinds) >= 60, sorted(kinds)
