"""Every page one can reach by clicking, by role, width, language and colours; and axe on the main ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser.house import ADMIN
from tests.people import PASSWORD

VIEWER = "viewer@shop.example"
#: Not pages: files, and what ends the visit.
LEAVE = re.compile(r"\.csv$|^/logout|^/(static|vendor|health|hooks)")
MAIN = [
    "/", "/contacts", "/contacts/1", "/imports", "/segments", "/segments/1", "/templates", "/templates/1", "/campaigns",
    "/campaigns/1/result", "/messages", "/providers", "/providers/1", "/settings",
]  # fmt: skip
#: How an administrator looks at it, and how a viewer does.
LOOKS = {"390-en-light": {"wide": 390}, "1280-zh-dark": {"zh": True, "dark": True}}
OTHER_LOOKS = {"1280-en-dark": {"dark": True}, "390-zh-light": {"wide": 390, "zh": True}}


@pytest.fixture(scope="module", autouse=True)
def viewer(demo):
    demo("user", "add", VIEWER, "--role", "viewer", "--password-stdin", stdin=PASSWORD)


def reachable(page) -> Iterator[tuple[str, int]]:
    """Each kind of page once (ids and queries aside), as (path, status), by following links from the Overview."""
    waiting, seen = ["/"], {"/"}
    while waiting:
        path = waiting.pop()
        yield path, page.goto(path).status
        for link in page.eval_on_selector_all("a[href]", "links => links.map(a => a.href)"):
            parts = urlsplit(link)
            kind = re.sub(r"\d+", "0", parts.path)
            if (
                parts.netloc == urlsplit(page.url).netloc
                and kind not in seen
                and not LEAVE.search(parts.path)
            ):
                seen.add(kind)
                waiting.append(parts.path + (f"?{parts.query}" if parts.query else ""))


@pytest.mark.parametrize("look", [*LOOKS, *OTHER_LOOKS])
def test_every_page_is_sound(demo, come_in, complaints, look):
    look, viewer = (LOOKS | OTHER_LOOKS)[look], look in OTHER_LOOKS
    page = come_in(demo, VIEWER if viewer else ADMIN, **look)
    wrong, paths = [], []
    for path, status in reachable(page):
        paths.append(path)
        wrong += [f"{path}: {status}"] if status != 200 else []
        wrong += [f"{path}: {text}" for text in complaints]
        complaints.clear()
    assert not wrong, "\n".join(wrong)
    assert len(paths) >= (18 if viewer else 40), paths


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_serious_on_the_main_pages(demo, come_in, look):
    from axe_playwright_python.sync_playwright import Axe

    page, axe, wrong = come_in(demo, **LOOKS[look]), Axe(), []
    for path in MAIN:
        page.goto(path)
        found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
        wrong += [
            f"{path}: {v['id']}: {v['nodes'][0]['html'][:150]}"
            for v in found
            if v["impact"] in ("serious", "critical")
        ]
    assert not wrong, "\n".join(wrong)
