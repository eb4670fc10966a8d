"""Words a class of messages must hold or must not hold (core.db.classes), for checks and single messages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from core.db.classes import Rules
from core.i18n import _

#: An address, with or without its scheme.
_LINK = re.compile(
    r"https?://|www\.|\b[a-z0-9-]{2,}\.(?:com|cn|net|org|io|co|me|ly|cc|top|shop|app|info)\b", re.I
)
#: A code's text in mainland China says so, and carries no link (Aliyun and Tencent, read 2026-11-21).
CN_OTP = {
    "must": ["验证码", "注册码", "校验码", "动态码"], "never": ["拒收请回复", "退订"], "no_link": True,
    "words_for": "CN",
}  # fmt: skip
#: A notice never carries the words by which marketing is refused.
CN_NOTICE = {"never": ["拒收请回复", "退订"], "words_for": "CN"}
PRESETS = {"otp": CN_OTP, "notice": CN_NOTICE}


def problems(rules: Rules, text: str, *, in_china: bool, parts: int = 0) -> Iterator[tuple[str, str]]:
    """(code, sentence) of each rule a text breaks.  `in_china`: it is read in mainland China."""
    if rules.max_parts is not None and parts > rules.max_parts:
        yield "parts", _("Texts of this class have at most %(max)s parts; this one has %(n)s.",
                         max=rules.max_parts, n=parts)  # fmt: skip
    if rules.words_for == "CN" and not in_china:
        return
    plain = text.casefold()
    if rules.must and not any(word.casefold() in plain for word in rules.must):
        yield "must", _("Texts of this class hold one of: %(words)s.", words=" / ".join(rules.must))
    for word in rules.never:
        if word.casefold() in plain:
            yield "never", _("Texts of this class never hold “%(word)s”.", word=word)
    if rules.no_link and (found := _LINK.search(text) or re.search(r"\{\{\s*(?:link|url)", text)):
        yield "link", _("Texts of this class hold no link; “%(link)s” looks like one.", link=found[0])
