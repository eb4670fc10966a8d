"""What lies in a phone (gammu.py): reports find the texts they are of, and parts of a text each other.

Status of a report: 3GPP TS 23.040 §9.2.3.15.  A report names its text by the modem's one-byte reference and the
number only.  Who sent it knows the text; a report nobody claims within a minute is told by an id made of number,
reference and day, which finds texts of one part.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from core import Inbound, Outgoing, Receipt, ReceiptSink, clock

#: A report is left for the process that asked for it, and a part for the rest of its text, this long.
CLAIM_S, PARTS_S = 60.0, 600.0
#: Texts whose reports are awaited at most; the oldest are forgotten.
AWAITED = 5_000
#: TP-Status that is more than its range says: the validity is over, or somebody deleted the text.
STATUS = {0x00: "delivered", 0x46: "expired", 0x47: "rejected", 0x48: "rejected"}


class Inbox:
    """The reports and texts of one phone; used by the modem's thread alone."""

    def __init__(self) -> None:
        #: (number, modem's reference) → our references, the oldest first; and parts each still waits for.
        self._awaited: dict[tuple[str, int], list[str]] = {}
        self._left: dict[str, int] = {}
        #: What lies in the phone and was seen first when.
        self._seen: dict[Any, float] = {}

    def expect(self, message: Outgoing, marks: Sequence[int]) -> None:
        """A text went out; the modem gave its parts these references."""
        self._left[message.ref] = len(marks)
        for mark in marks:
            self._awaited.setdefault((_digits(message.to), mark), []).append(message.ref)
        while len(self._left) > AWAITED:
            del self._left[next(iter(self._left))]

    def read(self, gammu: Any, phone: Any, sink: ReceiptSink) -> None:
        """Hand over what the phone has; what is stored durably is deleted from it.

        `gammu` is the library.  Raises its `GSMError` when the phone cannot be read.
        """
        found = [sms for sms in _listed(gammu, phone) if sms["InboxFolder"]]
        taken: list[tuple[list[dict], Receipt | Inbound | None]] = []
        for sms in found:
            if sms["Type"] == "Status_Report" and (said := self._report(sms)):
                taken.append(([sms], said[0]))
        texts = [[sms] for sms in found if sms["Type"] == "Deliver"]
        for parts in gammu.LinkSMS(texts) if texts else ():
            if len(parts) >= parts[0]["UDH"]["AllParts"] or self._old(parts[0], PARTS_S):
                taken.append((parts, _text(gammu, parts)))
        items = [item for _parts, item in taken if item]
        if items:
            sink.put(items)
        for parts, _item in taken:
            for sms in parts:
                # What stays is read again, and its id makes that harmless.
                with contextlib.suppress(gammu.GSMError):
                    phone.DeleteSMS(0, sms["Location"])
        here = {_place(sms) for sms in found}
        self._seen = {key: at for key, at in self._seen.items() if key in here}

    def _old(self, sms: dict, seconds: float) -> bool:
        now = clock.monotonic()
        return now - self._seen.setdefault(_place(sms), now) >= seconds

    def _report(self, sms: dict) -> tuple[Receipt | None] | None:
        """(receipt or none,) of a report that is done with; None for one left to the process it is for."""
        status, number, mark = sms["DeliveryStatus"], _digits(sms["Number"]), sms["MessageReference"]
        state = STATUS.get(status, "undelivered" if status >= 0x40 else "accepted")
        code = None if state in ("delivered", "accepted") else f"0x{status:02x}"
        refs = self._awaited.get((number, mark))
        while refs and refs[0] not in self._left:
            refs.pop(0)
        if not refs:
            if not self._old(sms, CLAIM_S):
                return None
            return (
                Receipt(
                    state, None, text_id(number, mark, _aware(sms["DateTime"]) or clock.now(), 1), code=code
                ),
            )
        ref = refs[0]
        if state == "accepted":
            return (Receipt(state, ref),)
        refs.pop(0)
        if not refs:
            del self._awaited[number, mark]
        self._left[ref] -= 1
        if state == "delivered" and self._left[ref]:
            return (None,)
        del self._left[ref]
        return (Receipt(state, ref, None, _aware(sms["SMSCDateTime"]), code),)


# --- small parsers --------------------------------------------------------------------------------------


def _listed(gammu: Any, phone: Any) -> Iterator[dict]:
    place: dict[str, Any] = {"Start": True}
    while True:
        try:
            parts = phone.GetNextSMS(Folder=0, **place)
        except gammu.ERR_EMPTY:
            return
        yield from parts
        place = {"Location": parts[0]["Location"]}


def _text(gammu: Any, parts: list[dict]) -> Inbound:
    decoded = gammu.DecodeSMS(parts)
    if decoded and len(parts) >= parts[0]["UDH"]["AllParts"]:
        text = "".join(entry["Buffer"] or "" for entry in decoded["Entries"])
    else:
        text = "".join(sms["Text"] for sms in parts)
    first = parts[0]
    return Inbound(first["Number"], text, "", _fingerprint(first), _aware(first["DateTime"]))


def _place(sms: dict) -> tuple:
    return sms["Location"], sms["Number"], sms["Text"], sms["MessageReference"], sms["DeliveryStatus"]


def _fingerprint(sms: dict) -> str:
    """The same for a text that could not be deleted and is read again."""
    what = f"{sms['Number']}|{sms['Text']}|{sms['DateTime']}|{sms['UDH']['Text']!r}"
    return hashlib.blake2b(what.encode("utf-8", "replace"), digest_size=12).hexdigest()


def _aware(at: datetime | None) -> datetime | None:
    return at if at is not None and at.tzinfo else None


def _digits(number: str) -> str:
    return number.lstrip("+")


def text_id(number: str, mark: int, at: datetime, parts: int) -> str:
    """An id that can be told from a report of a text of one part; the number is not in it in clear."""
    what = f"{_digits(number)}:{mark}:{at.astimezone(UTC):%Y%m%d}:{parts}"
    return f"{mark}-{hashlib.blake2b(what.encode(), digest_size=8).hexdigest()}"
