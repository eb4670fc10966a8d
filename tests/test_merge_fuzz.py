"""Random texts with random values: nothing but a refusal is ever raised, and no braces come out.

20,000 in the ordinary run; `COOEE_SOAK=1` makes it the million of the security checklist (I1).
"""

import os
import random

from core.content import merge, parts
from core.content.merge import NoText
from core.contract.errors import Refusal

ROUNDS = 1_000_000 if os.environ.get("COOEE_SOAK") == "1" else 20_000
PIECES = [
    *(
        "{{",
        "}}",
        "{",
        "}",
        "|",
        ":",
        '"',
        "“",
        "”",
        "'",
        " ",
        "\n",
        "%",
        "%s",
        "%(name)s",
        "__class__",
        ".",
        "[0]",
        "()",
    ),
    *("name", "city", "备注", "points", "a", "字", "😀", "\u202e", "\x00", "é", "3", "CNY", "long"),
    *("default", "upper", "trim", "number", "money", "date", "honorific", "first", "title"),
    *("{{name}}", '{{city|default:"x"}}', "{{points|number:2}}", "{{备注|trim:2}}", "{{name|honorific}}"),
]
VALUES = [
    None,
    "",
    "Anna",
    "{{name}}",
    "{",
    "{{{",
    "%s",
    "字" * 900,
    "x\ny",
    0,
    -1,
    2**70,
    1.5,
    1e308,
    float("nan"),
    True,
    "\u2028",
]


def test_random_texts_never_fail():
    dice = random.Random(20261121)
    rendered = refused = 0
    for _round in range(ROUNDS):
        text = "".join(dice.choices(PIECES, k=dice.randint(1, 9)))
        try:
            compiled = merge.compile(text, dice.choice(("en", "zh")))
        except Refusal:
            refused += 1
            continue
        result = compiled.render({name: dice.choice(VALUES) for name in compiled.names})
        if not isinstance(result, NoText):
            rendered += 1
            assert "{{" not in result and len(result) <= merge.MAX_CHARS
            assert parts.count(result)[1] >= 1
    # Both ways out were really taken.
    assert rendered > ROUNDS / 10 and refused > ROUNDS / 10
