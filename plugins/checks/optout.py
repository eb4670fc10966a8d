"""A way out: marketing must tell one, codes and notices must not.

What counts, and what the button writes, are the rows of `WAYS`, each with its source and date; laws change,
so change the rows.  The words of inbound texts that are obeyed are in core/audience/keywords.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from core import ContentCheck, Draft, Finding, hookimpl
from core.i18n import _


class Way(NamedTuple):
    """`pattern` finds a way out in a text; `phrase` is what a button adds."""

    pattern: str
    phrase: str
    as_of: str
    source: str


#: Language → its way out.  The English row also counts in every language but Chinese, the Chinese
#: one in every language that numbers of China may read.
WAYS = {
    "zh": Way(
        pattern=r"拒收|退订|回复?\s*(R|TD|T|N)\b",
        phrase="拒收请回复R", as_of="2025-04-18",
        source="help.aliyun.com/document_detail/91975; cloud.tencent.com/document/product/382/13301",
    ),
    "en": Way(
        # "Stop by today" and "non-stop" are no ways out.
        pattern=r"(?<![\w-])(?-i:STOP)(?![\w-])(?!\s+by\b)|\b(reply|text|txt|send)\s+stop\b"
        r"|(?<![\w-])stop\s+to\s+(end|opt|unsub|cancel|stop)|\b(unsubscribe|opt[- ]?out)\b",
        phrase="Reply STOP to opt out", as_of="2026-11-21",
        source="CTIA and twilio.com/docs advanced-opt-out; CNIL: a simple free way out in each text",
    ),
    "de": Way(
        pattern=r"(?-i:\bSTOPP\b)|abmelden|abbestellen",
        phrase="Abmelden: STOP", as_of="2026-11-21", source="as the English row",
    ),
    "fr": Way(
        pattern=r"désinscri|désabonn",
        phrase="STOP pour se désinscrire", as_of="2026-11-21", source="as the English row",
    ),
    "es": Way(
        pattern=r"(?-i:\bBAJA\b)|darte de baja",
        phrase="Responde STOP para darte de baja", as_of="2026-11-21", source="as the English row",
    ),
    "tr": Way(
        pattern=r"(?-i:\b(RET|IPTAL|İPTAL)\b)",
        phrase="Ret icin STOP yazin", as_of="2026-11-21", source="as the English row",
    ),
}  # fmt: skip
#: A request to reply as a whole, to be taken out of codes and notices: "non-stop" alone is none.
_REQUESTS = (
    r"拒收请?回复?\s*(R|TD|T|N|退订)",
    r"(退订|拒收)请?回复?\s*(R|TD|T|N)?",
    r"回复?\s*(R|TD|T|N)\s*(退订|拒收)",
    r"\b(reply|text|send|antworten sie mit)\s+STOP\b[^.!\n]*[.!]?",
    r"(?<![\w-])STOP\s+(to\s+(end|opt|unsub|cancel|stop)|pour|para)\b[^.!\n]*[.!]?",
)
_REQUEST = re.compile("|".join(_REQUESTS), re.IGNORECASE)


def _search(way: Way, text: str) -> re.Match[str] | None:
    return re.search(way.pattern, text, re.IGNORECASE)


class OptOut(ContentCheck):
    name = "optout"
    title = "Way out"

    def check(self, draft: Draft) -> Iterator[Finding]:
        text = draft.sample or draft.text
        if not text.strip():
            return
        chinese = "CN" in draft.countries or (not draft.countries and draft.lang[:2].lower() == "zh")
        own = WAYS.get(draft.lang[:2].lower(), WAYS["en"])
        way = WAYS["zh"] if chinese else own
        held = _search(way, text) or (None if chinese else _search(WAYS["en"], text))
        if not held and not draft.countries:
            held = _search(WAYS["zh"], text)
        if draft.cls == "mass" and held:
            yield self._told(held)
        elif draft.cls == "mass":
            yield self._absent(draft, way, _search(own, text) or _search(WAYS["en"], text))
        elif draft.cls in ("otp", "notice") and (request := _REQUEST.search(draft.text)):
            yield self._forbidden(draft, request, chinese)

    def _told(self, held: re.Match[str]) -> Finding:
        return Finding("good", "optout.told", _("Tells a way out: “%(words)s”.", words=held[0]))

    def _absent(self, draft: Draft, way: Way, other: re.Match[str] | None) -> Finding:
        """`other` is a way out that the readers' country does not take."""
        body = draft.text.rstrip()
        ended = body.endswith(tuple("。！？，.!?:"))
        space = ("" if ended else "，") if way is WAYS["zh"] else (" " if ended else ". ")
        sentence = _("Marketing must tell people how to stop it, and this text does not.")
        if other:
            sentence = _(
                "In China a text must tell a way out in Chinese, such as “%(phrase)s”; “%(words)s” is not enough.",
                phrase=way.phrase, words=other[0],
            )  # fmt: skip
        return Finding(
            "block", "optout.absent", sentence, None,
            (_("Add “%(phrase)s”", phrase=way.phrase), f"{body}{space}{way.phrase}"),
        )  # fmt: skip

    def _forbidden(self, draft: Draft, request: re.Match[str], chinese: bool) -> Finding:
        fixed = (draft.text[: request.start()].rstrip(" ，,;；") + draft.text[request.end() :]).strip()
        sentence = _(
            "Codes and notices must not offer a way out of marketing: “%(words)s”.", words=request[0]
        )
        fix = (_("Take it out"), fixed) if fixed else None
        return Finding("block" if chinese else "warn", "optout.forbidden", sentence, request.span(), fix)


@hookimpl
def register_checks():
    return [OptOut]
