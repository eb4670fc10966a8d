"""Markdown of our own guides → HTML that fits the pages: anchors, classes instead of styles, links between guides.

Raw HTML is not passed on.  Links to files that are no guide lose their address, because nothing serves them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_GUIDE = re.compile(r"(?:\.\./|zh/)*([a-z0-9-]+)\.md(#.+)?\Z")
_IMAGE = re.compile(r"(?:\.\./)*(img/[a-z0-9-]+\.png)\Z")
_NO_ANCHOR = re.compile(r"[^\w\- ]")


@dataclass(frozen=True, slots=True)
class Section:
    """The words below one heading, as plain text; `level` 2 or 3, 1 for what stands above the first."""

    anchor: str
    title: str
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A rendered file: its title, its first paragraph as plain text, the HTML below the title, its sections."""

    title: str
    lead: str
    html: Markup
    sections: tuple[Section, ...]


def render(text: str) -> Document:
    """Render a whole file; its first heading is its title."""
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _around('<div class="table-responsive"><table class="table">\n'))
    parser.add_render_rule("table_close", _around("</table></div>\n"))
    tokens = parser.parse(text)
    title, sections, lead = "", [Section("", "", 1, "")], ""
    for at, token in enumerate(tokens):
        if token.type == "inline":
            _link(token.children or [])
            words, opened = plain(token), tokens[at - 1]
            if opened.type == "heading_open":
                level = int(opened.tag[1])
                opened.attrSet("id", anchor(words))
                title = title or words
                sections.append(Section(anchor(words), words, level, ""))
                continue
            lead = lead or (words if opened.type == "paragraph_open" else "")
            sections[-1] = _longer(sections[-1], words)
        elif token.type == "fence":
            sections[-1] = _longer(sections[-1], token.content)
        elif style := token.attrs.pop("style", ""):
            # The content policy of the pages takes no styles.
            token.attrs["class"] = "num" if "right" in str(style) else ""
    body = [token for at, token in enumerate(tokens) if not _in_title(tokens, at)]
    # Rendered from our own files, with everything in them escaped.
    html = Markup(parser.renderer.render(body, parser.options, {}))  # noqa: S704
    return Document(title, lead, html, tuple(s for s in sections if s.title or s.text))


def anchor(title: str) -> str:
    """The anchor of a heading, as code hosts make it: "Bring your data" → "bring-your-data"."""
    return _NO_ANCHOR.sub("", title.lower()).replace(" ", "-")


def plain(token: Token) -> str:
    """The words of an inline token without their marks."""
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in token.children or []
        if child.type in ("text", "code_inline", "softbreak", "hardbreak")
    )


def _longer(section: Section, words: str) -> Section:
    return Section(section.anchor, section.title, section.level, f"{section.text} {words}".strip())


def _in_title(tokens: list[Token], at: int) -> bool:
    return at < 3 and tokens[0].tag == "h1"


def _link(children: list[Token]) -> None:
    """Lead links to guides and images where these are served; leave off addresses that nothing serves."""
    unlinked = False
    for child in children:
        if child.type == "image":
            found = _IMAGE.match(str(child.attrs["src"]))
            child.attrs |= {"src": found[1] if found else "", "loading": "lazy"}
        elif child.type == "link_open":
            href = str(child.attrs["href"])
            found = _GUIDE.match(href)
            unlinked = not (found or href.startswith(("#", "https://", "http://")))
            if found:
                child.attrs["href"] = f"{found[1]}{found[2] or ''}"
            elif unlinked:
                child.tag, child.attrs = "span", {}
        elif child.type == "link_close" and unlinked:
            child.tag = "span"


def _around(html: str) -> Callable[..., str]:
    def rule(_renderer: Any, _tokens: Any, _at: int, _options: Any, _env: Any) -> str:
        return html

    return rule
