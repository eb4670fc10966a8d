"""Options of a campaign: KEY=VALUE on the command line, JSON in `campaign.options`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.audience import topics
from core.contract.errors import Refusal
from core.i18n import _
from core.timing import zones

#: Key → what it takes, as shown by a refusal and by `cooee campaign add --help`.
KNOWN = {
    "window": "messages marked per wire window, 1 to 5000",
    "rate": "messages a second at most, e.g. 50/s",
    "quiet_hours": "on or off (admins; audited)",
    "approve": "on or off: off launches without a second person, where the policy allows",
    "links": "on or off: off leaves addresses in the texts as they are written",
    "topic": "key of a topic: people who opted out of it are left out",
    "zone": "IANA zone of the start time",
    "at": "start as wall time in that zone",
}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of one campaign, typed."""

    window: int | None = None
    rate: float | None = None
    quiet_hours: bool = True
    approve: bool = True
    links: bool = True
    topic: str = ""
    zone: str = ""
    at: str = ""


def read(stored: str) -> Options:
    """`campaign.options` as `Options`."""
    raw = json.loads(stored or "{}")
    return Options(
        window=raw.get("window"),
        rate=raw.get("rate"),
        quiet_hours=raw.get("quiet_hours") != "off",
        approve=raw.get("approve") != "off",
        links=raw.get("links") != "off",
        topic=raw.get("topic") or "",
        zone=raw.get("zone", ""),
        at=raw.get("at", ""),
    )


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """KEY=VALUE texts as checked values.  Raises `Refusal` for an unknown key or a bad value."""
    found = {}
    for text in given:
        key, sep, value = text.partition("=")
        if not sep:
            raise Refusal(_("Option “%(text)s” is not KEY=VALUE.", text=text), field="option")
        found[key.strip()] = value.strip()
    return check(found)


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values as they are stored; an empty value removes its key.  Raises `Refusal`."""
    out: dict[str, Any] = {}
    for key, value in given.items():
        if key not in KNOWN:
            listed = "; ".join(f"{name} ({what})" for name, what in KNOWN.items())
            raise Refusal(
                _("Option “%(key)s” is unknown. There are: %(listed)s.", key=key, listed=listed),
                field="option",
            )
        out[key] = None if value in (None, "") else _one(key, value)
    return out


def _one(key: str, value: Any) -> Any:
    text = str(value).strip()
    if key in ("quiet_hours", "approve", "links"):
        if text not in ("on", "off"):
            raise Refusal(_("Option %(key)s=%(text)s is neither on nor off.", key=key, text=text), field=key)
        return text
    if key == "topic":
        return topics.get(text).key
    if key == "zone":
        zones.zone_info(text)
        return text
    if key == "at":
        return zones.parse_at(text, "UTC")[1]
    try:
        number = float(text.removesuffix("/s"))
    except ValueError:
        number = 0.0
    if key == "rate":
        if not 0.001 <= number <= 1_000_000:
            raise Refusal(
                _("Option rate=%(text)s is not a number of messages a second such as 50/s.", text=text),
                field="rate",
            )
        return number
    if number != int(number) or not 1 <= number <= 5000:
        raise Refusal(
            _("Option window=%(text)s is not a whole number from 1 to 5000.", text=text), field="window"
        )
    return int(number)
