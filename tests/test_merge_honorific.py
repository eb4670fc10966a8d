"""How people are addressed: S1.10, by the text's language, name and gender."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.content import honorific

ADDRESSED = [
    ("王芳", "女", "zh", "尊敬的王女士"),
    ("王伟", "男", "zh", "尊敬的王先生"),
    ("王伟", "male", "zh-CN", "尊敬的王先生"),
    ("欧阳娜娜", "女", "zh", "尊敬的欧阳女士"),
    ("司马光", "男", "zh", "尊敬的司马先生"),
    ("諸葛亮", "男", "zh-Hant", "尊敬的諸葛先生"),
    ("欧阳", "女", "zh", "尊敬的欧阳女士"),
    ("欧文", "男", "zh", "尊敬的欧先生"),
    ("王芳", None, "zh", "尊敬的王芳"),
    ("王芳", "保密", "zh", "尊敬的王芳"),
    ("Emma Smith", "f", "zh", "尊敬的Emma Smith女士"),
    ("Emma", "f", "zh", "尊敬的Emma女士"),
    ("阿依古丽·买买提", "女", "zh", "尊敬的买买提女士"),
    ("Anna Smith", "Female", "en", "Ms Smith"),
    ("Jack O'Neil", "m", "en-GB", "Mr O'Neil"),
    ("Anna Maria Smith", "f", "en", "Ms Smith"),
    ("Smith, Anna", "f", "en", "Ms Smith"),
    ("Dr. Anna Smith", "f", "en", "Ms Smith"),
    ("Anna", "f", "en", "Anna"),
    ("Anna Smith", "", "en", "Anna Smith"),
    ("王芳", "女", "en", "王芳"),
    ("Anna Schmidt", "weiblich", "de", "Frau Schmidt"),
    ("Max Schmidt", "m", "de", "Herr Schmidt"),
    ("Ayşe Yılmaz", "kadın", "tr", "Ayşe Hanım"),
    ("Mehmet", "erkek", "tr", "Mehmet Bey"),
    ("Anna Smith", "f", "xx", "Anna Smith"),
    ("  Anna   Smith ", "f", "en", "Ms Smith"),
]


@pytest.mark.parametrize(("name", "gender", "lang", "expected"), ADDRESSED)
def test_a_person_is_addressed(name, gender, lang, expected):
    assert honorific.address(name, gender, lang) == expected


@pytest.mark.parametrize("name", [None, "", "  "])
def test_nobody_without_a_name_is_addressed(name):
    assert honorific.address(name, "f", "en") is None
    assert honorific.first_name(name) is None


@pytest.mark.parametrize(
    ("name", "first"),
    [("Anna Smith", "Anna"), ("Anna Maria Smith", "Anna"), ("Smith, Anna", "Anna"), ("Zoë", "Zoë"),
     ("Dr. Anna Smith", "Anna"), ("欧阳娜娜", "娜娜"), ("王芳", "王芳"), ("王小雅", "小雅")],
)  # fmt: skip
def test_first_names(name, first):
    assert honorific.first_name(name) == first


def test_every_language_with_a_form_has_a_fallback():
    for lang, form in honorific.FORMS.items():
        assert honorific.fallback(lang) == form.fallback != ""
    assert honorific.fallback("xx") == ""


def test_many_are_addressed_like_each():
    names, genders = ["王芳", "王芳", None, "Anna Smith"], ["女", "男", "女", None]
    assert honorific.addresses(names, genders, "zh") == [
        "尊敬的王女士",
        "尊敬的王先生",
        None,
        "尊敬的Anna Smith",
    ]


@given(
    st.text(max_size=30),
    st.one_of(st.none(), st.text(max_size=8), st.integers()),
    st.sampled_from(["zh", "en", "de", ""]),
)
def test_any_name_gives_a_form_that_holds_some_of_it(name, gender, lang):
    form = honorific.address(name, gender, lang)
    assert (form is None) == (not name.strip())
    surname, given_name = honorific.split_name(name.strip())
    if form is not None:
        assert any(part in form for part in (name.strip(), surname, given_name) if part) or not (
            surname or given_name
        )
