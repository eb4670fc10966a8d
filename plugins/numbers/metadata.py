"""Numbers by libphonenumber's own metadata: no network, no cost, as good as the prefix.

Source: geocoding, carrier and time-zone data of https://github.com/google/libphonenumber as the package
`phonenumbers` brings them.  A carrier is the one that was given the prefix: where people may take a number to
another carrier (most countries), it need not be the one that serves it now.
"""

from __future__ import annotations

from collections.abc import Sequence

from core import NumberFacts, NumberIntelligence, hookimpl
from core.audience import phones

#: No table of the library looks at more leading digits than this, country code included.
_PREFIX = 9
#: More candidates than this say no more than the country does.
_MAX_ZONES = 6
_REMEMBERED = 100_000

Rest = tuple[str, str, tuple[str, ...]]


class Metadata(NumberIntelligence):
    """Country, region, carrier by prefix, line type and candidates of time zones."""

    name = "metadata"
    title = "Prefix tables"
    about = "The tables of libphonenumber: free, offline; the carrier is the one the prefix was given to."

    def __init__(self) -> None:
        #: Numbers with the same leading digits, length and kind of line share the rest: a million numbers
        #: are a few thousand look-ups.
        self._known: dict[tuple[str, int, str], Rest] = {}

    def facts(self, numbers: Sequence[str]) -> Sequence[NumberFacts]:
        return [self._facts(number) for number in numbers]

    def _facts(self, number: str) -> NumberFacts:
        phone = phones.parse(number, "")
        if phone is None:
            return NumberFacts()
        line = phone.line_type.name
        key = (number[1 : 1 + _PREFIX], len(number), line)
        rest = self._known.get(key)
        if rest is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            rest = self._known[key] = _look_up(number)
        return NumberFacts(phone.country, rest[0], rest[1], line, rest[2])


def _look_up(number: str) -> Rest:
    # Imported here: the tables take 100 MB, and only the process that looks numbers up needs them.
    import phonenumbers
    from phonenumbers import carrier, geocoder, timezone

    parsed = phonenumbers.parse(number)
    language = "zh" if parsed.country_code == 86 else "en"
    region = geocoder.description_for_number(parsed, language)
    if region == geocoder.country_name_for_number(parsed, language):
        region = ""
    zones = timezone.time_zones_for_number(parsed)
    known = len(zones) <= _MAX_ZONES and zones != ("Etc/Unknown",)
    return region, carrier.name_for_number(parsed, language), zones if known else ()


@hookimpl
def register_numbers():
    return [Metadata]
