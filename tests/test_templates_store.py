"""Templates and their versions, on both databases."""

import pytest

from core.content import languages, templates
from core.contract.errors import Refusal
from core.db import database
from core.db.codes import Cls
from core.db.models import Audit, Campaign, Template, Variant

WHO = "mei@shop.example"


@pytest.fixture
def sale(rt) -> int:
    return templates.create(rt, "Sale", "mass", {"en": "Hi {{first_name}}", "zh": "{{honorific}}，您好"}, WHO)


def bodies(template_id: int) -> dict[str, tuple[int, str]]:
    return {lang: (text.version, text.body) for lang, text in templates.texts(template_id).items()}


def test_a_template_keeps_one_text_a_language_the_default_first(rt, sale):
    assert list(bodies(sale)) == ["en", "zh"]
    assert bodies(sale)["zh"] == (1, "{{honorific}}，您好")
    assert (Template.get_by_id(sale).cls, Template.get_by_id(sale).created_by) == (Cls.mass, WHO)
    assert Audit.select().where(Audit.action == "template.create").count() == 1


def test_a_change_is_a_new_version_of_that_language_only(rt, sale):
    assert templates.edit(rt, sale, WHO, bodies={"en": "Hello {{first_name}}", "zh": "{{honorific}}，您好"})
    assert bodies(sale) == {"en": (2, "Hello {{first_name}}"), "zh": (1, "{{honorific}}，您好")}
    assert [text.version for text in templates.history(sale)] == [2, 1, 1]


def test_saving_the_same_again_changes_nothing(rt, sale):
    before = Template.get_by_id(sale).updated_at
    assert not templates.edit(rt, sale, WHO, bodies={"en": " Hi {{first_name}}\r\n"}, name="Sale", cls="mass")
    assert Template.get_by_id(sale).updated_at == before
    assert len(templates.history(sale)) == 2


def test_an_old_version_comes_back_as_a_new_one(rt, sale):
    templates.edit(rt, sale, WHO, bodies={"en": "Hello"})
    assert templates.restore(rt, sale, "en", 1, WHO)
    assert bodies(sale)["en"] == (3, "Hi {{first_name}}")
    assert not templates.restore(rt, sale, "en", 3, WHO)
    with pytest.raises(Refusal):
        templates.restore(rt, sale, "en", 9, WHO)


def test_an_empty_text_takes_its_language_away_but_not_the_last(rt, sale):
    templates.edit(rt, sale, WHO, bodies={"en": ""})
    assert list(bodies(sale)) == ["zh"]
    assert Template.get_by_id(sale).default_lang == "zh"
    with pytest.raises(Refusal, match="Write a text"):
        templates.edit(rt, sale, WHO, bodies={"zh": "  "})
    templates.edit(rt, sale, WHO, bodies={"en": "Back"})
    assert bodies(sale)["en"] == (3, "Back")


def test_name_class_and_default_can_change_without_a_new_version(rt, sale):
    assert templates.edit(rt, sale, WHO, name=" Big  sale ", cls="notice", default_lang="zh")
    changed = Template.get_by_id(sale)
    assert (changed.name, changed.cls, changed.default_lang) == ("Big sale", Cls.notice, "zh")
    assert len(templates.history(sale)) == 2


#: name, class, texts, field at fault
REFUSED = [
    ("", "mass", {"en": "Hi"}, "name"),
    ("x" * 121, "mass", {"en": "Hi"}, "name"),
    ("a\x00b", "mass", {"en": "Hi"}, "name"),
    ("Sale", "mass", {"en": "Hi"}, "name"),
    ("New", "spam", {"en": "Hi"}, "cls"),
    ("New", "mass", {}, "text"),
    ("New", "mass", {"en": "  \n"}, "text"),
    ("New", "mass", {"en": "Hi {{nmae}}"}, "text"),
    ("New", "mass", {"en": "Hi {{"}, "text"),
    ("New", "mass", {"english!": "Hi"}, "lang"),
    ("New", "mass", {"en-gb": "Hi", "en_GB": "Ho"}, "lang"),
]


@pytest.mark.parametrize(("name", "cls", "texts", "field"), REFUSED)
def test_what_cannot_be_used_is_refused_and_nothing_is_kept(rt, sale, name, cls, texts, field):
    with pytest.raises(Refusal) as refused:
        templates.create(rt, name, cls, texts, WHO)
    assert refused.value.field == field
    assert Template.select().count() == 1


def test_two_templates_cannot_have_one_name(rt, sale):
    other = templates.create(rt, "Other", "mass", {"en": "Hi"}, WHO)
    with pytest.raises(Refusal, match="already"):
        templates.edit(rt, other, WHO, name="Sale", bodies={"en": "Changed"})
    assert bodies(other)["en"] == (1, "Hi")


def test_the_unique_index_speaks_a_sentence_too(rt, sale, monkeypatch):
    monkeypatch.setattr(templates, "_free", lambda name: None)
    with pytest.raises(Refusal, match="named “Sale” already"):
        templates.create(rt, "Sale", "mass", {"en": "Hi"}, WHO)


def test_a_copy_has_the_texts_and_a_free_name(rt, sale):
    first, second = templates.duplicate(rt, sale, WHO), templates.duplicate(rt, sale, WHO)
    assert [Template.get_by_id(made).name for made in (first, second)] == ["Sale (copy)", "Sale (copy 2)"]
    assert bodies(first) == bodies(sale)


def test_archiving_hides_a_template_from_the_list_and_can_be_undone(rt, sale):
    assert templates.archive(sale, WHO) and not templates.archive(sale, WHO)
    assert templates.listing() == [] and len(templates.listing(archived=True)) == 1
    assert templates.find("Sale").id == sale
    assert templates.archive(sale, WHO, archived=False)
    assert len(templates.listing()) == 1


def test_the_list_is_searched_by_name_and_words_and_counts_campaigns(rt, sale):
    templates.create(rt, "Birthday", "mass", {"zh": "生日快乐"}, WHO)
    with database.write_tx():
        for _n in range(2):
            campaign = Campaign.insert(
                {Campaign.name: "C", Campaign.cls: 2, Campaign.created_at: 1, Campaign.state: "done"}
            ).execute()
            Variant.create(campaign_id=campaign, idx=0, template_id=sale)
            Variant.create(campaign_id=campaign, idx=1, template_id=sale)
    assert [row.template.name for row in templates.listing()] == ["Birthday", "Sale"]
    assert [row.template.name for row in templates.listing("SALE hi")] == ["Sale"]
    assert [row.template.name for row in templates.listing("快乐")] == ["Birthday"]
    assert templates.listing("nothing like it") == []
    assert templates.uses() == {sale: 2}
    assert [name for _id, name, _state in templates.campaigns_using(sale)] == ["C", "C"]


def test_a_template_is_found_by_name_or_number(rt, sale):
    assert templates.find("Sale").id == templates.find(sale).id == templates.find(str(sale)).id == sale
    for wrong in ("Sal", "999", "9" * 30):
        with pytest.raises(Refusal) as refused:
            templates.find(wrong)
        assert refused.value.status == 404


@pytest.mark.parametrize(
    ("tag", "kept"),
    [("EN", "en"), ("zh_hans", "zh-Hans"), ("pt-br", "pt-BR"), (" zh ", "zh"), ("zh-CN", "zh-CN")],
)
def test_language_tags_have_one_spelling(tag, kept):
    assert languages.language(tag) == kept


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Hi", "en"),
        ("您好 {{name}}", "zh"),
        ("こんにちは世界", "ja"),
        ("안녕", "ko"),
        ("Привет", "ru"),
        ("", "en"),
    ],
)
def test_the_language_of_a_text_is_guessed_by_its_script(text, lang):
    assert languages.guess_language(text) == lang


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("zh", "zh"),
        ("zh-Hant", "zh"),
        ("zh_CN", "zh"),
        ("de", "en"),
        (None, "en"),
        ("", "en"),
        ("en-GB", "en"),
    ],
)
def test_each_person_gets_their_language_a_cousin_or_the_default(wanted, got):
    assert languages.pick_language(["zh", "en"], wanted, "en") == got
    assert languages.pick_language(["tr"], wanted, "en") == "tr"
