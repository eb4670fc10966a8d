"""Guides: the files of docs/ as pages, in both languages, with links that lead somewhere."""

from __future__ import annotations

import re
from urllib.parse import unquote, urljoin

import pytest

from core.config import ROOT
from core.i18n import LANGUAGES, use
from core.web import guides
from core.web.markdown import anchor, render

DOCS = ROOT / "docs"
LINK = re.compile(r'<(?:a [^>]*href|img [^>]*src)="([^"]*)"')
ANCHOR = re.compile(r'\bid="([^"]+)"')


def html(answer) -> str:
    return answer.get_data(as_text=True)


def test_every_guide_is_on_the_page_of_guides_once(client):
    assert sorted(guides.NAMES) == sorted(path.stem for path in DOCS.glob("*.md"))
    page = html(client.get("/guides"))
    assert [page.count(f'href="/guides/{name}"') for name in guides.NAMES] == [1] * len(guides.NAMES)
    assert {path.stem for path in (DOCS / "zh").glob("*.md")} <= set(guides.NAMES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_link_of_every_guide_leads_to_a_guide_a_heading_or_an_image(language):
    with use(language):
        pages = {f"/guides/{name}": guides.read(name).document for name in guides.NAMES}
    anchors = {at: set(ANCHOR.findall(document.html)) for at, document in pages.items()}
    images = {f"/guides/img/{path.name}" for path in (DOCS / "img").iterdir()}
    dead = []
    for at, document in pages.items():
        for link in LINK.findall(document.html):
            place, _, heading = unquote(urljoin(at, link)).partition("#")
            if link.startswith("http") or place in images:
                continue
            if place not in pages or (heading and heading not in anchors[place]):
                dead.append((language, at, link))
    assert dead == []


def test_a_translation_has_the_headings_images_and_code_of_its_guide():
    for path in sorted((DOCS / "zh").glob("*.md")):
        ours, theirs = (DOCS / path.name).read_text("utf-8"), path.read_text("utf-8")
        for mark in (r"^##? ", r"^### ", r"^```", r"^\|", r"!\["):
            assert len(re.findall(mark, theirs, re.M)) == len(re.findall(mark, ours, re.M)), (path.name, mark)


def test_a_guide_is_read_in_the_readers_language(client):
    assert "From a file to a measured campaign" in html(client.get("/guides/marketers"))
    client.set_cookie("cooee_language", "zh_Hans")
    chinese = html(client.get("/guides/marketers"))
    assert "From a file to a measured campaign" not in chinese and "English only" not in chinese
    english = html(client.get("/guides/design"))
    assert '<article class="card prose" lang="en"' in english and "这篇指南目前只有英文版" in english


def test_each_area_links_to_its_guide(client):
    assert set(guides.FOR.values()) <= set(guides.NAMES)
    for path, name in {
        "/": "marketers", "/contacts": "bring-your-data", "/contacts/quality": "data-quality", "/segments/new":
        "find-the-right-people", "/providers/routes": "routes", "/settings/api": "api",
    }.items():  # fmt: skip
        assert f'class="to-guide" href="/guides/{name}"' in html(client.get(path)), path
    assert "to-guide" not in html(client.get("/settings"))


def test_an_empty_page_has_one_sentence_one_button_and_the_way_to_a_guide(client):
    for path, name in {
        "/contacts": "bring-your-data", "/imports": "bring-your-data", "/segments": "find-the-right-people",
        "/templates": "marketers", "/campaigns": "marketers", "/providers": "choose-a-provider",
        "/providers/routes": "routes", "/providers/arrival": "arrival", "/contacts/quality": "data-quality",
        "/contacts/suppression": "consent", "/contacts/events": "bring-your-data",
    }.items():  # fmt: skip
        empty = html(client.get(path)).partition('<div class="empty">')[2].partition("</div>")[0]
        assert f'href="/guides/{name}"' in empty and empty.count('class="btn ') == 1, path


def test_a_search_finds_the_section_with_all_words_those_in_headings_first(client):
    found = html(client.get("/guides?q=window+worker", headers={"HX-Request": "true"}))
    assert "<html" not in found and 'href="/guides/performance' in found
    first = guides.search("double opt-in")[0]
    assert (first.guide.name, first.section.anchor) == ("consent", "double-opt-in")
    assert "No guide has these words: zzz &lt;b&gt;" in html(client.get("/guides?q=zzz+<b>"))
    assert guides.search("  ") == []


def test_the_piece_around_a_word_shows_the_word():
    found = guides.search("blind index")
    assert found
    for place in found:
        assert "blind" in place.around.casefold() or "index" in place.around.casefold()


def test_viewers_read_guides_and_strangers_do_not(client, login, app):
    assert login("viewer").get("/guides/marketers").status_code == 200
    assert app.test_client().get("/guides/marketers").status_code == 302
    answer = client.get("/guides/nobody")
    assert answer.status_code == 404 and "There is no guide “nobody”." in html(answer)
    assert client.get("/guides/img/segment.png").mimetype == "image/png"
    assert client.get("/guides/img/..%2Fmarketers.md").status_code == 404


@pytest.mark.parametrize(
    ("text", "piece"),
    [
        ("<script>x</script>", "&lt;script&gt;"),
        ("[next](labels.md#rules)", '<a href="labels#rules">next</a>'),
        ("[back](../labels.md)", '<a href="labels">back</a>'),
        ("[code](../core/http.py)", "<span>code</span>"),
        ("[bad](javascript:alert)", "[bad](javascript:alert)"),
        ("[out](https://example.org/)", '<a href="https://example.org/">out</a>'),
        ("![seen](../img/segment.png)", '<img src="img/segment.png" alt="seen" loading="lazy" />'),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", '<td class="num">2</td>'),
        ("## 1. 导入：一个文件", '<h2 id="1-导入一个文件">'),
    ],
)
def test_markdown_becomes_what_our_pages_take(text, piece):
    made = render(f"# Title\n\n{text}\n").html
    assert piece in made and "style=" not in made and "Title" not in made


def test_a_document_knows_its_title_its_lead_and_its_sections():
    made = render("# The *title*\n\nThe `lead`\ngoes on.\n\n## One\n\ntext\n\n### Deep\n\n    code\n")
    assert (made.title, made.lead) == ("The title", "The lead goes on.")
    assert [(s.anchor, s.level) for s in made.sections] == [("the-title", 1), ("one", 2), ("deep", 3)]
    assert made.sections[1].text == "text"
    assert anchor("What’s new, and *why*?") == "whats-new-and-why"
