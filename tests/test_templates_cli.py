"""`cooee template` on both databases."""

import json

import pytest

from core.content import templates
from core.db import database
from core.db.models import Contact, Template
from tests.campaign_kit import person

SALE = 'Hi {{first_name|default:"friend"}}, 20 % off today. Reply STOP to opt out'


def test_a_template_is_added_from_a_file(cli, tmp_path):
    file = tmp_path / "sale.txt"
    file.write_bytes(("\ufeff" + SALE + "\r\n").encode())
    result = cli("template", "add", "sale", "--class", "mass", "--text-file", file, "--lang", "en")
    assert result.exit_code == 0, result.output
    assert templates.texts(templates.find("sale").id)["en"].body == SALE


def test_standard_input_gives_the_text_and_its_script_the_language(cli):
    result = cli(
        "template",
        "add",
        "促销",
        "--class",
        "mass",
        "--text-file",
        "-",
        "--json",
        input="全场八折，拒收请回复R\n",
    )
    assert json.loads(result.output) == {
        "id": 1, "name": "促销", "class": "mass", "languages": ["zh"], "archived": False, "versions": {"zh": 1},
    }  # fmt: skip


def test_a_second_language_joins_the_template_and_the_same_one_is_refused(cli):
    for text in (SALE, "全场八折，拒收请回复R"):
        assert (
            cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input=text).exit_code == 0
        )
    again = cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input="Other words")
    assert again.exit_code == 1 and "already" in again.stderr and "Traceback" not in again.stderr
    assert list(templates.texts(templates.find("sale").id)) == ["en", "zh"]


@pytest.mark.parametrize(
    ("arguments", "text", "says"),
    [
        (("--class", "mass", "--text-file", "-"), "Hi {{nmae}}", "did you mean “name”"),
        (("--class", "mass", "--text-file", "-"), "Hi {{name", "never closed"),
        (("--class", "mass", "--text-file", "-"), "  ", "empty template"),
        (("--class", "mass", "--text-file", "/nowhere/at/all"), "", "cannot be read"),
        (("--class", "mass", "--text-file", "-", "--lang", "english"), "Hi", "is no language"),
    ],
)
def test_bad_texts_are_refused_with_one_sentence(cli, arguments, text, says):
    result = cli("template", "add", "sale", *arguments, input=text)
    assert result.exit_code == 1
    assert says in result.stderr and result.stderr.count("\n") == 1
    assert Template.select().count() == 0


def test_a_file_that_is_not_utf8_is_refused(cli, tmp_path):
    (tmp_path / "gb.txt").write_bytes("全场八折".encode("gb18030"))
    result = cli("template", "add", "sale", "--class", "mass", "--text-file", tmp_path / "gb.txt")
    assert result.exit_code == 1 and "UTF-8" in result.stderr


def test_a_wrong_class_is_wrong_usage(cli):
    assert cli("template", "add", "sale", "--class", "spam", "--text-file", "-", input="Hi").exit_code == 2


def test_list_show_edit_and_archive(cli):
    cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input=SALE)
    assert cli("template", "edit", "sale", "--text-file", "-", input="Better words").exit_code == 0
    shown = json.loads(cli("template", "show", "sale", "--json").output)
    assert shown["texts"] == {"en": {"version": 2, "text": "Better words"}}
    listed = json.loads(cli("template", "list", "--json").output)
    assert [(row["name"], row["languages"], row["campaigns"]) for row in listed] == [("sale", ["en"], 0)]
    archived = json.loads(cli("template", "archive", "sale", "--json").stdout)
    assert (archived["name"], archived["archived"], archived["changed"]) == ("sale", True, True)
    assert json.loads(cli("template", "list", "--json").output) == []
    assert cli("template", "show", "other").exit_code == 1


def test_check_reports_findings_and_fails_when_one_blocks(cli):
    cli("template", "add", "good", "--class", "mass", "--text-file", "-", input=SALE)
    cli("template", "add", "bad", "--class", "mass", "--text-file", "-", input="Sale")
    good = cli("template", "check", "good", "--json")
    assert good.exit_code == 0 and {f["level"] for f in json.loads(good.stdout)} <= {"good", "info", "warn"}
    bad = cli("template", "check", "bad", "--json")
    assert bad.exit_code == 1
    finding = next(f for f in json.loads(bad.stdout) if f["level"] == "block")
    assert finding["code"] == "optout.absent" and finding["fix"][1] == "Sale. Reply STOP to opt out"


def test_preview_as_a_contact_in_their_language(rt, cli):
    nana = person(rt, 1, name="欧阳娜娜", language="zh")
    number = "+8613800138000"
    with database.write_tx():
        Contact.update(phone_bidx=rt.keys.blind_index(number)).where(Contact.id == nana).execute()
    cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input="Hi {{first_name}}")
    cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input="{{first_name}}，您好")
    shown = json.loads(cli("template", "preview", "sale", "--as", "138 0013 8000", "--json").output)
    assert shown == {"lang": "zh", "text": "娜娜，您好", "encoding": "ucs2", "units": 5, "parts": 1}
    english = cli("template", "preview", "sale", "--as", number, "--lang", "en")
    assert english.output == "Hi 娜娜\n"
    made_up = json.loads(cli("template", "preview", "sale", "--json").output)
    assert made_up == {"lang": "en", "text": "Hi Emma", "encoding": "gsm7", "units": 7, "parts": 1}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("sale", "--as", "+8613800138999"), "no contact with the number"),
        (("sale", "--as", "nobody"), "no contact with the number"),
        (("sale", "--lang", "de"), "has no text in de"),
        (("other",), "no template"),
    ],
)
def test_a_preview_that_cannot_be_made_says_why(cli, arguments, says):
    cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input="Hi {{first_name}}")
    result = cli("template", "preview", *arguments)
    assert result.exit_code == 1 and says in result.stderr


def test_someone_who_lacks_a_value_has_no_preview_but_a_reason(rt, cli):
    nobody = person(rt, 1, name=None)
    with database.write_tx():
        Contact.update(phone_bidx=rt.keys.blind_index("+8613800138000")).where(Contact.id == nobody).execute()
    cli("template", "add", "sale", "--class", "mass", "--text-file", "-", input="Hi {{first_name}}")
    result = cli("template", "preview", "sale", "--as", "13800138000")
    assert result.exit_code == 1 and "has no first_name" in result.stderr
