"""Names come in as people write them: whole families in one picture, joined scripts, and long ones with a note."""

from __future__ import annotations

from functools import partial

import pytest

from core.audience import kinds
from core.audience.importing import rejects
from core.audience.quality.renamed import another
from core.audience.upserts import rows
from core.content import filters
from core.contract.errors import Refusal
from core.db import database
from tests.import_kit import HEADER, contact, taken

FAMILY, PERSIAN, SINHALA, CHILLU = "👩‍👩‍👧‍👦 👩🏽‍⚕️", "علی‌رضا", "ශ්‍රී", "അവന്‍"


@pytest.fixture
def take(rt, tmp_path):
    """`take(text, **rules)` imports a file and returns its report."""
    return partial(taken, rt, tmp_path)


@pytest.mark.parametrize("text", [FAMILY, PERSIAN, SINHALA, CHILLU])
def test_joiners_stay_where_a_picture_or_a_script_needs_them(text):
    assert kinds.clean(text) == text
    assert filters.text(text, "en") == text


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("An\u200dna", "Anna"),
        ("\u200c金\u200d卡\u200d", "金卡"),
        ("\u200d👩\u200d", "👩"),
        ("+86\u200d138", "+86138"),
        ("\u202eevil\u2066 name\x00\u200f\ufeff", "evil name"),
        (f"\u202e{PERSIAN}\u200e", PERSIAN),
    ],
)
def test_what_nobody_sees_goes(text, cleaned):
    assert kinds.clean(text) == cleaned


def test_a_name_is_the_same_with_and_without_its_joiners():
    assert not another(PERSIAN.replace("\u200c", ""), PERSIAN)
    assert another("Ann", PERSIAN)


def test_a_family_is_imported_whole(rt, take):
    take(HEADER + f"13800138000,{FAMILY},,,,\n13900139000,{PERSIAN},,,,\n")
    assert contact(rt, "+8613800138000")[0] == FAMILY
    assert contact(rt, "+8613900139000")[0] == PERSIAN


def test_a_name_that_is_cut_is_noted_on_its_row(rt, take):
    long = "Anna-" * 2000
    done = take(HEADER + f"13800138000,{long},上海,,1990-02-30,\n13900139000,Bob,上海,,,\n")
    assert (done["created"], done["notes"]) == (2, 1)
    assert contact(rt, "+8613800138000")[0] == long[:200]
    [(row, reason, _cells)] = rejects.rows(done["batch"], taken=True)
    assert row == 2
    assert rejects.words(reason) == (
        "longer than 200 characters, so only its beginning was taken (Anna-Anna-Anna-Anna-Anna-Anna-Anna-Anna-); "
        "no such date (1990-02-30)"
    )


def test_the_same_long_name_again_changes_nothing(rt, take):
    text = HEADER + f"13800138000,{'x' * 300},,,,\n"
    take(text)
    done = take(text, "again.csv")
    assert (done["unchanged"], done["updated"], done["notes"]) == (1, 0, 1)
    assert database.scalar("SELECT COUNT(*) FROM import_change") == 0


def test_a_program_that_sends_a_name_too_long_is_told(rt):
    reader = rows.Reader(rt)
    with pytest.raises(Refusal, match="“x{40}…” is longer than 200 characters"):
        reader.person(0, rows.Row("+8613800138000", {"name": "x" * 201}))
    assert reader.person(0, rows.Row("+8613800138000", {"name": "x" * 200})).basics == {"name": "x" * 200}
