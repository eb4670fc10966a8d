"""What plugins say of themselves is read in Chinese on Chinese pages; others' plugins bring their own words."""

from __future__ import annotations

import json
from types import ModuleType

import pytest

from core import Rule, Words, hookimpl, i18n
from core.audience.sources import hooks, notes, store
from core.contract.discovery import Plugin
from core.db import database


def in_chinese(client, path: str) -> str:
    client.post("/settings/language", data={"language": "zh_Hans", "next": "/"})
    return client.get(path).get_data(as_text=True)


def test_every_bundled_plugin_and_rule_has_chinese_words(rt_sqlite):
    known = i18n.catalogue("zh_Hans")
    bundled = [plugin for plugin in rt_sqlite.plugins.report() if plugin["source"] == "bundled"]
    assert len(bundled) > 30
    assert [plugin["name"] for plugin in bundled if plugin["about"] not in known] == []
    assert [rule.id for rule in rt_sqlite.plugins.rules.values() if rule.title not in known] == []


def test_the_pages_show_them(client):
    assert "中国：商业短信的允许时段" in in_chinese(client, "/settings/plugins")
    assert "中国：商业短信的允许时段" in client.get("/settings/plugins/rules.cn").get_data(as_text=True)
    assert "中国：营销短信限北京时间" in client.get("/settings/hours").get_data(as_text=True)


class Sundays(Rule):
    id, version, as_of = "sundays.hours", "1", "2026-11-22"
    title = Words("Never on Sundays", zh_Hans="周日不发")


def test_a_plugin_of_one_file_brings_its_words_with_it(client, rt_sqlite):
    module = ModuleType("sundays")
    module.ABOUT = Words("Quiet on Sundays.", zh_Hans="周日安静。")
    module.register_rules = hookimpl(lambda: [Sundays])
    rt_sqlite.plugins.register(module, "sundays")
    english = client.get("/settings/plugins").get_data(as_text=True)
    assert "Quiet on Sundays." in english and "周日安静" not in english
    assert "周日安静。" in in_chinese(client, "/settings/plugins")
    assert "周日不发" in client.get("/settings/hours").get_data(as_text=True)


def test_words_are_their_english_but_where_they_are_shown():
    words = Words("Left: %(n)s", zh_Hans="剩余：%(n)s")
    assert words == "Left: %(n)s" and {words: 1}["Left: %(n)s"] == 1
    with i18n.use("zh_Hans"):
        assert str(words) == "剩余：%(n)s" and json.dumps({"x": words}) == '{"x": "Left: %(n)s"}'
        assert i18n.gettext(words, n=3) == "剩余：3" and str(i18n.lazy(words, n=4)) == "剩余：4"
        assert str(Words("Alone")) == "Alone"
    assert i18n.gettext(words, n=3) == "Left: 3"


@pytest.mark.parametrize(
    ("doc", "about", "shown"),
    [("First line\nand its end.\n\nMore.", None, "First line and its end."), ("Doc.", "Told.", "Told."),
     ("Doc.", 7, "Doc."), (None, None, "")],
)  # fmt: skip
def test_a_plugin_says_what_it_is_or_its_docstring_does(doc, about, shown):
    module = ModuleType("mine", doc)
    if about is not None:
        module.ABOUT = about
    assert Plugin("mine", "given", module=module).about == shown


# --- what a shop was answered -----------------------------------------------------------------------------


def call(rt, source, body: dict, secret: str = "s3cret-of-the-shop") -> hooks.Answer:
    import hmac

    raw = json.dumps(body).encode()
    signature = hmac.digest(secret.encode(), raw, "sha256").hex()
    return hooks.receive(rt, source.token, {"x-signature": signature}, raw)


@pytest.fixture
def source(rt):
    plan = {
        "phone": "phone",
        "events": [{"type": "purchase", "key": "id", "at": "at", "amount": "sum"}],
    }
    made = store.create(rt, "Shop", "custom", secret="s3cret-of-the-shop")
    store.edit(rt, made, name="Shop", region="", plan=plan)
    return store.get(made.id)


CASES = [
    ({"id": 1, "at": "yesterday-ish", "sum": "5", "phone": "+8613800138000"}, "time", "不是"),
    ({"at": 1_790_000_000, "sum": "5", "phone": "+8613800138000"}, "path:id", "数据里没有这个值 (id)"),
    ({"id": 1, "at": 1_790_000_000, "sum": "five", "phone": "+8613800138000"}, "amount:five", "(five)"),
    ({"id": 1, "at": 1_790_000_000, "sum": "5"}, "number", "没有可用的号码"),
    ({"id": 1, "at": 1, "sum": "5", "phone": "+8613800138000"}, "too_old", "2000"),
]


@pytest.mark.parametrize(("body", "code", "chinese"), CASES, ids=[case[1] for case in CASES])
def test_a_shops_calls_are_noted_as_codes_and_read_in_the_readers_language(rt, source, body, code, chinese):
    answer = call(rt, source, body)
    stored = database.scalar("SELECT note FROM source_call ORDER BY id DESC LIMIT 1")
    assert answer.status == 200 and stored.startswith(code) and answer.note == stored
    english = notes.words(stored)
    assert english == answer.text != stored
    with i18n.use("zh_Hans"):
        assert chinese in notes.words(stored) and notes.words(stored) != english


def test_a_note_of_an_earlier_version_stays_as_it_was():
    assert notes.words("No usable number: “12”.") == "No usable number: “12”."
    assert notes.words("ok") == "ok"


def test_the_page_of_a_source_reads_them_in_chinese(client, rt_sqlite):
    source = store.create(rt_sqlite, "Shop", "shopify", secret="s3cret-of-the-shop")
    forged = hooks.receive(rt_sqlite, source.token, {}, b"{}")
    assert (forged.status, forged.text) == (403, "the signature does not fit the secret")
    assert "签名与密钥不符" in in_chinese(client, f"/settings/sources/{source.id}")
