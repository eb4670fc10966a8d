"""The API's own: tokens of programs, and answers kept for calls that are repeated."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, TextField

from core.db.models.base import Base


class ApiToken(Base):
    """A program's token.  Only its SHA-256 is stored; `prefix` is its beginning, by which people know it.

    `scopes` are words apart by spaces.  A token that was revoked or has expired stays, for the record.
    """

    name = CharField()
    prefix = CharField()
    token_hash = BlobField(unique=True)
    scopes = TextField()
    created_by = CharField(default="")
    created_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    last_used_at = BigIntegerField(null=True)
    revoked_at = BigIntegerField(null=True)

    class Meta:
        table_name = "api_token"


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
