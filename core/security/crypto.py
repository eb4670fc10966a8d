"""Encryption of numbers and credentials, and the blind index that finds a number without reading it.

AES-256-GCM with a random 96-bit nonce; the blob is version byte ‖ nonce ‖ ciphertext+tag.  The blind index
is the first 16 bytes of HMAC-SHA-256 under a key of its own: whoever holds that key can test all numbers of
a country in an hour, so it stays in the instance folder and out of dumps and backups' plain parts.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.contract.errors import CooeeError

_VERSION = b"\x01"
_NUMBER = b"contact:number"
#: Nothing that is stored needs this one.
SESSION = "session.key"
KEY_FILES = ("data.key", "index.key", SESSION)
#: What to do about one that is gone: numbers can neither be read nor found with another.
PUT_BACK = "put back the copy you keep elsewhere, or the one of another host of this database"


class KeysUnusable(CooeeError):
    """The keys of the instance are missing, too open, or do not fit the data."""


class Keys:
    """The keys of one instance."""

    def __init__(self, data: bytes, index: bytes, session: bytes):
        self._aead = AESGCM(data)
        self._index = index
        #: Name → what tells the keys that data is stored with from others and gives nothing away.
        self.ids = {
            "data.key": _id(hmac.digest(data, b"which keys are these", "sha256")),
            "index.key": _id(self.blind_index("which keys are these")),
        }
        #: Signs sessions and one-time links.
        self.session = session
        #: 16 bits that tell this instance's client references from another's.
        self.tag = int.from_bytes(hmac.digest(index, b"reference tag", "sha256")[:2])
        #: Key of the permutation in core.ids.
        self.reference = hmac.digest(index, b"client reference", "sha256")
        #: Seals the consent ledger and receipts of erasures.
        self.ledger = hmac.digest(index, b"consent ledger", "sha256")
        #: Seals the audit log.
        self.audit = hmac.digest(index, b"audit log", "sha256")
        #: Makes one-time codes and the hashes they are compared by.
        self.otp = hmac.digest(index, b"one-time code", "sha256")

    def encrypt(self, data: bytes, aad: bytes) -> bytes:
        """Encrypt; `aad` ("table:column[:row]") must be given again to decrypt."""
        nonce = os.urandom(12)
        return _VERSION + nonce + self._aead.encrypt(nonce, data, aad)

    def decrypt(self, blob: bytes, aad: bytes) -> bytes:
        """Decrypt; raises `KeysUnusable` when key, data or `aad` do not fit."""
        blob = bytes(blob)
        try:
            return self._aead.decrypt(blob[1:13], blob[13:], aad)
        except (InvalidTag, ValueError):
            raise KeysUnusable(
                "Stored data cannot be decrypted with instance/keys/data.key; restore the key it was written with."
            ) from None

    def seal_number(self, e164: str) -> bytes:
        """An E.164 number as the encrypted blob of `contact.phone_enc`."""
        return self.encrypt(e164.encode(), _NUMBER)

    def seal_numbers(self, numbers: list[str]) -> list[bytes]:
        """Many numbers at once: one call for randomness instead of one a number."""
        nonces, seal = os.urandom(12 * len(numbers)), self._aead.encrypt
        return [
            _VERSION + (nonce := nonces[i : i + 12]) + seal(nonce, number.encode(), _NUMBER)
            for i, number in zip(range(0, len(nonces), 12), numbers, strict=True)
        ]

    def open_number(self, blob: bytes) -> str:
        """The E.164 number of an encrypted blob."""
        return self.decrypt(blob, _NUMBER).decode()

    def open_numbers(self, blobs: list[bytes]) -> list[str]:
        """Many blobs at once; same order."""
        read = self._aead.decrypt
        try:
            return [read(blob[1:13], blob[13:], _NUMBER).decode() for blob in map(bytes, blobs)]
        except (InvalidTag, ValueError):
            raise KeysUnusable(
                "Stored numbers cannot be decrypted with instance/keys/data.key; restore the key they were written with."
            ) from None

    def blind_index(self, e164: str) -> bytes:
        """16 bytes that are equal for equal numbers and say nothing else without the key."""
        return hmac.digest(self._index, e164.encode(), "sha256")[:16]

    def blind_indexes(self, numbers: list[str]) -> list[bytes]:
        """Many numbers at once: both halves of HMAC (RFC 2104) have taken in the key beforehand, which is
        most of the work for texts as short as these."""
        key = self._index.ljust(64, b"\0")
        inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key)).copy
        outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key)).copy
        made = []
        for number in numbers:
            first, second = inner(), outer()
            first.update(number.encode())
            second.update(first.digest())
            made.append(second.digest()[:16])
        return made


def _id(digest: bytes) -> str:
    return hashlib.sha256(digest).hexdigest()[:16]


def mask(e164: str) -> str:
    """A number for people who need not see it whole: +86138****8000."""
    if len(e164) < 9:
        return e164[:3] + "****"
    return f"{e164[:-8]}****{e164[-4:]}"


def missing(folder: Path) -> list[str]:
    """Names of the key files that are not there."""
    return [name for name in KEY_FILES if not (folder / name).exists()]


def create_keys(folder: Path) -> None:
    """Make the keys that are missing, readable by the owner only; existing ones stay.  Killed, it leaves none by half."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name in missing(folder):
            draft = folder / f".{name}"
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "wb") as out:
                out.write(secrets.token_bytes(32))
                out.flush()
                os.fsync(out.fileno())
            draft.rename(folder / name)
        os.fsync(lock)
    finally:
        os.close(lock)


def load_keys(folder: Path) -> Keys:
    """Read the keys; refuses missing, short or world-readable files with one sentence."""
    gone = missing(folder)
    if len(gone) == len(KEY_FILES):
        raise KeysUnusable(
            f"There are no keys in {folder}; make an instance with `cooee init`, or name yours."
        )
    if gone == [SESSION]:
        raise KeysUnusable(
            f"{folder / SESSION} is missing; run `cooee init`, which makes one, and all sign in again."
        )
    if gone:
        raise KeysUnusable(f"{folder / gone[0]} is missing; {PUT_BACK}.")
    return Keys(*(_read(folder / name) for name in KEY_FILES))


def _read(file: Path) -> bytes:
    if file.stat().st_mode & 0o077:
        raise KeysUnusable(f"{file} can be read by others; run `chmod 400 {file}`.")
    try:
        value = file.read_bytes()
    except PermissionError:
        raise KeysUnusable(
            f"{file} belongs to {owner(file)} and only he may read it; run Cooee as he, or `chown` it."
        ) from None
    if len(value) != 32:
        raise KeysUnusable(f"{file} has {len(value)} bytes, not 32; {PUT_BACK}.")
    return value


def owner(file: Path) -> str:
    """Who a file belongs to; his number where he has no name here."""
    try:
        return file.owner()
    except KeyError:
        return f"user {file.stat().st_uid}"
