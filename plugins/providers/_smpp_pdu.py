"""SMPP 3.4 on the wire: packing and unpacking its PDUs, nothing else.

Source: Short Message Peer to Peer Protocol Specification v3.4, issue 1.2 (1999); its sections in brackets.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

HEAD = struct.Struct(">IIII")
_TLV = struct.Struct(">HH")

# Commands [5.1.2.1]; a response is its request with the top bit set.
RESPONSE = 0x80000000
GENERIC_NACK = 0x80000000
BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK = 0x04, 0x05, 0x06, 0x15
ALERT_NOTIFICATION, DATA_SM = 0x102, 0x103
SUBMIT_SM_RESP, ENQUIRE_LINK_RESP = SUBMIT_SM | RESPONSE, ENQUIRE_LINK | RESPONSE

#: A message_payload has up to 64 KB [5.3.2.32]; nothing longer is believed.
MAX_PDU = 70_000
VERSION = 0x34

# esm_class [5.2.12]
UDHI = 0x40
_RECEIPT_BITS, _RECEIPT, _INTERMEDIATE = 0x3C, 0x04, 0x20

# Optional parameters [5.3.2]
RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR_CODE = 0x001E, 0x0427, 0x0423
SAR_REF, SAR_TOTAL, SAR_SEQUENCE, MESSAGE_PAYLOAD = 0x020C, 0x020E, 0x020F, 0x0424

#: command_status [5.1.3]; what is not here is shown as a hexadecimal number.
STATUS_NAMES = {
    0x01: "ESME_RINVMSGLEN", 0x02: "ESME_RINVCMDLEN", 0x03: "ESME_RINVCMDID", 0x04: "ESME_RINVBNDSTS",
    0x05: "ESME_RALYBND", 0x06: "ESME_RINVPRTFLG", 0x07: "ESME_RINVREGDLVFLG", 0x08: "ESME_RSYSERR",
    0x0A: "ESME_RINVSRCADR", 0x0B: "ESME_RINVDSTADR", 0x0C: "ESME_RINVMSGID", 0x0D: "ESME_RBINDFAIL",
    0x0E: "ESME_RINVPASWD", 0x0F: "ESME_RINVSYSID", 0x11: "ESME_RCANCELFAIL", 0x13: "ESME_RREPLACEFAIL",
    0x14: "ESME_RMSGQFUL", 0x15: "ESME_RINVSERTYP", 0x33: "ESME_RINVNUMDESTS", 0x34: "ESME_RINVDLNAME",
    0x40: "ESME_RINVDESTFLAG", 0x42: "ESME_RINVSUBREP", 0x43: "ESME_RINVESMCLASS", 0x44: "ESME_RCNTSUBDL",
    0x45: "ESME_RSUBMITFAIL", 0x48: "ESME_RINVSRCTON", 0x49: "ESME_RINVSRCNPI", 0x50: "ESME_RINVDSTTON",
    0x51: "ESME_RINVDSTNPI", 0x53: "ESME_RINVSYSTYP", 0x54: "ESME_RINVREPFLAG", 0x55: "ESME_RINVNUMMSGS",
    0x58: "ESME_RTHROTTLED", 0x61: "ESME_RINVSCHED", 0x62: "ESME_RINVEXPIRY", 0x63: "ESME_RINVDFTMSGID",
    0x64: "ESME_RX_T_APPN", 0x65: "ESME_RX_P_APPN", 0x66: "ESME_RX_R_APPN", 0x67: "ESME_RQUERYFAIL",
    0xC0: "ESME_RINVOPTPARSTREAM", 0xC1: "ESME_ROPTPARNOTALLWD", 0xC2: "ESME_RINVPARLEN",
    0xC3: "ESME_RMISSINGOPTPARAM", 0xC4: "ESME_RINVOPTPARAMVAL", 0xFE: "ESME_RDELIVERYFAILURE",
    0xFF: "ESME_RUNKNOWNERR",
}  # fmt: skip
OK, INVALID_COMMAND, TRY_LATER, NEVER, BAD_TLVS = 0x00, 0x03, 0x64, 0x65, 0xC0
THROTTLED = frozenset({0x58, 0x14})


class Garbage(ValueError):
    """Bytes that are no SMPP."""


class Deliver(NamedTuple):
    """A deliver_sm or data_sm as it came: addresses as text, the rest as bytes."""

    source: str
    dest: str
    esm_class: int
    data_coding: int
    text: bytes
    tlvs: dict[int, bytes]

    @property
    def is_receipt(self) -> bool:
        """Some SMSCs mark receipts by the TLV alone."""
        kind = self.esm_class & _RECEIPT_BITS
        return kind in (_RECEIPT, _INTERMEDIATE) or RECEIPTED_MESSAGE_ID in self.tlvs


def status_name(status: int) -> str:
    """A command_status as people write it."""
    return STATUS_NAMES.get(status) or f"0x{status:08X}"


def pdu(command: int, sequence: int, body: bytes = b"", status: int = OK) -> bytes:
    """One PDU, ready for the wire."""
    return HEAD.pack(16 + len(body), command, status, sequence) + body


def c_string(value: str) -> bytes:
    """A C-octet string; what is not Latin-1 becomes a question mark."""
    return value.encode("latin-1", "replace").replace(b"\0", b"") + b"\0"


def bind_body(system_id: str, password: str, system_type: str) -> bytes:
    """The body of a bind [4.1.1]: version, no address range of our own."""
    return (
        c_string(system_id)
        + c_string(password)
        + c_string(system_type)
        + bytes((VERSION, 0, 0))
        + c_string("")
    )


def submit_head(service_type: str, ton: int, npi: int, source: str, dest_ton: int, dest_npi: int) -> bytes:
    """The part of a submit_sm body [4.4.1] before the destination."""
    return c_string(service_type) + bytes((ton, npi)) + c_string(source) + bytes((dest_ton, dest_npi))


def submit_tail(
    text: bytes, data_coding: int, *, esm_class: int = 0, validity: str = "", receipt: int = 1,
    tlvs: bytes = b"", payload: bool = False,
) -> bytes:  # fmt: skip
    """The part behind the destination, which begins with its closing NUL.

    With `payload` the text travels as message_payload and short_message stays empty.
    """
    if payload:
        tlvs += tlv(MESSAGE_PAYLOAD, text)
        text = b""
    flags = bytes((esm_class, 0, 0)) + b"\0" + c_string(validity)
    return b"\0" + flags + bytes((receipt, 0, data_coding, 0, len(text))) + text + tlvs


def tlv(tag: int, value: bytes) -> bytes:
    """One optional parameter."""
    return _TLV.pack(tag, len(value)) + value


def read_tlvs(body: bytes, at: int) -> dict[int, bytes]:
    """Optional parameters from `at` to the end.  Raises `Garbage`."""
    found: dict[int, bytes] = {}
    while at < len(body):
        if len(body) - at < 4:
            raise Garbage("half an optional parameter")
        tag, length = _TLV.unpack_from(body, at)
        at += 4
        if at + length > len(body):
            raise Garbage("an optional parameter longer than its PDU")
        found.setdefault(tag, body[at : at + length])
        at += length
    return found


def read_deliver(command: int, body: bytes) -> Deliver:
    """A deliver_sm [4.6.1] or data_sm [4.7.1].  Raises `Garbage` and nothing else."""
    at = _skip(body, 0)
    source, at = _address(body, at)
    dest, at = _address(body, at)
    if command == DATA_SM:
        esm_class, _registered, data_coding = _octets(body, at, 3)
        tlvs = read_tlvs(body, at + 3)
        return Deliver(source, dest, esm_class, data_coding, tlvs.get(MESSAGE_PAYLOAD, b""), tlvs)
    esm_class = _octets(body, at, 3)[0]
    at = _skip(body, _skip(body, at + 3))
    _registered, _replace, data_coding, _default, length = _octets(body, at, 5)
    at += 5
    if at + length > len(body):
        raise Garbage("a text longer than its PDU")
    text, tlvs = body[at : at + length], read_tlvs(body, at + length)
    return Deliver(source, dest, esm_class, data_coding, text or tlvs.get(MESSAGE_PAYLOAD, b""), tlvs)


def _octets(body: bytes, at: int, n: int) -> bytes:
    if at + n > len(body):
        raise Garbage("a PDU that ends too early")
    return body[at : at + n]


def _skip(body: bytes, at: int) -> int:
    end = body.find(b"\0", at)
    if end < 0:
        raise Garbage("a string without an end")
    return end + 1


def _address(body: bytes, at: int) -> tuple[str, int]:
    _octets(body, at, 2)
    end = _skip(body, at + 2)
    return body[at + 2 : end - 1].decode("latin-1"), end


def address_kind(source: str) -> tuple[int, int]:
    """TON and NPI of a sender: a name, a short code, or a number with country code (5.2.5, 5.2.6)."""
    digits = source.removeprefix("+")
    if not digits.isdigit():
        return (5, 0) if source else (0, 0)
    return (1, 1) if source.startswith("+") or len(digits) > 8 else (3, 0)


def relative_time(seconds: int) -> str:
    """A relative validity_period (7.1.1.2), empty for the SMSC's own."""
    if not seconds:
        return ""
    minutes, s = divmod(seconds, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    return f"0000{days:02}{h:02}{m:02}{s:02}000R"
