"""The wording rules of the text's class, set under Settings → Classes; a text that breaks one is not launched."""

from __future__ import annotations

from collections.abc import Iterator

from core import ContentCheck, Draft, Finding, hookimpl
from core.content import parts, wording
from core.db import classes


class Wording(ContentCheck):
    name = "wording"
    title = "Words of the class"

    def check(self, draft: Draft) -> Iterator[Finding]:
        text = draft.sample or draft.text
        if not text.strip():
            return
        chinese = draft.lang[:2].lower() == "zh"
        in_china = "CN" in draft.countries or (not draft.countries and chinese)
        n = parts.plan(draft.sample, cn=draft.countries == {"CN"}).parts if draft.sample else 0
        for code, sentence in wording.problems(classes.of(draft.cls), text, in_china=in_china, parts=n):
            yield Finding("block", f"wording.{code}", sentence)


@hookimpl
def register_checks():
    return [Wording]
