"""Choosing a provider: groups, and words that narrow them down."""

from __future__ import annotations

import re

from core.web import choosing
from tests.pages import text


def names(page: str) -> list[str]:
    return re.findall(r'href="/providers/new/(\w+)"', page)


def test_every_provider_stands_in_one_group(client, rt_sqlite):
    page = text(client.get("/providers/new"))
    assert sorted(names(page)) == sorted(rt_sqlite.plugins.providers)
    titles = re.findall(r'<h2 class="group"[^>]*>([^<]+)</h2>', page)
    assert titles == [
        "Vendors worldwide", "Vendors in China", "Your own gateway or phone", "For trying out, and other ways"
    ]  # fmt: skip


def test_a_group_nobody_knows_is_the_last_one(client, rt_sqlite, monkeypatch):
    monkeypatch.setattr(rt_sqlite.plugins.providers["null"], "group", "elsewhere", raising=False)
    with client.application.app_context():
        (found,) = choosing.groups(rt_sqlite, "null")
    assert (found["key"], found["providers"][0]["name"]) == ("other", "null")


def test_words_narrow_the_choice_in_any_case(client):
    assert names(text(client.get("/providers/new?q=TWILIO"))) == ["twilio", "twilio_voice"]
    assert names(text(client.get("/providers/new?q=calls+vonage"))) == ["vonage_voice"]


def test_words_nobody_has_are_said(client):
    page = text(client.get("/providers/new", query_string={"q": "<b>carrier pigeon"}))
    assert "No provider has the words “&lt;b&gt;carrier pigeon”." in page
    assert names(page) == []


def test_typing_gets_the_list_alone(client):
    page = text(client.get("/providers/new?q=twilio", headers={"HX-Request": "true"}))
    assert "<html" not in page
    assert names(page) == ["twilio", "twilio_voice"]


def test_a_voice_provider_says_that_it_calls(client):
    page = text(client.get("/providers/new?q=twilio_voice"))
    assert ">calls<" in page


def test_the_form_of_each_vendor_opens_and_hides_its_secrets(client, rt_sqlite):
    for name, cls in rt_sqlite.plugins.providers.items():
        page = text(client.get(f"/providers/new/{name}"))
        for field in cls.Form():
            assert f'name="set-{field.short_name}"' in page
