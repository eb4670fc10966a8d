"""Every sentence on screen has a Chinese one, with the same values in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from core import i18n

ROOT = Path(__file__).resolve().parent.parent
KEYWORDS = {"_": None, "_l": None, "gettext": None, "lazy": None, "_n": (1, 2), "ngettext": (1, 2)}
VALUE = re.compile(r"%\((\w+)\)[sd]")


def sentences() -> dict[str, list[str]]:
    """English sentence → where it stands, as "templates/base.html:12"."""
    found: dict[str, list[str]] = {}
    files = [*ROOT.glob("core/**/*.py"), *ROOT.glob("plugins/**/*.py")]
    files += [*ROOT.glob("templates/**/*.html"), *ROOT.glob("plugins/**/*.html")]
    for file in sorted(files):
        method = "python" if file.suffix == ".py" else "jinja2.ext:babel_extract"
        options = {} if file.suffix == ".py" else {"extensions": "jinja2.ext.do"}
        for line, message, _comments, _context in extract_from_file(
            method, str(file), keywords=KEYWORDS, options=options
        ):
            key = message if isinstance(message, str) else message[0]
            if key:
                found.setdefault(key, []).append(f"{file.relative_to(ROOT)}:{line}")
    return found


def test_every_sentence_is_translated():
    known = i18n.catalogue("zh_Hans")
    missing = [f"{places[0]}: {text!r}" for text, places in sentences().items() if text not in known]
    assert not missing, f"{len(missing)} without Chinese:\n" + "\n".join(sorted(missing))


def messages():
    """(file, English forms, Chinese forms) of every entry of every PO file."""
    for folder in i18n.folders():
        for file in sorted(folder.glob("zh_Hans/*.po")):
            with file.open("rb") as source:
                for entry in read_po(source, locale="zh_Hans_CN"):
                    if entry.id:
                        yield file, _forms(entry.id), _forms(entry.string), entry.fuzzy


def _forms(text) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def test_translations_have_the_same_values():
    wrong = []
    for file, english, chinese, _fuzzy in messages():
        known = {name for form in english for name in VALUE.findall(form)}
        for form in chinese:
            used = set(VALUE.findall(form))
            # A plural may leave the number out, never name another value.
            if used - known or known - used - {"n", "num", "people"}:
                wrong.append((file.name, english, form))
    assert not wrong


def test_every_entry_is_translated_and_none_is_fuzzy():
    assert [(f.name, english) for f, english, chinese, fuzzy in messages() if fuzzy or not all(chinese)] == []


def test_no_sentence_has_two_translations():
    """Areas share words; the same English must read the same in Chinese on each page."""
    seen: dict[str, dict[tuple[str, ...], str]] = {}
    for file, english, chinese, _fuzzy in messages():
        seen.setdefault(english[0], {}).setdefault(chinese, file.name)
    differing = [f"{text!r}: {found}" for text, found in seen.items() if len(found) > 1]
    assert not differing, "\n".join(differing)


@pytest.mark.parametrize(
    ("accept", "language"),
    [("zh-CN,zh;q=0.9", "简体"), ("zh-TW", "简体"), ("en-GB,en", "English"), ("tr,de", "English")],
)
def test_the_browsers_language_is_taken(app, accept, language):
    html = app.test_client().get("/login", headers={"Accept-Language": accept}).get_data(as_text=True)
    assert ("登录" in html) is (language == "简体")
    assert f'lang="{"zh-Hans" if language == "简体" else "en"}"' in html


def test_a_choice_before_signing_in_is_kept_in_a_cookie(app):
    from tests.people import csrf_token

    client = app.test_client()
    token = csrf_token(client, "/login")
    answer = client.post(
        "/settings/language", data={"language": "zh_Hans", "next": "/login", "csrf_token": token}
    )
    assert answer.status_code == 303 and answer.headers["Location"] == "/login"
    assert "登录" in client.get("/login").get_data(as_text=True)


def test_a_persons_choice_wins_over_the_browser(client):
    client.post("/settings/language", data={"language": "zh_Hans", "next": "/settings"})
    client.delete_cookie("cooee_language")
    html = client.get("/settings", headers={"Accept-Language": "en"}).get_data(as_text=True)
    assert "审计日志" in html and "Audit log" not in html


def test_errors_of_libraries_are_translated_too(client):
    client.post("/settings/language", data={"language": "zh_Hans", "next": "/"})
    answer = client.post("/people", data={"email": "", "name": "", "role": "viewer"})
    assert answer.status_code == 422
    assert "This field is required" not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/x", "/\\evil.example", "javascript:1"]
)
def test_the_language_switch_never_leads_elsewhere(client, target):
    answer = client.post("/settings/language", data={"language": "en", "next": target})
    place = answer.headers["Location"]
    assert place.startswith("/") and place[1:2] not in ("/", "\\")


def test_words_work_outside_a_request():
    assert i18n.gettext("Sign in") == "Sign in"
    with i18n.use("zh_Hans"):
        assert i18n.gettext("Sign in") == "登录"
        assert str(i18n.lazy("Sign in")) == "登录"
        assert i18n.ngettext("%(n)s person", "%(n)s people", 3) == "3 人"
    assert i18n.ngettext("%(n)s person", "%(n)s people", 1) == "1 person"
    assert i18n.gettext("%(email)s exists already.", email="a@b.c") == "a@b.c exists already."
