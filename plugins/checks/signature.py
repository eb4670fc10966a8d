"""Who is writing: the 【signature】 carriers in China ask for, and the sender's name elsewhere.

China: 【…】 of 2 to 12 characters before the text, only approved ones
(cloud.tencent.com/document/product/382, read 2026-11-21; Huawei allows 16; real-name filing takes 5 to 10
working days).  EU: the sender is named in each text (CNIL, read 2026-11-21); US: the brand stands in the
sample texts of a 10DLC campaign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from core import ContentCheck, Draft, Finding, hookimpl
from core.i18n import _

#: Characters between the brackets, fewest and most (Tencent Cloud, 2026-11-21).
CN_LENGTH = (2, 12)
_BRACKETS = re.compile(r"【([^【】]*)】")
_LOOKALIKE = re.compile(r"\s*[\[［〖「『]([^\[\]［］〖〗「」『』]{2,12})[\]］〗」』]")
_CHINESE = re.compile("[\u3400-\u9fff]")
_NUMBER = re.compile(r"\+?[\d ]+")


class Signature(ContentCheck):
    name = "signature"
    title = "Sender"

    def check(self, draft: Draft) -> Iterator[Finding]:
        if not draft.text.strip():
            return
        if "CN" in draft.countries or (not draft.countries and draft.lang[:2].lower() == "zh"):
            yield self._china(draft)
        elif draft.cls == "mass" and draft.sender and not _NUMBER.fullmatch(draft.sender):
            yield from self._named(draft)

    def _china(self, draft: Draft) -> Finding:
        level = "block" if draft.cls == "mass" else "warn"
        brand = draft.sender.strip("【】 ")
        text = draft.text.lstrip()
        found = _BRACKETS.search(text)
        if found is None:
            return Finding(level, "signature.absent", *self._absent(draft, brand))
        length = len(found[1].strip())
        span = (found.start() + len(draft.text) - len(text), found.end() + len(draft.text) - len(text))
        if not CN_LENGTH[0] <= length <= CN_LENGTH[1]:
            return Finding(
                level, "signature.length",
                _("The signature has %(n)s characters; carriers take %(least)s to %(most)s.",
                  n=length, least=CN_LENGTH[0], most=CN_LENGTH[1]), span,
            )  # fmt: skip
        if "{{" in found[1]:
            return Finding(
                level,
                "signature.field",
                _("A signature is approved word by word; it cannot hold a field."),
                span,
            )
        if found.start() and found.end() != len(text.rstrip()):
            fixed = found[0] + text[: found.start()] + text[found.end() :]
            sentence = _("The signature %(words)s belongs at the start.", words=found[0])
            return Finding(level, "signature.place", sentence, span, (_("Move it to the start"), fixed))
        return Finding("good", "signature.good", _("Signed %(words)s.", words=found[0]))

    def _absent(self, draft: Draft, brand: str) -> tuple:
        if like := _LOOKALIKE.match(draft.text):
            fixed = f"【{like[1]}】{draft.text[like.end() :].lstrip()}"
            return (
                _("Carriers in China know a signature only by 【 】."),
                like.span(),
                (_("Write 【%(name)s】", name=like[1]), fixed),
            )
        sentence = _(
            "In China a text begins with an approved signature such as 【Brand】; this one has none."
        )
        if not CN_LENGTH[0] <= len(brand) <= CN_LENGTH[1] or _NUMBER.fullmatch(brand):
            return (sentence,)
        return sentence, None, (_("Begin with 【%(name)s】", name=brand), f"【{brand}】{draft.text.lstrip()}")

    def _named(self, draft: Draft) -> Iterator[Finding]:
        if _CHINESE.search(draft.sender) and not _CHINESE.search(draft.text):
            return  # a Chinese brand has another name in this text, which nobody told us
        if draft.sender.casefold() in (draft.sample or draft.text).casefold():
            yield Finding("good", "signature.named", _("Says who is writing: %(name)s.", name=draft.sender))
            return
        sentence = _("The text does not say that it comes from %(name)s.", name=draft.sender)
        fix = (_("Begin with “%(name)s:”", name=draft.sender), f"{draft.sender}: {draft.text.lstrip()}")
        yield Finding("warn", "signature.unnamed", sentence, None, fix)


@hookimpl
def register_checks():
    return [Signature]
