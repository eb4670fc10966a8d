"""Tokens of programs for the API: made once, shown once, kept as a hash.

A token is `cooee_` and 256 random bits, so its SHA-256 can be looked up as it is: there is nothing to guess
that a slow hash would protect.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from core import clock
from core.contract.errors import Refusal
from core.db import bulk, database
from core.i18n import _, lazy
from core.security import audit, networks

#: What a token may do, with the words people read.
SCOPES = {
    "contacts.write": lazy("Make and change contacts, labels and consent"),
    "contacts.read": lazy("Read contacts"),
    "events.write": lazy("Report what contacts did"),
    "items.write": lazy("Keep the catalogue of items"),
    "messages.write": lazy("Send single messages"),
    "messages.read": lazy("Read messages"),
    "otp.write": lazy("Send and check one-time codes"),
    "campaigns.write": lazy("Make, launch, pause and cancel campaigns"),
    "campaigns.read": lazy("Read campaigns and their figures"),
    "segments.read": lazy("Read and count segments"),
    "trials.write": lazy("Plan and run trials"),
    "trials.read": lazy("Read trials and what they found"),
    "dossiers.write": lazy("Judge the papers of vendors"),
    "dossiers.read": lazy("Read the papers of vendors"),
    "numbers.read": lazy("See whole phone numbers"),
}
MARK = "cooee_"
#: Characters of a token that people see again: the mark and 36 of its 256 bits.
SHOWN = len(MARK) + 6
MAX_NAME = 60
DEFAULT_DAYS = 365
MAX_DAYS = 3650
#: The last use is written at most this often.
USED_EVERY_MS = clock.MINUTE_MS

_COLUMNS = (
    "id, name, prefix, scopes, created_by, created_at, expires_at, last_used_at, revoked_at, networks, "
    "spend_cap_micros, spend_currency"
)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; times are epoch ms.

    It works from `networks`, from everywhere when there are none, and orders messages for `cap_micros` a day in
    `cap_currency` (core.security.spending), without an end when that is None.
    """

    id: int
    name: str
    prefix: str
    scopes: frozenset[str]
    created_by: str
    created_at: int
    expires_at: int | None
    last_used_at: int | None
    revoked_at: int | None
    networks: tuple[str, ...] = ()
    cap_micros: int | None = None
    cap_currency: str = ""

    @property
    def who(self) -> str:
        """How the audit log and the ledger call it."""
        return f"api:{self.name}"

    @property
    def state(self) -> str:
        """active, expired or revoked."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= clock.now_ms() else "active"


def create(
    who: str,
    name: str,
    scopes: Iterable[str],
    days: int = DEFAULT_DAYS,
    *,
    sources: Iterable[str] = (),
    cap: tuple[int, str] | None = None,
) -> tuple[str, Token]:
    """Make a token that works for `days` (0: until it is revoked); returns its text, once, and what is kept.

    `sources` are the addresses and networks it works from, none for all; `cap` what it may spend a day, as
    (micro-units, currency).  Raises `Refusal` for an unknown scope, none at all, a source that is no network, or a
    name that an active token has.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Refusal(_("A token's name has 1 to %(max)s characters.", max=MAX_NAME), field="name")
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise Refusal(
            _(
                "Scope “%(name)s” is not one of %(known)s.",
                name=unknown[0] if unknown else "",
                known=", ".join(SCOPES),
            ),
            field="scopes",
        )
    if not 0 <= days <= MAX_DAYS:
        raise Refusal(_("A token works for 1 to %(max)s days, or 0 for no end.", max=MAX_DAYS), field="days")
    nets, (micros, currency) = networks.tidy(sources), cap or (None, "")
    text, now = MARK + secrets.token_urlsafe(32), clock.now_ms()
    with database.write_tx():
        if any(token.name == name and token.state == "active" for token in listed()):
            raise Refusal(_("There is an active token “%(name)s” already.", name=name), field="name")
        [row] = database.query(
            "INSERT INTO api_token (name, prefix, token_hash, scopes, created_by, created_at, expires_at, networks, "
            f"spend_cap_micros, spend_currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING {_COLUMNS}",
            (
                name, text[:SHOWN], _hash(text), " ".join(wanted), who, now,
                now + days * clock.DAY_MS if days else None, " ".join(nets), micros, currency,
            ),
        )  # fmt: skip
        told = f"{name}: {' '.join(wanted)}"
        told += f" from {' '.join(nets)}" if nets else ""
        told += f" up to {micros / 1_000_000} {currency} a day" if cap else ""
        audit.record(who, "token.add", f"token:{row[0]}", told)
    return text, _token(row)


def listed() -> list[Token]:
    """Every token, newest first."""
    return [_token(row) for row in database.query(f"SELECT {_COLUMNS} FROM api_token ORDER BY id DESC")]


def revoke(who: str, token_id: int) -> Token:
    """End a token for good, from the next call on.  Raises `Refusal` (404) when there is none."""
    with database.write_tx():
        row = database.one(f"SELECT {_COLUMNS} FROM api_token WHERE id = ?", (token_id,))
        if row is None:
            raise Refusal(_("There is no token %(id)s.", id=token_id), status=404)
        changed = database.execute(
            "UPDATE api_token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL",
            (clock.now_ms(), token_id),
        ).rowcount
        if changed:
            audit.record(who, "token.revoke", f"token:{token_id}", row[1])
    return _token(database.one(f"SELECT {_COLUMNS} FROM api_token WHERE id = ?", (token_id,)))


def find(text: str) -> Token | None:
    """The token of a text while it works, else None."""
    if not text.startswith(MARK) or len(text) > 100:
        return None
    row = database.one(f"SELECT {_COLUMNS} FROM api_token WHERE token_hash = ?", (_hash(text),))
    token = _token(row) if row else None
    return token if token and token.state == "active" else None


def used(token: Token) -> None:
    """Note that a token was used, at most once a minute."""
    now = clock.now_ms()
    if (token.last_used_at or 0) > now - USED_EVERY_MS:
        return
    with bulk.repeatable(), database.write_tx():
        database.execute("UPDATE api_token SET last_used_at = ? WHERE id = ?", (now, token.id))


def _token(row: tuple) -> Token:
    *head, scopes = row[:4]
    *times, sources, cap_micros, currency = row[4:]
    return Token(*head, frozenset(scopes.split()), *times, tuple(sources.split()), cap_micros, currency)


def _hash(text: str) -> bytes:
    return sha256(text.encode()).digest()
