"""Signed calls as JSON Web Tokens (RFC 7519), by PyJWT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core import Forged, clock


def claims(
    token: str,
    secret: str,
    *,
    issuer: str | None = None,
    leeway_s: float = 5.0,
    needs: Sequence[str] = ("iat",),
) -> dict[str, Any]:
    """What a token says that was signed with our secret, HMAC only.  Raises `Forged`.

    Times are judged by `core.clock`, not by the library's own.
    """
    import jwt

    try:
        found = jwt.decode(
            token,
            secret,
            algorithms=["HS256", "HS384", "HS512"],
            issuer=issuer,
            options={
                "require": list(needs), "verify_exp": False, "verify_nbf": False, "verify_iat": False,
                "verify_aud": False, "enforce_minimum_key_length": False,
            },
        )  # fmt: skip
        now = clock.now_ms() / 1000
        late = "exp" in found and float(found["exp"]) + leeway_s < now
        early = max(float(found.get(name, 0)) for name in ("nbf", "iat")) - leeway_s > now
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise Forged(f"The token of the call is not ours: {type(error).__name__}.") from None
    if late or early:
        raise Forged("The token of the call is over, or not valid yet.")
    return found


def signed(claims: Mapping[str, Any], private_key: str) -> str:
    """A token of an application, RS256.  Raises `ValueError` for a key that cannot be used."""
    import jwt

    try:
        return jwt.encode(dict(claims), private_key, algorithm="RS256")
    except (jwt.PyJWTError, TypeError) as error:
        raise ValueError(str(type(error).__name__)) from None


def is_private_key(pem: str) -> bool:
    """Is this an RSA private key in PEM form?"""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return isinstance(load_pem_private_key(pem.encode(), None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
