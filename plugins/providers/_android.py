"""Fields encrypted for the app SMS Gateway for Android, so that no server on the way reads them.

As in modules/encryption/EncryptionService.kt of the app; read: 2026-11-22
"""

from __future__ import annotations

import base64
import os
from hashlib import pbkdf2_hmac

#: PBKDF2 rounds of an encrypted field; the app reads the number from the field.
ROUNDS = 75_000


def sealed(text: str, passphrase: str, salt: bytes = b"") -> str:
    """A field as the app decrypts it: AES-256-CBC, the key by PBKDF2 with the salt that is the IV, too."""
    from cryptography.hazmat.primitives import padding
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    salt = salt or os.urandom(16)
    key = pbkdf2_hmac("sha1", passphrase.encode(), salt, ROUNDS, 32)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(salt)).encryptor()
    words = [
        base64.b64encode(raw).decode() for raw in (salt, encryptor.update(padded) + encryptor.finalize())
    ]
    return f"$aes-256-cbc/pbkdf2-sha1$i={ROUNDS}${words[0]}${words[1]}"
