"""How many parts the text takes, which characters make it dear, and the same text written cheaper.

Figures: core/content/parts.py.  More than five parts are cut off by some gateways (Jasmin's default
`long_content_max_parts`); inside China a text may have 500 characters (Aliyun, document 44335).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from core import ContentCheck, Draft, Finding, hookimpl
from core.content import merge, parts
from core.i18n import _, _n

#: Parts above which some gateways cut a text.
MANY_PARTS = 5
SHOWN = 6


class Parts(ContentCheck):
    name = "parts"
    title = "Length"

    def check(self, draft: Draft) -> Iterator[Finding]:
        if not draft.sample:
            return
        inside_china = draft.countries == {"CN"}
        plan = parts.plan(draft.sample, cn=inside_china)
        if "CN" in draft.countries and len(draft.sample) > parts.CN_MAX_CHARS:
            yield Finding(
                "block", "parts.cn_max",
                _("%(n)s characters: inside China a text may have at most %(max)s.",
                  n=len(draft.sample), max=parts.CN_MAX_CHARS),
            )  # fmt: skip
        yield self._length(plan)
        if plan.dear and not inside_china:
            yield self._breakers(draft, plan)

    def _length(self, plan: parts.Plan) -> Finding:
        room = _n("%(n)s character left", "%(n)s characters left", plan.room)
        if plan.parts == 1:
            return Finding("good", "parts.one", _("One part, %(room)s.", room=room))
        sentence = _("%(n)s parts: each person costs as much as %(n)s texts.", n=plan.parts)
        if plan.parts > MANY_PARTS:
            return Finding("warn", "parts.many", sentence + " " + _("Some gateways cut texts this long."))
        over = plan.units - parts.LIMITS[plan.encoding][0]
        if plan.parts == 2 and over <= 25:
            shorter = _n("One character less and it is one part.",
                         "%(n)s characters less and it is one part.", over)  # fmt: skip
            return Finding("warn", "parts.just_over", f"{sentence} {shorter}")
        return Finding("info", "parts.several", sentence)

    def _breakers(self, draft: Draft, plan: parts.Plan) -> Finding:
        counted = Counter(char for char, _at in plan.breakers)
        often = counted.most_common(SHOWN)
        names = " ".join(f"{_visible(char)} ×{n}" if n > 1 else _visible(char) for char, n in often)
        if len(counted) > SHOWN:
            names += " …"
        fixed, label = self._cheaper(draft)
        cheap = parts.plan(parts.to_gsm7(draft.sample, letters=True))
        where = draft.text.find(plan.breakers[0][0])
        span = (where, where + len(plan.breakers[0][0])) if where >= 0 else None
        if cheap.encoding == "gsm7" and cheap.parts < plan.parts:
            sentence = _n("%(chars)s halves the room of a part; without it the text takes %(n)s, not %(now)s.",
                          "%(chars)s halve the room of a part; without them it takes %(n)s, not %(now)s.",
                          len(plan.breakers), chars=names, n=cheap.parts, now=plan.parts)  # fmt: skip
        else:
            sentence = _n("%(chars)s halves the room of a part (70 instead of 160 characters).",
                          "%(chars)s halve the room of a part (70 instead of 160 characters).",
                          len(plan.breakers), chars=names)  # fmt: skip
        level = "warn" if cheap.parts < plan.parts else "info"
        return Finding(level, "parts.ucs2", sentence, span, (label, fixed) if fixed else None)

    def _cheaper(self, draft: Draft) -> tuple[str, str]:
        """The text in GSM-7 and what the button says; empty when that cannot be done."""
        for letters, label in (
            (False, _("Use plain quotes and dashes")),
            (True, _("Write without these accents")),
        ):
            fixed = merge.map_static(draft.text, lambda piece, letters=letters: parts.to_gsm7(piece, letters))
            bare = merge.map_static(fixed, str)
            plain = all(parts.plan(piece).encoding == "gsm7" for piece in _static(bare))
            if fixed != draft.text and plain:
                return fixed, label
        return "", ""


def _static(text: str) -> list[str]:
    pieces: list[str] = []
    merge.map_static(text, lambda piece: pieces.append(piece) or piece)
    return pieces


def _visible(char: str) -> str:
    """The character itself, or its number where it shows nothing."""
    return f"“{char}”" if char.isprintable() and not char.isspace() else f"U+{ord(char):04X}"


@hookimpl
def register_checks():
    return [Parts]
