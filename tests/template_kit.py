"""What a browser posts from the template editor, for the tests of its pages."""

from __future__ import annotations

import re
from html import unescape

WHO = "mei@shop.example"
HX = {"HX-Request": "true"}
SALE = 'Coke Store: Hi {{first_name|default:"friend"}}, 20 % off. Reply STOP to opt out'
TEXTS = {"en": SALE, "zh": "【可乐店】{{honorific}}，八折。拒收请回复R"}


def form(**changed) -> dict:
    """All fields of the editor as they are posted."""
    typed = {
        "name": "Spring",
        "cls": "mass",
        "lang": "en",
        "text-en": SALE,
        "default": "en",
        "contact": "",
        "q": "",
    }
    return typed | changed


def body(answer) -> str:
    """The page or fragment as text."""
    return answer.get_data(as_text=True)


def typed_text(answer) -> str:
    """What stands in the visible text box."""
    return unescape(
        re.search(r"<textarea[^>]*data-editor[^>]*>\n?(.*?)</textarea>", body(answer), re.DOTALL)[1]
    )
