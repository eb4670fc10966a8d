"""Browser journeys: Cooee as its users start it, and the system's Chromium.

Every tab notes what a visitor should never meet: an error in the console, a complaint of the content policy,
a page wider than its screen.  The fixtures end with this folder, because other tests start a Playwright too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.house import ADMIN, House, opened, started
from tests.chromium import CHROMIUM, MISSING

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
)
HERE = Path(__file__).parent
WAIT_MS = 15_000
#: What htmx says when someone goes on before an answer came.
LEFT = ("htmx:afterRequest", "htmx:sendAbort")

#: Runs before the scripts of each page and after each swap of htmx; the console carries it to `watched`.
NOTICE_WIDTH = """(() => {
  const look = () => {
    const over = document.documentElement.scrollWidth - innerWidth;
    if (over > 1) console.error(`${location.pathname} is ${over} px wider than the screen`);
  };
  addEventListener("load", look);
  addEventListener("htmx:afterSettle", look);
})()"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="package")
def browser() -> Iterator:
    """The system's Chromium; without it the test is skipped, or fails where browsers are required."""
    if CHROMIUM is None:
        if os.environ.get("COOEE_BROWSER_REQUIRED") == "1":
            pytest.fail(MISSING, pytrace=False)
        pytest.skip(MISSING)
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)  # machines that build and test at once are slow
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield made
        made.close()


@pytest.fixture(scope="package")
def live(browser, tmp_path_factory) -> Iterator[House]:
    """One `cooee up` for the journeys, on a throw-away instance."""
    with started(tmp_path_factory.mktemp("live") / "instance") as house:
        yield house


@pytest.fixture(scope="package")
def demo(browser, tmp_path_factory) -> Iterator[House]:
    """One `cooee up` with something on every page."""
    with started(tmp_path_factory.mktemp("demo") / "instance", ("demo", "--contacts", "300")) as house:
        yield house


class Complaints(list):
    """What tabs complained of; `forgive` what a test caused on purpose."""

    def forgive(self, pattern: str) -> None:
        self[:] = [text for text in self if not re.search(pattern, text)]


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Must be empty when the test ends."""
    noted = Complaints()
    yield noted
    assert not noted, "\n".join(noted)


@pytest.fixture
def window(browser, complaints) -> Iterator[Callable]:
    """`window(base, wide=390, zh=True, dark=True)` → a fresh browser window, signed in as nobody."""
    contexts = []

    def make(
        base: str, *, wide: int = 1280, zh: bool = False, dark: bool = False, cookies: dict | None = None
    ):
        context = browser.new_context(
            base_url=base, viewport={"width": wide, "height": 844}, locale="zh-CN" if zh else "en-GB",
            color_scheme="dark" if dark else "light", storage_state=cookies, reduced_motion="reduce",
        )  # fmt: skip
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        context.add_init_script(NOTICE_WIDTH)
        context.on(
            "console",
            lambda said: said.type == "error" and said.text not in LEFT and complaints.append(said.text),
        )
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on(
            "request", lambda call: "/health/csp" in call.url and complaints.append(str(call.post_data))
        )
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def come_in(window) -> Callable:
    """`come_in(house, "anna@shop.example")` → a page signed in as that person, on the Overview.

    The cookie of a person's first time is used again: signing in is slow on purpose, and limited.
    """

    def enter(house: House, email: str = ADMIN, **look):
        page = window(house.base, cookies=house.cookies.get(email), **look)
        if email in house.cookies:
            page.goto("/")
        else:
            opened(page, email)
            house.cookies[email] = page.context.storage_state()
        return page

    return enter


@pytest.fixture
def page(come_in, live):
    """A desktop page, signed in as the administrator of `live`."""
    return come_in(live)
