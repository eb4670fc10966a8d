"""The API's own: tokens of programs, and answers kept for calls that are repeated."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, TextField

from core.db.models.base import Base


class ApiToken(Base):
    """A program's token.  Only its SHA-256 is stored; `prefix` is its beginning, by which people know it.

    `scopes` and `networks` are words apart by spaces; no networks are all.  `spend_cap_micros` is what it may
    spend a day in `spend_currency`, None without an end.  A token that was revoked or has expired stays, for the
    record.
    """

    name = CharField()
    prefix = CharField()
    token_hash = BlobField(unique=True)
    scopes = TextField()
    networks = TextField(default="", constraints=[SQL("DEFAULT ''")])
    spend_cap_micros = BigIntegerField(null=True)
    spend_currency = CharField(default="", constraints=[SQL("DEFAULT ''")])
    created_by = CharField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    last_used_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)

    class Meta:
        table_name = "api_token"


class TokenSpend(Base):
    """What a token has ordered on a day of the house's zone (days since 1970-01-01), at the prices of that moment."""

    token_id = IntegerField()
    day = IntegerField()
    micros = BigIntegerField()

    class Meta:
        table_name = "token_spend"
        primary_key = CompositeKey("token_id", "day")
        without_rowid = True


class ApiAnswer(Base):
    """The answer to a call with an Idempotency-Key.  `status` 0: the call is at work since `held_at`."""

    token_id = IntegerField()
    key_hash = BlobField()
    request_hash = BlobField()
    status = IntegerField(default=0)
    content_type = CharField(default="")
    body = BlobField(null=True)
    held_at = BigIntegerField()
    created_at = BigIntegerField(index=True)

    class Meta:
        table_name = "api_answer"
        primary_key = CompositeKey("token_id", "key_hash")
