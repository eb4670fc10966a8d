"""What the first pass over a file finds: numbers in every spelling, those that come again, texts to choose from."""

from __future__ import annotations

import pytest

from core.audience.importing import survey
from core.audience.importing.child import look
from core.audience.importing.plan import Plan


@pytest.fixture
def surveyed(tmp_path):
    """`surveyed(text)` surveys a file with the plan guessed for it."""

    def run(text: str, region: str = "CN"):
        path = tmp_path / "people.csv"
        path.write_text(text, "utf-8")
        seen = look(path, region, {"city": "choice"}, {})
        return survey.survey(path, Plan.from_dict(seen))

    return run


def _numbers(found):
    return [number >> 11 if number > survey.REJECTED else number for number in found.numbers]


def test_every_spelling_of_a_number_is_the_same_number(surveyed):
    spelt = [
        "+8613800138000",
        "13800138000",
        "138 0013 8000",
        "008613800138000",
        "８６１３８００１３８０００",
    ]
    found = surveyed("phone,city\n" + "".join(f"{text},上海\n" for text in spelt))
    assert _numbers(found) == [8613800138000] * 5
    assert len(set(found.numbers)) == 1 and found.repeated == set(found.numbers)


def test_a_number_that_comes_again_is_found_near_and_far(surveyed):
    rows = [f"+861390000{at:04}" for at in range(1_600)]
    rows[1_500], rows[701] = rows[3], rows[700]
    found = surveyed("phone\n" + "".join(f"{number}\n" for number in rows))
    assert {number >> 11 for number in found.repeated} == {8613900000003, 8613900000700}


def test_what_is_no_number_no_row_or_too_wide_is_told_apart(surveyed):
    found = surveyed(
        "phone,name,city\n12345,Ann,上海\n,,\n13800138000,Bob,北京,slipped\n13900139000,Eve,广州,\n"
    )
    assert _numbers(found) == [survey.REJECTED, survey.BLANK, survey.REJECTED, 8613900139000]
    # Only rows that are taken give texts to choose from.
    assert found.choices == {"city": {"广州"}}


def test_a_row_with_a_country_is_read_by_its_rules(surveyed):
    found = surveyed("phone,country,name\n2125550123,US,Ann\n13800138000,China,Bob\n13800138000,,Eve\n")
    assert _numbers(found) == [12125550123, 8613800138000, 8613800138000]


@pytest.mark.parametrize("block", [2, 500])
def test_a_list_to_choose_from_takes_the_first_texts_however_the_rows_are_cut(surveyed, monkeypatch, block):
    monkeypatch.setattr(survey, "MAX_CHOICES", 3)
    monkeypatch.setattr(survey, "_BLOCK", block)
    cities = ["甲", "乙", "甲", "丙", "丁", "戊"]
    found = surveyed("phone,city\n" + "".join(f"1380013800{at},{city}\n" for at, city in enumerate(cities)))
    assert found.choices == {"city": {"甲", "乙", "丙"}}
