"""Addresses in a text: which become short links, and how the text is counted."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.content import links, parts
from core.contract.errors import Refusal

CASES = [
    ("Look: https://shop.example/a?b=1&c=2.", ["https://shop.example/a?b=1&c=2"]),
    ("点击https://a.cn/x查看，拒收请回复R", ["https://a.cn/x"]),
    ("看https://a.cn/x。回T退订", ["https://a.cn/x"]),
    ("(see http://a.example/w_(1)) and HTTPS://B.example!", ["http://a.example/w_(1)", "HTTPS://B.example"]),
    ("twice https://a.example https://a.example", ["https://a.example", "https://a.example"]),
    ("https://a.example/?u={{name}} is personal", []),
    ('{{name|default:"https://a.example"}} hello', []),
    ("www.shop.example and javascript:alert(1) and ftp://a.example", []),
    ("xhttps://a.example is no word of ours", []),
]


@pytest.mark.parametrize(("text", "urls"), CASES)
def test_addresses_end_where_people_see_them_end(text, urls):
    found = links.find(text)
    assert [one.url for one in found] == urls
    assert all(text[one.start : one.end] == one.url for one in found)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,hi",
        "https://",
        "https:///path",
        "https://user@host.example/",
        "https://bank.example:pw@evil.example/",
        "https://a.example:99999/",
        "https://[::1/",
        "https://a.example/" + "x" * 2000,
    ],
)
def test_targets_nobody_should_be_sent_to_are_refused(url):
    with pytest.raises(Refusal):
        links.checked(url)


def test_good_targets_pass_unchanged():
    for url in ("https://shop.example/a?b=%20#c", "http://10.0.0.1:8080/x", "https://xn--fsqu00a.example"):
        assert links.checked(url) == url


@settings(derandomize=True, max_examples=300)
@given(st.text(alphabet=string.printable + "。，你好{}", max_size=80))
def test_replacing_changes_nothing_but_the_addresses(text):
    found = links.find(text)
    seen: list[str] = []
    out = links.replaced(text, lambda url: seen.append(url) or "\1")
    assert seen == [one.url for one in found]
    pieces = iter(seen)
    assert "".join(next(pieces) if char == "\1" else char for char in out) == text


def test_marks_turn_back_into_the_addresses():
    text = "a https://a.example/1 b https://b.example/2"
    found: dict[str, int] = {}
    marked = links.replaced(text, lambda url: links.mark(found.setdefault(url, len(found))))
    assert marked == "a {{@0}} b {{@1}}"
    assert links.unmarked(marked, {n: url for url, n in found.items()}) == text


def test_a_long_address_costs_no_more_than_a_short_link(rt_sqlite):
    long = "Sale: https://shop.example/" + "category/" * 20 + " STOP to end"
    assert parts.count(long)[1] == 2
    shown = links.as_sent(long, rt_sqlite.settings)
    assert parts.count(shown)[1] == 1
    assert links.example(rt_sqlite.settings) in shown
    assert links.as_sent(long, rt_sqlite.settings, web=False) == long
