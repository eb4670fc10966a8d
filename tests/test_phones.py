"""Numbers: the fast path says what libphonenumber says, and people's spellings are understood."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from core.audience import phones
from core.db.codes import LineType

MOBILE, FIXED, EITHER = LineType.mobile, LineType.fixed, LineType.mobile_or_fixed

SPELLINGS = [
    ("13800138000", "CN", "+8613800138000", "CN", MOBILE),
    ("+86 138-0013-8000", "", "+8613800138000", "CN", MOBILE),
    ("008613800138000", "CN", "+8613800138000", "CN", MOBILE),
    ("8613800138000", "CN", "+8613800138000", "CN", MOBILE),
    ("＋８６１３８００１３８０００", "US", "+8613800138000", "CN", MOBILE),
    ("١٣٨٠٠١٣٨٠٠٠", "CN", "+8613800138000", "CN", MOBILE),
    ("  +86 (138) 0013.8000 ", "CN", "+8613800138000", "CN", MOBILE),
    ("\u202a+8613800138000\u202c", "CN", "+8613800138000", "CN", MOBILE),
    ("010 6552 9988", "CN", "+861065529988", "CN", FIXED),
    ("0151 5299 2312", "DE", "+4915152992312", "DE", MOBILE),
    ("06 48 53 07 62", "FR", "+33648530762", "FR", MOBILE),
    ("05322532032", "TR", "+905322532032", "TR", MOBILE),
    ("07700 900123", "GB", None, "", None),
    ("07400 411423", "GB", "+447400411423", "GB", MOBILE),
    ("(206) 769-6414", "US", "+12067696414", "US", EITHER),
    ("1 206 769 6414", "US", "+12067696414", "US", EITHER),
    ("604 555 0123", "CA", "+16045550123", "CA", EITHER),
    ("1-800-356-9377", "US", "+18003569377", "US", LineType.toll_free),
    ("12345", "CN", None, "", None),
    ("00000000000", "CN", None, "", None),
    ("1.38001E+10", "CN", None, "", None),
    ("13800138000", "", None, "", None),
    ("13800138000", "ZZ", None, "", None),
    ("无", "CN", None, "", None),
    ("", "CN", None, "", None),
    ("1" * 300, "CN", None, "", None),
]


@pytest.mark.parametrize(("raw", "region", "e164", "country", "line"), SPELLINGS)
def test_people_write_numbers_in_many_ways(raw, region, e164, country, line):
    found = phones.parse(raw, region)
    assert found == (phones.Phone(e164, country, line) if e164 else None)
    assert found == phones.parse_slow(raw, region)


def _examples(region: str) -> list[str]:
    """National numbers of every type the library has an example of; mobile and fixed count most."""
    made = []
    for kind in range(11):
        example = phonenumbers.example_number_for_type(region, kind)
        if example:
            made += [phonenumbers.national_significant_number(example)] * (6 if kind < 3 else 1)
    return made


def _mutated(rng: random.Random, number: str) -> str:
    keep = max(1, len(number) - rng.randrange(7))
    digits = number[:keep] + "".join(str(rng.randrange(10)) for _ in range(len(number) - keep))
    if rng.random() < 0.05:
        digits = digits[:-1]
    if rng.random() < 0.05:
        digits += str(rng.randrange(10))
    if rng.random() < 0.2:
        at = rng.randrange(len(digits) or 1)
        digits = digits[:at] + str(rng.randrange(10)) + digits[at + 1 :]
    return digits


def _spelt(rng: random.Random, digits: str, cc: str, trunk: str) -> str:
    return rng.choice(
        (
            f"+{cc}{digits}",
            f"00{cc}{digits}",
            digits,
            trunk + digits,
            cc + digits,
            f"+{cc} {digits[:3]} {digits[3:6]}-{digits[6:]}",
            f"({trunk}{digits[:3]}) {digits[3:]}",
            "".join(chr(ord(c) + 0xFEE0) for c in f"+{cc}{digits}"),
            f"  {trunk}{digits[:3]}.{digits[3:]}",
        )
    )


def test_the_fast_path_agrees_with_the_library_in_every_region():
    rng = random.Random(20261121)
    regions = [region for region in sorted(phones.REGIONS) if _examples(region)]
    generated, quick, plain, wrong = 0, 0, 0, []
    for region in regions:
        meta = phonenumbers.PhoneMetadata.metadata_for_region(region)
        examples = _examples(region)
        for _ in range(450):
            raw = _spelt(
                rng, _mutated(rng, rng.choice(examples)), str(meta.country_code), meta.national_prefix or ""
            )
            home = rng.choice([region] * 5 + ["US", "CN", ""])
            generated += 1
            found = phones._quick(raw, home)
            if found:
                quick += 1
                if found != phones.parse_slow(raw, home):
                    wrong.append((raw, home, found))
            spelling = phones.plain(home)
            if spelling and spelling.match(raw):
                plain += 1
                e164 = raw if raw[0] == "+" else f"+{spelling.calling_code}{raw}"
                if found != (e164, home, spelling.line_type):
                    wrong.append((raw, home, "plain"))
    assert len(regions) >= 200 and generated >= 100_000
    # A fast path that never answers would agree, too.
    assert quick >= generated * 0.15 and plain >= generated * 0.04
    assert wrong == []


@pytest.mark.parametrize(
    "region", ["CN", "DE", "FR", "GB", "TR", "US", "IN", "JP", "ES", "IT", "PL", "NL", "ID", "VN"]
)
def test_mobile_numbers_of_large_markets_take_the_fast_path(region):
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    national = phonenumbers.national_significant_number(example)
    for raw in (
        f"+{example.country_code}{national}",
        national,
        f"+{example.country_code} {national[:3]} {national[3:]}",
    ):
        found = phones._quick(raw, region)
        assert found is not None and found == phones.parse_slow(raw, region)
