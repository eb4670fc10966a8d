"""Genders in words: imports store one word for all languages (core.audience.kinds), people read their own."""

from __future__ import annotations

#: A stored gender in words, a row a language; other languages read the stored one, which is English.
_WORDS = {
    "zh": {"female": "女", "male": "男", "other": "其他"},
    "de": {"female": "weiblich", "male": "männlich", "other": "divers"},
    "tr": {"female": "kadın", "male": "erkek", "other": "diğer"},
    "fr": {"female": "femme", "male": "homme", "other": "autre"},
    "es": {"female": "mujer", "male": "hombre", "other": "otro"},
}


def choice_word(key: str, text: str, lang: str) -> str:
    """The stored text of a choice field `key` as someone reads it in `lang` ("zh", "zh_Hans", "de-AT").

    >>> choice_word("gender", "female", "zh_Hans"), choice_word("city", "female", "zh")
    ('女', 'female')
    """
    return _WORDS.get(lang[:2].lower(), {}).get(text, text) if key == "gender" else text
