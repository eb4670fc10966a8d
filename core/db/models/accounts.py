"""THROUGH WHOM: accounts (configured providers) and prices."""

from __future__ import annotations

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    DoubleField,
    IntegerField,
    SmallIntegerField,
)

from core.db.models.base import Base


class Account(Base):
    """A configured provider.  `token` (128 bits) is the path of its webhooks.

    `tat_us` is the theoretical arrival time of the rate limit (GCRA, epoch µs), shared by all workers.
    Breaker: `failures` in a row; `open_until` (epoch ms) while open; `probe_at` when the one probe of a
    half-open breaker left.  `halted` says why a person must act (bad credentials, bad settings).
    """

    name = CharField(unique=True)
    provider = CharField()
    settings_enc = BlobField()
    token = CharField(unique=True)
    sender = CharField(default="")
    enabled = BooleanField(default=True)
    halted = CharField(default="")
    rate_per_s = DoubleField(null=True)
    tat_us = BigIntegerField(default=0)
    failures = IntegerField(default=0)
    open_until = BigIntegerField(default=0)
    probe_at = BigIntegerField(default=0)
    last_error = CharField(default="")
    last_ok_at = BigIntegerField(null=True)
    balance_micros = BigIntegerField(null=True)
    balance_at = BigIntegerField(null=True)
    #: Grows with each change of the account's error kinds: opened providers are made anew.
    errors_version = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    #: ISO 4217, of its prices and of what it has spent; stays when the prices go, and "" before the first.
    currency = CharField(default="", constraints=[SQL("DEFAULT ''")])
    created_at = BigIntegerField()

    class Meta:
        table_name = "account"


class Price(Base):
    """What one part costs through an account.  country '' and cls -1 mean any; the most exact row wins."""

    account_id = IntegerField()
    country = CharField(default="")
    cls = SmallIntegerField(default=-1)
    micros_per_part = BigIntegerField()
    currency = CharField()
    from_at = BigIntegerField(default=0)

    class Meta:
        table_name = "price"
        indexes = ((("account_id", "country", "cls", "from_at"), True),)
