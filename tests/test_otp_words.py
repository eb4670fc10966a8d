"""The words around a code: in every language, changed by people, given by the caller."""

from __future__ import annotations

import re

import pytest

from core.contract.errors import Refusal
from core.db import classes, settings
from core.sending.otp import wording
from tests.otp_kit import Phone, ask


@pytest.mark.parametrize("lang", sorted(wording.TEXTS))
def test_every_language_says_the_code_and_takes_one_part(rt_sqlite, lang):
    from core.content import parts

    phone = Phone(rt_sqlite)
    ask(rt_sqlite, locale=lang)
    phone.ring()
    text = phone.texts[0].text
    assert re.search(r"\d{6}", text) and "{{" not in text
    assert parts.plan(text).parts == 1, text


def test_words_can_be_changed_and_taken_back(rt_sqlite):
    phone = Phone(rt_sqlite)
    settings.put("brand", "Cooee")
    wording.change("en", "{{code}} opens {{brand}} for {{minutes}} min", "", "ann")
    ask(rt_sqlite, locale="en-GB")
    phone.ring()
    assert re.fullmatch(r"\d{6} opens Cooee for 5 min", phone.texts[0].text)
    wording.change("en", "", "", "ann")
    assert wording.texts()["en"][0] == wording.TEXTS["en"][1]
    for bad in ("no code", "{{code}} {{name}}", "•••••• {{code}}", "x" * 400 + "{{code}}"):
        with pytest.raises(Refusal):
            wording.change("en", bad, "")


def test_a_text_of_the_callers_own_obeys_the_class(rt_sqlite):
    from core.content.wording import CN_OTP

    Phone(rt_sqlite)
    classes.save("otp", CN_OTP)
    with pytest.raises(Refusal, match="验证码"):
        ask(rt_sqlite, text="【Shop】{{code}} is it")
    with pytest.raises(Refusal, match="no link"):
        ask(rt_sqlite, text="【Shop】验证码{{code}} https://x.example")
    assert ask(rt_sqlite, text="【Shop】验证码{{code}}").id
