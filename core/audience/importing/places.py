"""Countries and languages as people write them, in English or Chinese, as codes or names."""

from __future__ import annotations

from functools import cache

from babel import Locale

from core.audience.phones import REGIONS
from core.contract.errors import Refusal
from core.i18n import _

_COUNTRY_EXTRAS = {
    "uk": "GB", "great britain": "GB", "england": "GB", "scotland": "GB", "usa": "US",
    "america": "US", "united states of america": "US", "prc": "CN", "p.r. china": "CN",
    "mainland china": "CN", "中国大陆": "CN", "中华人民共和国": "CN", "中國": "CN", "turkey": "TR",
    "türkiye": "TR", "korea": "KR", "south korea": "KR", "russia": "RU", "台湾": "TW", "香港": "HK",
    "澳门": "MO", "hong kong": "HK", "macau": "MO", "macao": "MO", "holland": "NL",
    "deutschland": "DE", "españa": "ES", "italia": "IT", "uae": "AE", "vietnam": "VN",
    "czech republic": "CZ",
}  # fmt: skip
_ALPHA3 = {
    "CHN": "CN", "USA": "US", "GBR": "GB", "DEU": "DE", "FRA": "FR", "TUR": "TR", "ESP": "ES",
    "ITA": "IT", "JPN": "JP", "KOR": "KR", "CAN": "CA", "AUS": "AU", "IND": "IN", "RUS": "RU",
    "BRA": "BR", "MEX": "MX", "NLD": "NL", "CHE": "CH", "AUT": "AT", "HKG": "HK", "MAC": "MO",
    "TWN": "TW", "SGP": "SG", "MYS": "MY", "THA": "TH", "VNM": "VN", "IDN": "ID",
}  # fmt: skip
_LANGUAGE_EXTRAS = {
    "cn": "zh", "中文": "zh", "汉语": "zh", "普通话": "zh", "简体": "zh-Hans", "简体中文": "zh-Hans",
    "繁体": "zh-Hant", "繁體": "zh-Hant", "繁体中文": "zh-Hant", "繁體中文": "zh-Hant",
    "mandarin": "zh", "zh-cn": "zh-Hans", "zh-sg": "zh-Hans", "zh-tw": "zh-Hant", "zh-hk": "zh-Hant",
    "simplified chinese": "zh-Hans", "traditional chinese": "zh-Hant", "zh-hans": "zh-Hans",
    "zh-hant": "zh-Hant", "英文": "en", "deutsch": "de", "français": "fr", "türkçe": "tr",
    "español": "es", "日文": "ja",
}  # fmt: skip


@cache
def _countries() -> dict[str, str]:
    names = {code.lower(): code for code in REGIONS}
    for language in ("en", "zh_Hans", "de", "fr", "tr"):
        for code, name in Locale.parse(language).territories.items():
            if code in REGIONS:
                names.setdefault(name.lower(), code)
    return names | {code.lower(): region for code, region in _ALPHA3.items()} | _COUNTRY_EXTRAS


@cache
def _languages() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in ("en", "zh_Hans"):
        for code, name in Locale.parse(language).languages.items():
            if len(code) in (2, 3):
                names.setdefault(code.lower(), code)
                names.setdefault(name.lower(), code)
    return names | _LANGUAGE_EXTRAS


def country(text: str) -> str | None:
    """ISO 3166 code of a country written as code or name; None when unknown."""
    return _countries().get(text.strip().lower())


def region(given: str, default: str) -> str:
    """The ISO code of numbers written without one: the given, else the default, which may be
    empty.  Raises `Refusal` for what is no code."""
    code = (given or default).strip().upper()
    if code in REGIONS or not code:
        return code
    meant = country(code)
    if meant:
        raise Refusal(
            _("%(text)s is no country code; use %(code)s.", text=repr(given or default), code=meant),
            field="region",
        )
    raise Refusal(
        _("%(text)s is no country code such as CN or US.", text=repr(given or default)), field="region"
    )


def language(text: str) -> str | None:
    """Language code (zh-Hans, en …) of a language written as code, locale or name; None when unknown."""
    word = text.strip().lower().replace("_", "-")
    return _languages().get(word) or _languages().get(word.split("-")[0])
