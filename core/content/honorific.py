"""How a person is addressed: by the text's language, their name and gender.

The forms are data: one row a language.  A person whose gender is not known is called by the full name; one
without a name by the fallback of the language.  Compound surnames: 百家姓 and the 2-character surnames of
the Ministry of Public Security's name report (2020).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple


class Form(NamedTuple):
    """`{s}` surname, `{g}` given name, `{n}` full name.  `fallback` is for a person without a name."""

    woman: str
    man: str
    unknown: str
    fallback: str


FORMS: dict[str, Form] = {
    "zh": Form("尊敬的{s}女士", "尊敬的{s}先生", "尊敬的{n}", "尊敬的顾客"),
    "en": Form("Ms {s}", "Mr {s}", "{n}", "customer"),
    "de": Form("Frau {s}", "Herr {s}", "{n}", "Kundin oder Kunde"),
    "tr": Form("{g} Hanım", "{g} Bey", "{n}", "müşterimiz"),
    "fr": Form("Madame {s}", "Monsieur {s}", "{n}", "cher client"),
    "es": Form("Sra. {s}", "Sr. {s}", "{n}", "cliente"),
}
_OTHER = Form("{n}", "{n}", "{n}", "")

#: How imports write gender → "f" or "m"; anything else is not known.
GENDERS = {
    **dict.fromkeys(("f", "female", "woman", "w", "weiblich", "frau", "ms", "mrs", "kadın", "kadin"), "f"),
    **dict.fromkeys(("bayan", "femme", "mujer", "女", "女士", "女性", "小姐", "太太"), "f"),
    **dict.fromkeys(("m", "male", "man", "männlich", "herr", "mr", "erkek", "bay", "homme", "hombre"), "m"),
    **dict.fromkeys(("男", "先生", "男士", "男性"), "m"),
}

COMPOUND_SURNAMES = frozenset(
    surname
    for row in (
        "欧阳 太史 端木 上官 司马 东方 独孤 南宫 万俟 闻人 夏侯 诸葛 尉迟 公羊 赫连",
        "澹台 皇甫 宗政 濮阳 公冶 太叔 申屠 公孙 慕容 仲孙 钟离 长孙 宇文 司徒 鲜于",
        "司空 闾丘 子车 亓官 司寇 巫马 公西 颛孙 壤驷 公良 漆雕 乐正 宰父 谷梁 拓跋",
        "夹谷 轩辕 令狐 段干 百里 呼延 东郭 南门 羊舌 微生 梁丘 左丘 西门 南荣 东里",
        "东宫 仲长 即墨 达奚 褚师 第五",
        "歐陽 東方 獨孤 南宮 聞人 諸葛 尉遲 澹臺 濮陽 司馬 鍾離 長孫 鮮于 閭丘 公孫 軒轅",
    )
    for surname in row.split()
)

_CJK = re.compile("[\u3400-\u9fff\uf900-\ufaff·]{2,}")
_TITLES = re.compile(r"(?:(?:dr|prof|mr|mrs|ms|miss|herr|frau)\.?\s+)+", re.IGNORECASE)


def split_name(name: str) -> tuple[str, str]:
    """(surname, given name) of a full name, either may be empty.

    >>> split_name("欧阳娜娜"), split_name("Dr. Anna Smith"), split_name("Smith, Anna")
    (('欧阳', '娜娜'), ('Smith', 'Anna'), ('Smith', 'Anna'))
    """
    name = " ".join(name.split())
    if _CJK.fullmatch(name):
        if "·" in name:  # transliterated: given name first
            given, _, surname = name.partition("·")
            return surname, given
        cut = 2 if name[:2] in COMPOUND_SURNAMES else 1
        return name[:cut], name[cut:]
    name = _TITLES.sub("", name, count=1) if _TITLES.match(name) else name
    if "," in name:
        surname, _, given = name.partition(",")
        return surname.strip(), given.strip()
    given, _, surname = name.rpartition(" ")
    return (surname, given) if given else ("", surname)


def gender_of(value: object) -> str:
    """ "f", "m" or "" for whatever an import wrote."""
    return GENDERS.get(value.strip().lower(), "") if isinstance(value, str) else ""


def fallback(lang: str) -> str:
    """How someone without a name is addressed; empty for languages without a form."""
    return FORMS.get(lang[:2].lower(), _OTHER).fallback


def address(name: str | None, gender: object, lang: str) -> str | None:
    """The form of address, e.g. "尊敬的王女士" or "Mr Smith"; None for a person without a name."""
    name = name and name.strip()
    if not name:
        return None
    form = FORMS.get(lang[:2].lower(), _OTHER)
    sex = gender_of(gender)
    surname, given = split_name(name)
    chinese = bool(_CJK.fullmatch(name))
    if lang[:2].lower() == "zh":
        surname = surname if chinese else name
    titled = form.woman if sex == "f" else form.man
    # A single word is no surname, and Latin titles do not go before Chinese names.
    if not sex or ("{s}" in titled and not surname) or (chinese and lang[:2].lower() != "zh"):
        return form.unknown.format(n=name)
    return titled.format(s=surname, g=given or name, n=name)


def first_name(name: str | None) -> str | None:
    """What a friend would say: "Anna" of "Anna Smith"; "娜娜" of "欧阳娜娜"; "王芳" stays whole."""
    name = name and name.strip()
    if not name:
        return None
    surname, given = split_name(name)
    if _CJK.fullmatch(name):
        return given if len(given) >= 2 else name
    return given.split(" ")[0] or surname


def addresses(names: Sequence[str | None], genders: Sequence[object], lang: str) -> list[str | None]:
    """`address` of many; pairs that repeat are worked out once."""
    known: dict[tuple[str | None, object], str | None] = {}
    result = []
    for pair in zip(names, genders, strict=True):
        if pair not in known:
            known[pair] = address(*pair, lang)
        result.append(known[pair])
    return result
