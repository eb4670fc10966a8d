"""Receipts: what one says, and those in the form nearly all SMSCs use read ten times faster than field by field.

A form is what a receipt says but for the id it is about.  The first receipt of a form is read the long way; the
thousands that follow, of the same minute and with the same word, differ by their id alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from core import OPTED_OUT, Receipt
from plugins.providers import _smpp_pdu as p
from plugins.providers import _smpp_text as t

#: Words of a receipt's `stat` (appendix B), some gateways' long forms, and what they mean; a word that is not
#: here is a code of the network behind the SMSC (CMPP gateways write MK:0001 there): not delivered.
STATUS = {
    "SCHEDULED": "accepted", "ENROUTE": "accepted", "ACCEPTD": "accepted", "ACCEPTED": "accepted",
    "BUFFERED": "accepted", "UNKNOWN": "accepted", "DELIVRD": "delivered", "DELIVERED": "delivered",
    "EXPIRED": "expired", "DELETED": "undelivered", "UNDELIV": "undelivered", "UNDELIVERED": "undelivered",
    "FAILED": "undelivered", "SKIPPED": "undelivered", "REJECTD": "rejected", "REJECTED": "rejected",
}  # fmt: skip
#: message_state (5.2.28; 0 and 9 from version 5.0).
STATES = (
    "SCHEDULED",
    "ENROUTE",
    "DELIVRD",
    "EXPIRED",
    "DELETED",
    "UNDELIV",
    "ACCEPTD",
    "UNKNOWN",
    "REJECTD",
    "SKIPPED",
)

#: A deliver_sm (4.6.1) marked as a receipt, its text as in appendix B, not in UCS-2: length of the text, id, form.
_USUAL = re.compile(
    rb"[^\0]*\0..[^\0]*\0..[^\0]*\0[\x04\x20]..[^\0]*\0[^\0]*\0..[^\x08].(.)"
    rb"id:([!-~]+) sub:[!-~]* dlvrd:[!-~]* submit date:[!-~]* (done date:[!-~]* stat:[!-~]* err:[!-~]*)",
    re.DOTALL,
)
#: Of optional parameters only message_state and receipted_message_id, which stands above the text's id.
_PARAMETERS = re.compile(rb"(\x04\x27\0\x01.)?(?:\0\x1e\0(.)([!-~]+\0*))?(\x04\x27\0\x01.)?", re.DOTALL)
#: Forms remembered; a minute has a handful.
MOST_FORMS = 1_000


class Forms:
    """Reads what has the usual form.

    `receipt` reads any and gives None for what names no message; `base` is that of ids in receipts (`t.same_id`).
    """

    def __init__(self, receipt: Callable[[p.Deliver], Receipt | None], base: int):
        self._receipt, self._base = receipt, base
        self._known: dict[bytes, Receipt] = {}

    def read(self, body: bytes) -> Receipt | None:
        """The receipt in the body of a deliver_sm; None where the long way must decide."""
        found = _USUAL.match(body)
        if found is None:
            return None
        size, id_, form = found.groups()
        end = found.start(2) - len(b"id:") + size[0]
        if end < found.end():
            return None
        if end != len(body):
            more = _PARAMETERS.fullmatch(body, end)
            if more is None:
                return None
            before, named_size, named, after = more.groups()
            if named is not None:
                if named_size[0] != len(named):
                    return None
                id_ = named.rstrip(b"\0")
            form += before or after or b""
        known = self._known.get(form)
        if known is None:
            return self._first(form, body)
        state, _ref, _id, at, code, reason, _parts, _cost = known
        return Receipt(state, None, t.same_id(id_.decode("ascii"), self._base), at, code, reason)

    def _first(self, form: bytes, body: bytes) -> Receipt | None:
        receipt = self._receipt(p.read_deliver(p.DELIVER_SM, body))
        if receipt is not None:
            if len(self._known) >= MOST_FORMS:
                self._known.clear()
            self._known[form] = receipt
        return receipt


class Reader:
    """Reads any receipt the long way; None for one that names no message or no state.

    `ref_tag`: the optional parameter with our reference, 0 for none; `base` is that of ids in receipts
    (`t.same_id`); `kind` says what an error code means.
    """

    def __init__(self, ref_tag: int, base: int, kind: Callable[[str], str]):
        self._ref_tag, self._base, self._kind = ref_tag, base, kind

    def read(self, got: p.Deliver) -> Receipt | None:
        """By its TLVs, else by its text."""
        fields = t.receipt_fields(t.decode(got.text, t.UCS2 if got.data_coding == t.UCS2 else t.LATIN1))
        id_ = _word(got.tlvs.get(p.RECEIPTED_MESSAGE_ID)) or fields.get("id", "")
        number = got.tlvs.get(p.MESSAGE_STATE, b"")[:1]
        named = STATES[number[0]] if number and number[0] < len(STATES) else ""
        word = fields.get("stat", "").upper() or named
        # The text may hold the network's own code where the TLV has the state.
        state = STATUS.get(named or word, "undelivered")
        ref = _word(got.tlvs.get(self._ref_tag)) if self._ref_tag else None
        if not word or not (id_ or ref):
            return None
        failed = state not in ("accepted", "delivered")
        network = got.tlvs.get(p.NETWORK_ERROR_CODE, b"")
        code = _code(word, fields.get("err", ""), network) if failed else None
        return Receipt(
            state, ref, t.same_id(id_, self._base) or None, t.receipt_date(fields.get("done date", "")), code,
            OPTED_OUT if failed and self._kind(code) == "optout" else None,
        )  # fmt: skip


def _code(word: str, err: str, network: bytes) -> str:
    """The most telling of the codes a failed receipt has."""
    if word not in STATUS:
        return word
    if err.strip("0"):
        return err
    number = int.from_bytes(network[1:3])
    return str(number) if number else word


def _word(value: bytes | None) -> str:
    return value.rstrip(b"\0").decode("latin-1").strip() if value else ""
