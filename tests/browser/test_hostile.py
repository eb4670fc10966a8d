"""Three hundred names of people who would like to be a script: each is shown as it was written, and does nothing."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest

from tests.browser.house import started

DOES = "pwned=1;fetch('/pwned')"
SHAPES = (
    f"<script>{DOES}</script>",
    f"</title><script>{DOES}</script>",
    f"</textarea><script>{DOES}</script>",
    f"<img src=/pwned onerror={DOES}>",
    f"<svg onload={DOES}>",
    f"<svg><script>{DOES}</script></svg>",
    f"<svg><a href=javascript:{DOES}><text>x</text></a></svg>",
    f"<math><mtext><img src=/pwned onerror={DOES}></mtext></math>",
    f"<a href=javascript:{DOES}>x</a>",
    f"<details open ontoggle={DOES}>x</details>",
    f"<input autofocus onfocus={DOES}>",
    f"<video src=/pwned onerror={DOES}></video>",
    f"<audio src=/pwned onerror={DOES}></audio>",
    f"<body onload={DOES}>",
    f"<marquee onstart={DOES}>x</marquee>",
    f"<iframe srcdoc='<script>parent.{DOES}</script>'></iframe>",
    "<iframe src=/pwned></iframe>",
    "<object data=/pwned></object>",
    "<embed src=/pwned>",
    "<link rel=stylesheet href=/pwned>",
    "<style>@import '/pwned'; body {display: none}</style>",
    "<meta http-equiv=refresh content='0;url=/pwned'>",
    "<base href=//evil.example/>",
    "<form action=/pwned><button autofocus>x</button></form>",
    "<b hx-get=/pwned hx-trigger=load>x</b>",
    "<b data-hx-get=/pwned data-hx-trigger=load>x</b>",
    f"<b hx-on:htmx:load={DOES}>x</b>",
    "<b hx-get=/pwned hx-trigger=revealed hx-swap=outerHTML>x</b>",
    f"<noscript><p title='</noscript><img src=/pwned onerror={DOES}>'>",
    f"<!--><img src=/pwned onerror={DOES}>-->",
    "{{ 7 * 7 }}{% raw %}",
    f"%3Cscript%3E{DOES}%3C/script%3E",
    f"&lt;script&gt;{DOES}&lt;/script&gt;",
    f"\\u003cscript\\u003e{DOES}\\u003c/script\\u003e",
)
BEFORE = ("", '"', '">', "x'>", "`", "</td></tr></table>", "</b>", "é ", "-->")
NAMES = [before + shape for before in BEFORE for shape in SHAPES]
PAGES = (
    "/contacts",
    "/contacts/labels",
    "/contacts/events",
    "/segments",
    "/templates",
    "/settings/audit",
    "/imports",
)


@pytest.fixture(scope="module")
def house(browser, tmp_path_factory) -> Iterator:
    """Each of the names is a person's, the title of what they bought, and some of them a label, a segment, a deed."""
    folder = tmp_path_factory.mktemp("hostile")
    people, bought = folder / "people.csv", folder / "bought.csv"
    with people.open("w", newline="", encoding="utf-8") as file:
        rows = [(f"138000{n:05}", name, name) for n, name in enumerate(NAMES)]
        csv.writer(file).writerows([("phone", "name", "city"), *rows])
    with bought.open("w", newline="", encoding="utf-8") as file:
        rows = [
            (f"138000{n:05}", "purchase", "2026-05-20 10:00", 5, "CNY", f"i{n}", name)
            for n, name in enumerate(NAMES)
        ]
        csv.writer(file).writerows([("phone", "type", "at", "amount", "currency", "item", "category"), *rows])
    deeds = [("label", "set", name, "--phone", "+8613800000000") for name in SHAPES[:2]]
    rule = folder / "rule.json"
    rule.write_text('{"all": []}')
    deeds += [("segment", "add", name, "--rule", rule) for name in SHAPES[4:6]]
    with started(
        folder / "instance",
        ("contact", "import", people, "--region", "CN", "--consent", "mass", "--consent-source", SHAPES[0]),
        ("event", "import", bought, "--region", "CN"),
        *deeds,
    ) as made:
        yield made


def test_there_are_three_hundred_and_each_is_another():
    assert len(set(NAMES)) == len(NAMES) >= 300


def test_no_name_runs_or_calls_anything_and_all_are_read_as_written(house, come_in, complaints):
    page, asked, shown = come_in(house), [], {}
    page.on("request", lambda call: ("pwned" in call.url or "evil" in call.url) and asked.append(call.url))
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    people = house.json("contact", "list")
    assert len(people) == len(NAMES)

    def sound(path: str) -> None:
        page.goto(path)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        assert page.evaluate("window.pwned") is None and page.url.endswith(path), path
        assert asked == [], path

    for path in PAGES:
        sound(path)
    page.goto("/contacts")
    while True:
        for link in page.locator("a.who").all():
            name = link.locator(".name").inner_text()
            shown[" ".join(name.split())] = link.get_attribute("href")
        older = page.get_by_role("link", name="Older")
        if not older.count():
            break
        here = page.url
        older.click()
        page.wait_for_url(lambda url, here=here: url != here)
    assert {" ".join(person["name"].split()) for person in people} <= shown.keys()
    for path in list(shown.values())[: len(SHAPES)]:
        sound(path)
    # Had one called, it would have been seen.
    page.evaluate("fetch('/pwned').then(answer => answer.status)")
    assert len(asked) == 1
    complaints.forgive("status of 404")
