"""WHAT WAS SAID AND PAID: error codes with their kinds, calls of providers, balances, invoices."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, IntegerField, SmallIntegerField, TextField

from core.db.models.base import Base


class ErrorKind(Base):
    """A person's word on what a code of an account's vendor means (`core.contract.kinds.KINDS`)."""

    account_id = IntegerField()
    code = CharField()
    kind = CharField()
    who = CharField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "error_kind"
        primary_key = CompositeKey("account_id", "code")
        without_rowid = True


class ErrorSeen(Base):
    """How often a code came on a day (epoch ms // 86,400,000, UTC); `last_at` the last time."""

    account_id = IntegerField()
    code = CharField()
    day = IntegerField()
    n = IntegerField()
    last_at = BigIntegerField()

    class Meta:
        table_name = "error_seen"
        primary_key = CompositeKey("account_id", "code", "day")
        without_rowid = True


class Consequence(Base):
    """A message whose failure had a consequence: one row a message, so that it has it once.

    `tries`: how often that message was tried.
    """

    message_id = BigIntegerField(primary_key=True)
    account_id = IntegerField()
    campaign_id = IntegerField()
    contact_id = IntegerField()
    kind = CharField()
    code = CharField()
    tries = IntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "consequence"
        indexes = ((("contact_id", "kind"), False), (("campaign_id", "kind"), False))


class ProviderCall(Base):
    """One call of a provider, or one batch of its webhooks: what was asked, and how it went.

    `kind`: send · poll · look_up · balance · webhook.  `at` of a send is the `submitted_at` of its messages.
    `n` messages, receipts or look-ups, and how many of them the provider accepted (understood), rejected,
    declined for a while, or left open.  `detail` is JSON of what was said, masked (core.sending.calls).
    """

    account_id = IntegerField()
    campaign_id = IntegerField(default=0)
    kind = CharField()
    at = BigIntegerField(index=True)
    ms = IntegerField()
    n = IntegerField()
    accepted = IntegerField()
    rejected = IntegerField()
    retried = IntegerField()
    unknown = IntegerField()
    code = CharField(default="")
    error = CharField(default="")
    detail = TextField(null=True)

    class Meta:
        table_name = "provider_call"
        indexes = ((("account_id", "id"), False),)


class BalanceAt(Base):
    """What a provider said was left; money in micro-units, or `units` (parts) where it counts those."""

    account_id = IntegerField()
    at = BigIntegerField()
    amount_micros = BigIntegerField(null=True)
    units = BigIntegerField(null=True)
    currency = CharField(default="")

    class Meta:
        table_name = "balance"
        indexes = ((("account_id", "at"), False),)


class Invoice(Base):
    """A bill of an account's vendor, as compared with our messages.

    `from_at` to `to_at` is the time it covers; `totals` is JSON (core.sending.invoices).
    """

    account_id = IntegerField()
    name = CharField()
    digest = CharField()
    currency = CharField(default="")
    from_at = BigIntegerField()
    to_at = BigIntegerField()
    lines = IntegerField()
    totals = TextField(default="{}")
    who = CharField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "invoice"
        indexes = ((("account_id", "digest"), True),)


class InvoiceLine(Base):
    """One line of a bill, or a message of ours the bill leaves out (`line` 0).

    `finding`: ok · not_ours · not_billed · parts · price · twice.  `number` is masked.
    """

    invoice_id = IntegerField()
    line = IntegerField()
    finding = CharField()
    message_id = BigIntegerField(null=True)
    provider_id = TextField(null=True)
    number = CharField(default="")
    at = BigIntegerField(null=True)
    country = CharField(default="")
    cls = SmallIntegerField(null=True)
    parts = IntegerField(null=True)
    cost_micros = BigIntegerField(null=True)
    our_parts = IntegerField(null=True)
    our_micros = BigIntegerField(null=True)
    status = CharField(default="")

    class Meta:
        table_name = "invoice_line"
        indexes = ((("invoice_id", "finding", "id"), False), (("invoice_id", "provider_id"), False))
