"""Lengths of time in forms are shown and typed as people say them."""

from dataclasses import asdict

import pytest

from core import i18n
from core.sending.otp import rules
from core.web.durations import heard, said


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("90", 90), ("90 s", 90), ("5 min", 300), ("5m", 300), ("1 h 30 min", 5_400), ("1.5 h", 5_400),
        ("1,5 hours", 5_400), ("2 d", 172_800), ("5 分钟", 300), ("6小时", 21_600), ("1 天 12 小时", 129_600),
    ],
)  # fmt: skip
def test_what_people_type_is_understood(words, seconds):
    assert heard(words) == seconds


@pytest.mark.parametrize("words", ["soon", "5 fortnights", "-5 min", "5 min ago", "1e9", "²", "9" * 400])
def test_what_is_no_length_of_time_is_refused_with_a_remedy(words):
    with pytest.raises(ValueError, match="5 min or 6 h"):
        heard(words)


@pytest.mark.parametrize("seconds", [0, 1, 59, 60, 300, 3_600, 5_400, 86_399, 90_061, 2_592_000])
@pytest.mark.parametrize("language", ["en", "zh_Hans"])
def test_what_is_shown_is_understood_again(seconds, language):
    i18n.set_language(language)
    assert heard(said(seconds)) == seconds


def test_the_page_of_codes_shows_minutes_and_keeps_what_was_mistyped(client):
    page = client.get("/settings/otp/rules").text
    assert 'value="5 min"' in page and 'value="6 h"' in page
    data = {name: str(value) for name, value in asdict(rules.Rules()).items()} | {"countries": "CN"}
    refused = client.post("/settings/otp/rules", data=data | {"block_s": "a fortnight", "ttl_s": "1 h"})
    assert refused.status_code == 422
    assert 'value="a fortnight"' in refused.text and "Choose a time from 30 s to 10 min." in refused.text
    assert client.post("/settings/otp/rules", data=data | {"block_s": "90 min"}).status_code in (302, 303)
    assert rules.of().block_s == 5_400
