"""One-time codes and the guard over them.  No row holds a code or a number that can be read."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class Otp(Base):
    """One code somebody was sent.

    `app` is who asked (the name of an API token).  `seed` makes the code together with a key outside the
    database; it goes when the code is used, void or over.  `code_hash` is the keyed hash a try is compared
    with.  `prefix` are the first seven digits of the number.  `message_id` carries the code, `call_id` the
    call that says it.  `fallback_at`: when a call is due unless the text arrived; null when none is wanted.
    `series` counts codes asked for one after the other without one being used.
    """

    id = CharField(primary_key=True)
    app = CharField()
    contact_id = IntegerField(index=True)
    phone_bidx = BlobField()
    country = CharField()
    prefix = CharField()
    channel = CharField()
    lang = CharField()
    length = SmallIntegerField()
    alphabet = CharField()
    seed = BlobField(null=True)
    code_hash = BlobField()
    key_hash = BlobField(null=True)
    message_id = BigIntegerField(unique=True)
    call_id = BigIntegerField(null=True)
    series = SmallIntegerField(default=0)
    created_at = BigIntegerField(index=True)
    expires_at = BigIntegerField()
    fallback_at = BigIntegerField(null=True)
    verified_at = BigIntegerField(null=True)
    voided_at = BigIntegerField(null=True)

    class Meta:
        table_name = "otp"
        indexes = (
            (("phone_bidx", "app", "created_at"), False),
            (("prefix", "created_at"), False),
            (("app", "key_hash"), True),
        )


class OtpBucket(Base):
    """So many of `kind` for `key` (a keyed hash) since `since`; one atomic upsert counts and asks."""

    kind = CharField()
    key = BlobField()
    since = BigIntegerField()
    n = IntegerField()

    class Meta:
        table_name = "otp_bucket"
        primary_key = CompositeKey("kind", "key")


class OtpNear(Base):
    """That a number was asked for: its block of 64 neighbours as a keyed hash, and its place in it."""

    block = BlobField()
    place = SmallIntegerField()
    at = BigIntegerField(index=True)

    class Meta:
        table_name = "otp_near"
        primary_key = CompositeKey("block", "place")


class OtpBlock(Base):
    """A prefix that gets no codes until `until`; `allowed_at` when somebody lifted that."""

    prefix = CharField(primary_key=True)
    country = CharField(default="")
    reason = CharField()
    at = BigIntegerField()
    until = BigIntegerField()
    allowed_at = BigIntegerField(default=0)
    allowed_by = CharField(default="")

    class Meta:
        table_name = "otp_block"


class OtpRefused(Base):
    """How many requests the guard refused in an hour (epoch ms // 3,600,000), by reason."""

    hour = IntegerField()
    reason = CharField()
    prefix = CharField()
    n = IntegerField()

    class Meta:
        table_name = "otp_refused"
        primary_key = CompositeKey("hour", "reason", "prefix")


class OtpAlarm(Base):
    """An alarm, raised once an hour for a kind and prefix."""

    kind = CharField()
    prefix = CharField(default="")
    hour = IntegerField()
    at = BigIntegerField()
    detail = TextField(default="")
    seen_at = BigIntegerField(null=True)

    class Meta:
        table_name = "otp_alarm"
        indexes = ((("kind", "prefix", "hour"), True),)
