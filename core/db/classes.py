"""What the house says about each class of messages: hours, caps, price, accounts, words, consent, time.

Stored as JSON under the setting `class:<name>`, changed on the page Settings → Classes; what stands there only
narrows what law and suppression allow.  Read many times a second while sending, so a process keeps an answer
for `KEPT_S` seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from typing import Any

from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import MARKETING, Cls
from core.i18n import _

KEY = "class:{}"
#: How long a process may go on with what it read.
KEPT_S = 3
#: Classes whose messages may be texted a second time when no receipt came; never marketing.
SECOND = frozenset({Cls.otp, Cls.notice})
#: A code nobody waits for any more is not sent; seconds after it was asked for.
LATEST_S = {Cls.otp: 300, Cls.notice: 86_400}
LATEST_ELSE_S = 259_200
#: Place in the queue, first served first.
LANES = {Cls.otp: 0, Cls.notice: 1, Cls.mass: 2, Cls.voice: 2}


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one class.

    `lane`: 0 is served first.  `hours`: local minutes of day [from, to), None as the law says.  `cap_day`,
    `cap_week`: messages of the class a contact may get in 24 hours and in 7 days.  `price_max_micros`: what a
    part may cost, in the currency of the account.  `accounts`: ids that may carry the class, None any.
    `must`: a text holds one of these; `never`: none of these; `words_for`: "" for every text, or CN for texts
    to mainland China.  `consent`: only people who agreed.  `latest_s`: a single message is not sent later than
    this.  `second_after_s`: without a receipt for so long a second text may go another way; None never.
    """

    lane: int = 2
    hours: tuple[int, int] | None = None
    cap_day: int | None = None
    cap_week: int | None = None
    price_max_micros: int | None = None
    accounts: frozenset[int] | None = None
    must: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    no_link: bool = False
    max_parts: int | None = None
    words_for: str = ""
    consent: bool = False
    latest_s: int = LATEST_ELSE_S
    second_after_s: int | None = None

    @property
    def capped(self) -> bool:
        """Is there a limit on messages a contact?"""
        return self.cap_day is not None or self.cap_week is not None


_NAMES = tuple(field.name for field in fields(Rules))
#: Field → (least, most) of whole numbers.
BOUNDS = {
    "lane": (0, 9), "cap_day": (1, 1000), "cap_week": (1, 5000), "price_max_micros": (0, 10**12),
    "max_parts": (1, 50), "latest_s": (30, 30 * 86_400), "second_after_s": (10, 86_400),
}  # fmt: skip


def default(cls: Cls) -> Rules:
    """The rules of a class nobody changed."""
    return Rules(lane=LANES[cls], consent=cls in MARKETING, latest_s=LATEST_S.get(cls, LATEST_ELSE_S))


def of(cls: int | str) -> Rules:
    """The rules of a class now, at most `KEPT_S` seconds old."""
    known = Cls[cls] if isinstance(cls, str) else Cls(cls)
    return _every(database.proxy.obj, int(time.monotonic()) // KEPT_S)[known]


def allowed_accounts(cls: int | str) -> frozenset[int] | None:
    """Ids of the accounts that may carry a class, None for any."""
    return of(cls).accounts


def ahead_of(cls: int | str) -> list[int]:
    """Classes served before this one while it is sent."""
    mine = of(cls).lane
    return [int(other) for other in Cls if of(other).lane < mine]


def in_order() -> list[int]:
    """All classes, those served first in front."""
    return [int(cls) for cls in sorted(Cls, key=lambda cls: (of(cls).lane, cls))]


@lru_cache(maxsize=4)
def _every(_database: object, _slot: int) -> dict[Cls, Rules]:
    stored = dict(database.query("SELECT key, value FROM setting WHERE key LIKE 'class:%'"))
    return {cls: _made(cls, json.loads(stored.get(KEY.format(cls.name), "{}"))) for cls in Cls}


def _made(cls: Cls, stored: Mapping[str, Any]) -> Rules:
    given = asdict(default(cls)) | {name: stored[name] for name in _NAMES if name in stored}
    given["hours"] = tuple(given["hours"]) if given["hours"] else None
    given["accounts"] = None if given["accounts"] is None else frozenset(given["accounts"])
    given["must"], given["never"] = tuple(given["must"]), tuple(given["never"])
    return Rules(**given)


def plain(rules: Rules) -> dict[str, Any]:
    """Rules as JSON."""
    made = asdict(rules)
    made["accounts"] = None if rules.accounts is None else sorted(rules.accounts)
    return made | {
        "hours": rules.hours and list(rules.hours),
        "must": list(rules.must),
        "never": list(rules.never),
    }


def save(cls: int | str, changes: Mapping[str, Any], who: str = "") -> Rules:
    """Change some of the rules of a class; the rules then.  Audited.  Raises `Refusal` with the field."""
    from core.security import audit

    known = Cls[cls] if isinstance(cls, str) else Cls(cls)
    fresh = plain(of_now(known)) | dict(changes)
    _check(known, fresh)
    kept = {name: fresh[name] for name in _NAMES if fresh[name] != plain(default(known))[name]}
    with database.write_tx():
        settings.put(KEY.format(known.name), kept)
        audit.record(who, "class.edit", f"class:{known.name}", json.dumps(dict(changes), ensure_ascii=False))
    _every.cache_clear()
    return of(known)


def of_now(cls: Cls) -> Rules:
    """The rules as the database has them this instant; for those who change them."""
    return _made(cls, settings.get(KEY.format(cls.name), {}))


def _check(cls: Cls, given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given) - set(_NAMES))
    if unknown:
        raise Refusal(
            _(
                "A class has no rule %(name)s; there are: %(known)s.",
                name=unknown[0],
                known=", ".join(_NAMES),
            ),
            field=unknown[0],
        )
    for name, (least, most) in BOUNDS.items():
        value = given[name]
        if value is None and name not in ("lane", "latest_s"):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Refusal(
                _("%(name)s is a whole number from %(least)s to %(most)s, not %(value)s.",
                  name=name, least=least, most=most, value=value), field=name,
            )  # fmt: skip
    _check_hours(given["hours"])
    _check_words(given)
    if cls in MARKETING and not given["consent"]:
        raise Refusal(_("Marketing and voice always need consent."), field="consent")
    if given["second_after_s"] is not None and cls not in SECOND:
        raise Refusal(_("A second text is possible for codes and notices only."), field="second_after_s")
    _check_lanes(cls, given["lane"])
    _check_accounts(given["accounts"])


def _check_hours(hours: Any) -> None:
    if hours is None:
        return
    fits = isinstance(hours, list | tuple) and len(hours) == 2 and all(isinstance(at, int) for at in hours)
    if not (fits and 0 <= hours[0] < hours[1] <= 1440):
        raise Refusal(_("The hours of a class end after they begin."), field="hours")


def _check_words(given: Mapping[str, Any]) -> None:
    for name in ("must", "never"):
        words = given[name]
        good = isinstance(words, list | tuple) and len(words) <= 50
        if not good or any(not isinstance(word, str) or not 0 < len(word.strip()) <= 60 for word in words):
            raise Refusal(_("Up to 50 words or phrases of at most 60 characters each."), field=name)
    if given["words_for"] not in ("", "CN"):
        raise Refusal(_("Words hold for every text or for CN."), field="words_for")
    for name in ("no_link", "consent"):
        if not isinstance(given[name], bool):
            raise Refusal(_("%(name)s is true or false.", name=name), field=name)


def _check_lanes(cls: Cls, lane: int) -> None:
    others = {other: lane if other is cls else of_now(other).lane for other in Cls}
    if any(others[Cls.otp] >= others[other] for other in MARKETING):
        raise Refusal(_("Codes are served before marketing and voice."), field="lane")


def _check_accounts(ids: Any) -> None:
    if ids is None:
        return
    known = {row[0] for row in database.query("SELECT id FROM account")}
    missing = [id_ for id_ in ids if id_ not in known]
    if missing or not ids:
        raise Refusal(
            _("There is no account %(id)s.", id=missing[0]) if missing
            else _("Choose at least one account, or any."), field="accounts",
        )  # fmt: skip
