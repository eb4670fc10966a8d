"""The test texts: one sentence a kind, each with its own word by which it is known again."""

from __future__ import annotations

#: What a trial can find out, in the order of the page.
FUNCTIONS = (
    "delivery", "receipts", "unicode", "long", "sender", "inbound", "optout", "rate", "support",
)  # fmt: skip
#: Functions that have a kind of text of their own; the others are read off every text, or found by a person.
KIND_OF = {"unicode": "unicode", "long": "long", "inbound": "reply", "optout": "stop"}

_BODIES = {
    "en": {
        "plain": "Cooee test {nonce}. Nothing to do.",
        "unicode": "Cooee test {nonce}: 你好 · Žluťoučký kůň · Ελλάδα · 😀",
        "long": (
            "Cooee test {nonce}. This text is longer than one part, to see whether all of it arrives and in its "
            "order: one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
            "sixteen seventeen eighteen nineteen twenty. End."
        ),
        "reply": "Cooee test {nonce}. Please answer this text with {nonce}",
        "stop": "Cooee test {nonce}. Please answer this text with STOP",
    },
    "zh": {
        "plain": "Cooee 测试 {nonce}，无需处理。",
        "unicode": "Cooee 测试 {nonce}：你好 · Žluťoučký kůň · Ελλάδα · 😀",
        "long": (
            "Cooee 测试 {nonce}。这条短信超过一段，用来看它能不能完整、按顺序到达：一、二、三、四、五、六、七、八、九、十、"
            "十一、十二、十三、十四、十五、十六、十七、十八、十九、二十、二十一、二十二。完。"
        ),
        "reply": "Cooee 测试 {nonce}，请直接回复 {nonce}",
        "stop": "Cooee 测试 {nonce}，请直接回复 TD",
    },
}
LANGS = tuple(_BODIES)


def body(kind: str, nonce: str, lang: str, prefix: str = "") -> str:
    """The words of one test text; `prefix` is what a vendor wants in front, such as 【Shop】."""
    return prefix + _BODIES[lang][kind].format(nonce=nonce)


def kinds(functions: tuple[str, ...] | list[str]) -> list[str]:
    """The kinds that take turns, for these functions; the plain text is always among them."""
    return ["plain", *(kind for kind in ("unicode", "long") if kind in functions)]
