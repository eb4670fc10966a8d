"""STOP, START and HELP: what a whole inbound text means.

Words: Twilio's default list (twilio.com/docs advanced opt-out) with the seven words of 47 CFR
64.1200(a)(10) and the replies Chinese carriers name (help.aliyun.com/document_detail/91975 R, 463290
TD/T/N); as read on `AS_OF`.  They are defaults of the setting `keywords`, which a person may change:
laws move, and a brand may have words of its own.

Only a whole text counts.  "Don't stop" and "How do I cancel my order?" are for people to read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from core.audience import consent, suppression
from core.contract.errors import Refusal
from core.db import database, settings
from core.db.codes import ALL_CLASSES_MASK, MARKETING
from core.i18n import _

if TYPE_CHECKING:
    from core.runtime import Runtime

#: When the sources of the default words were read.
AS_OF = "2026-11-21"
SETTING = "keywords"
#: What a STOP ends: `all` texts, or `marketing` only.  47 CFR 64.1200(a)(10) takes a STOP as meaning all
#: until 2027-01-31 at the latest, so that is the default.
SCOPE = "stop_scope"

DEFAULTS: dict[str, object] = {
    "as_of": AS_OF,
    "stop": [
        *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPT OUT"),
        *("退订", "退訂", "拒收", "取消订阅", "停止", "停发"),
    ],
    # Single letters mean "no more" only where carriers made them mean it; elsewhere they answer surveys.
    "stop_in": {"CN": ["R", "T", "TD", "N"]},
    "start": ["START", "UNSTOP", "恢复订阅", "恢复"],
    "start_in": {},
    # Ordinary answers: they mean START only while a double opt-in waits for them.
    "confirm": ["YES", "Y", "是", "同意", "确认"],
    "confirm_in": {},
    "help": ["HELP", "INFO", "帮助"],
    "help_in": {},
}
#: What a word can mean, and the keys of its lists: everywhere, and in some countries only.
KINDS = ("stop", "start", "confirm", "help")


def normalise(text: str) -> str:
    """The text as words are compared: NFKC, case-folded, letters and digits only.

    >>> normalise(" “Ｏｐｔ－ｏｕｔ”!! ")
    'optout'
    """
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


@dataclass(frozen=True)
class Words:
    """The words of one instance, normalised; made once for a batch of inbound texts."""

    stop: frozenset[str]
    start: frozenset[str]
    confirm: frozenset[str]
    help: frozenset[str]
    #: Kind → country → words that mean it in that country only.
    local: Mapping[str, Mapping[str, frozenset[str]]]

    @classmethod
    def of(cls, data: Mapping) -> Words:
        def some(words: Sequence[str]) -> frozenset[str]:
            return frozenset(normalise(word) for word in words) - {""}

        local = {
            kind: {country: some(words) for country, words in data.get(f"{kind}_in", {}).items()}
            for kind in KINDS
        }
        return cls(**{kind: some(data[kind]) for kind in KINDS}, local=local)

    @classmethod
    def current(cls) -> Words:
        return cls.of(load())

    def intent(self, text: str, country: str, *, pending: bool = False) -> str:
        """What `text` from a number of `country` (ISO code) means: stop, start, help or "".

        `pending`: a double opt-in waits for this number, so a plain yes is a START.  STOP is looked for
        first: a word on two lists is a refusal.
        """
        word = normalise(text)
        if not word:
            return ""
        if self._has("stop", word, country) or self._said_twice(word, country):
            return "stop"
        if self._has("start", word, country) or (pending and self._has("confirm", word, country)):
            return "start"
        return "help" if self._has("help", word, country) else ""

    def _said_twice(self, word: str, country: str) -> bool:
        """One word for STOP again and again, or a carrier's letters beside the word they stand for: “TD退订”.

        Two different words may undo each other (“停止拒收”), so people read those.
        """
        if any(
            word == word[:size] * (len(word) // size) and self._has("stop", word[:size], country)
            for size in range(1, min(len(word), 80) // 2 + 1)
        ):
            return True
        return any(
            not rest.isascii() and self._has("stop", rest, country)
            for code in self.local["stop"].get(country, ())
            for rest in (word.removeprefix(code), word.removesuffix(code))
        )

    def _has(self, kind: str, word: str, country: str) -> bool:
        return word in getattr(self, kind) or word in self.local[kind].get(country, ())


def load() -> dict:
    """The words in force: the setting where a person changed it, the defaults elsewhere."""
    return {**DEFAULTS, **settings.get(SETTING, {})}


def intent(text: str, country: str, *, pending: bool = False) -> str:
    """`Words.intent` with the words in force; for a batch make one `Words.current()`."""
    return Words.current().intent(text, country, pending=pending)


def change(words: Mapping, *, as_of: str) -> None:
    """Replace the words; called inside the caller's `write_tx`.  People must keep a way out: a list
    without STOP or 退订 is refused.

    `words` has the keys of `DEFAULTS`; a missing key keeps its default.
    """
    unknown = set(words) - set(DEFAULTS)
    if unknown:
        raise Refusal(
            _("“%(name)s” is not a list of keywords; use stop, start or help.", name=min(unknown)),
            field="keywords",
        )
    new = {**DEFAULTS, **words, "as_of": as_of}
    if not {"stop", "退订"} <= Words.of(new).stop:
        raise Refusal(
            _("STOP and 退订 cannot be taken off the list; add words beside them instead."), field="stop"
        )
    settings.put(SETTING, new)


def apply_inbound(
    rt: Runtime,
    phone_bidx: bytes,
    phone_enc: bytes | None,
    intent: str,
    *,
    evidence: Mapping[str, Any],
    at: int | None = None,
    source: str = "inbound",
) -> list[consent.Event]:
    """Do what a person asked for, inside the transaction that stores the inbound text.  The preference page
    asks for the same with another `source`.

    stop: 1. the number is suppressed, contact or not; 2. marketing consent ends in the ledger.  A STOP
    that changes nothing writes nothing.
    start: 1. a STOP is lifted, and nothing but a STOP; 2. classes whose double opt-in waits are opted in.
    A START by itself is no consent to marketing.
    help and "": nothing; answering is not for this layer.

    `evidence` names the inbound text (its id, account, keyword), never the number.  Returns the events
    written; give them to `consent.announce` after the commit.
    """
    found = database.one("SELECT id FROM contact WHERE phone_bidx = ?", (phone_bidx,))
    contact_id = found[0] if found else 0
    events: list[consent.Event] = []

    def note(cls, action: str) -> None:
        events.append(
            consent.Event(
                contact_id, phone_bidx, cls, action, source, evidence=evidence, who="contact", at=at
            )
        )

    if intent == "stop":
        mask = stop_mask()
        held = {row["reason"]: suppression.mask_of(row["classes"]) for row in suppression.of(phone_bidx)}
        out = _optout_bits(contact_id)
        suppression.add(rt, [suppression.Entry(phone_bidx, phone_enc, mask)], reason="stop", who="contact")
        if held.get("stop", 0) & mask != mask or out & consent.MARKETING_MASK != consent.MARKETING_MASK:
            for cls in sorted(MARKETING):
                note(cls, "opt_out")
    elif intent == "start":
        lifted = suppression.remove(rt, phone_bidx, reasons=["stop"])
        waiting = consent.pending(contact_id) if contact_id else []
        for cls in waiting:
            note(cls, "opt_in")
        if lifted:
            for cls in sorted(MARKETING - set(waiting)):
                note(cls, "lift")
    consent.record(rt, events)
    return events


def stop_mask() -> int:
    """The classes a STOP ends, as a bit mask."""
    return consent.MARKETING_MASK if settings.get(SCOPE, "all") == "marketing" else ALL_CLASSES_MASK


def is_pending(phone_bidx: bytes) -> bool:
    """Does a double opt-in wait for this number?  Then a plain yes is a START."""
    found = database.one("SELECT id FROM contact WHERE phone_bidx = ?", (phone_bidx,))
    return bool(found and consent.pending(found[0]))


def _optout_bits(contact_id: int) -> int:
    """What was opted out of; for a number that is no contact the suppression alone tells."""
    if not contact_id:
        return consent.MARKETING_MASK
    return database.scalar("SELECT optout_bits FROM profile WHERE contact_id = ?", (contact_id,)) or 0
