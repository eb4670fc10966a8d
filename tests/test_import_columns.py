"""Headers, kinds of values, countries and languages."""

from __future__ import annotations

import pytest

from core import i18n
from core.audience import kinds
from core.audience.importing import columns, places, rejects
from core.contract.errors import Refusal
from core.db.models import ImportBatch

SAMPLE = [["13800138000", "张伟"]] * 4


def _targets(header, sample=()):
    found = columns.guess(header, sample, {}, "CN")
    return [column.key if column.to == "field" else column.to for column in found]


@pytest.mark.parametrize(
    ("header", "targets"),
    [
        (
            ["手机号", "姓名", "国家", "语言", "性别", "出生日期", "城市", "邮箱", "同意营销"],
            list(columns.STANDARD),
        ),
        (
            [
                "Mobile",
                "Name",
                "Country",
                "Language",
                "Gender",
                "Birthday",
                "City",
                "E-Mail",
                "Marketing consent",
            ],
            list(columns.STANDARD),
        ),
        (["Phone Number (required)", "FULL_NAME", "Date of birth"], ["phone", "name", "birthday"]),
        (["手机号码（必填）", "客户姓名", "会员等级"], ["phone", "name", "会员等级"]),
        (["Telefon", "Vorname", "Stadt"], ["phone", "name", "city"]),
        (["手机", "同意短信"], ["phone", "consent"]),
        (["tel", "mobile", "name"], ["tel", "phone", "name"]),
        (["Tier", "Tier", ""], ["Tier", "Tier (2)", "column 3"]),
        (["id", "phone"], ["id (2)", "phone"]),
    ],
)
def test_headers_are_guessed(header, targets):
    assert _targets(header) == targets


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_our_own_file_of_rejected_rows_comes_back_without_its_first_two_columns(rt_sqlite, language):
    made = ImportBatch.create(file_name="a.csv", created_at=0)
    with i18n.use(language):
        head = "".join(rejects.as_csv(made.id)).lstrip("\ufeff").strip().split(",")
    found = columns.guess([*head, "phone", "reason"], [], {}, "CN")
    assert [column.to for column in found] == ["skip", "skip", "phone", "field"]
    assert [column.to for column in columns.guess(["phone", *head], [], {}, "CN")] == [
        "phone",
        "field",
        "field",
    ]


def test_without_a_phone_header_the_cells_tell():
    assert _targets(["a", "b"], SAMPLE) == ["phone", "b"]


def test_a_first_row_with_a_number_is_no_header():
    assert columns.has_header(["phone", "name"], "CN")
    assert not columns.has_header(["13800138000", "张伟"], "CN")


def test_corrections_by_hand_take_the_key_from_the_guess():
    found = columns.guess(["Mobile", "Other", "x"], SAMPLE, {}, "CN")
    changed = columns.remap(found, {"phone": "other", "skip": "#3"}, {}, SAMPLE)
    assert [column.to for column in changed] == ["field", "phone", "skip"]
    with pytest.raises(Refusal, match="no column “Nope”"):
        columns.remap(found, {"phone": "Nope"}, {}, SAMPLE)


def test_a_mapping_needs_one_phone_and_no_target_twice():
    with pytest.raises(Refusal, match="No column of phone numbers"):
        columns.check(columns.guess(["x"], [], {}, "CN"))
    twice = [columns.Column(0, "a", "phone"), columns.Column(1, "b", "name"), columns.Column(2, "c", "name")]
    with pytest.raises(Refusal, match="Two columns go to “Name”"):
        columns.check(twice)


@pytest.mark.parametrize(
    ("texts", "kind", "style"),
    [
        (["是", "否", "是"], "bool", ""),
        (["yes", "No", ""], "bool", ""),
        (["0", "1", "1"], "number", "."),
        (["5.86", "28.93", "2866"], "number", "."),
        (["1,234.50", "¥ 12", "3"], "number", "."),
        (["1.234,50", "12,5", "3,0"], "number", ","),
        (["007", "008", "009"], "text", ""),
        (["13800138000", "13900139000"] * 2, "number", "."),
        (["138001380001", "139001390001"], "text", ""),
        (["1990-02-28", "1991/3/4", "1990-02-30"], "date", ""),
        (["2024年3月1日", "2024年12月31日"], "date", ""),
        (["31.12.2024", "01.02.2024"], "date", "dmy"),
        (["12/31/2024", "01/02/2024"], "date", "mdy"),
        (["20240301", "20241231"], "date", ""),
        (["gold", "silver", "gold", "silver"], "choice", ""),
        (["a", "b", "c"], "text", ""),
        (["", "n/a"], "text", ""),
    ],
)
def test_kinds_are_told_from_values(texts, kind, style):
    assert kinds.guess(texts) == kinds.Guess(kind, style)


@pytest.mark.parametrize(
    ("kind", "style", "text", "value"),
    [
        ("date", "", "1990-03-01", 7364),
        ("date", "", "1990-02-30", None),
        ("date", "mdy", "3/1/1990", 7364),
        ("date", "dmy", "1/3/1990", 7364),
        ("date", "", "1990-03-01T10:00:00", 7364),
        ("number", "", "１２．５", 12.5),
        ("number", ",", "1.234,50", 1234.5),
        ("number", "", "nan", None),
        ("number", "", "1_000", None),
        ("bool", "", "是", 1),
        ("bool", "", "无", 0),
        ("bool", "", "maybe", None),
        ("text", "", "  e\u0301 \u202eevil\x00 ", "é evil"),
        ("text", "", "'=1+1", "=1+1"),
        ("text", "", "x" * 2001, None),
    ],
)
def test_texts_become_typed_values(kind, style, text, value):
    assert kinds.convert(kind, text, style) == value


@pytest.mark.parametrize("text", ["China", "中国", "CN", "cn", "CHN", "中國", "PRC"])
def test_countries_in_words_and_codes(text):
    assert places.country(text) == "CN"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("中文", "zh"),
        ("zh-CN", "zh-Hans"),
        ("Chinese", "zh"),
        ("en_US", "en"),
        ("英语", "en"),
        ("德语", "de"),
        ("klingon!", None),
    ],
)
def test_languages_in_words_and_codes(text, code):
    assert places.language(text) == code
