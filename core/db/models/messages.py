"""HOW: one row a message, its counters, leases, and the inbox of what providers say."""

from __future__ import annotations

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class Message(Base):
    """One text to one contact.

    `id` is a time-ordered 63-bit number from `core.ids`.  `state` is `codes.State`; changes are
    compare-and-set and only along `codes.EDGES` (a trigger).  `reason` says why a message was skipped,
    rejected, failed or is in doubt.  `ref_hash` is a 64-bit hash of account and provider id, set only
    where the provider's receipts do not carry our reference.  `dedupe` is 0 in campaigns (one message a
    contact) and differs for direct messages.
    """

    id = BigIntegerField(primary_key=True)
    campaign_id = IntegerField()
    contact_id = IntegerField()
    dedupe = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    variant = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    cls = SmallIntegerField()
    state = SmallIntegerField()
    reason = CharField(null=True)
    attempt = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    lease = BigIntegerField(null=True)
    not_before = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    not_after = BigIntegerField(null=True)
    account_id = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    provider_id = TextField(null=True)
    ref_hash = BigIntegerField(null=True)
    parts = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    cost_micros = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    submitted_at = BigIntegerField(null=True)
    final_at = BigIntegerField(null=True)

    class Meta:
        table_name = "message"
        indexes = ((("campaign_id", "contact_id", "dedupe"), True), (("contact_id", "id"), False))


# Partial indexes; found by the planner because the same constant stands in the queries.
Message.add_index(SQL("CREATE INDEX message_ready ON message(campaign_id, not_before, id) WHERE state = 0"))
Message.add_index(SQL("CREATE INDEX message_ref ON message(ref_hash) WHERE ref_hash IS NOT NULL"))
Message.add_index(
    SQL("CREATE INDEX message_reason ON message(campaign_id, state, reason) WHERE reason IS NOT NULL")
)


class MessageText(Base):
    """The words a message was sent with, where they differ from the variant's own text."""

    message_id = BigIntegerField(primary_key=True)
    body = TextField()

    class Meta:
        table_name = "message_text"


class Tally(Base):
    """Counters of messages, changed in the transaction that changes the rows; `cooee verify` recounts.

    `hour` is the hour (epoch ms // 3,600,000) of `submitted_at`, 0 before.  `in_5m` and `in_24h` count
    delivered messages whose receipt came that soon after the submit.
    """

    campaign_id = IntegerField()
    variant = SmallIntegerField()
    account_id = IntegerField()
    hour = IntegerField()
    state = SmallIntegerField()
    n = IntegerField(default=0)
    parts = IntegerField(default=0)
    cost_micros = BigIntegerField(default=0)
    in_5m = IntegerField(default=0)
    in_24h = IntegerField(default=0)

    class Meta:
        table_name = "tally"
        primary_key = CompositeKey("campaign_id", "variant", "account_id", "hour", "state")
        without_rowid = True
        indexes = ((("hour",), False),)


class Worker(Base):
    """A worker process.  `beat` grows while it lives; death is judged by the observer's own clock."""

    host = CharField()
    boot_id = CharField(default="")
    pid = IntegerField()
    pid_start = BigIntegerField(default=0)
    beat = BigIntegerField(default=0)
    started_at = BigIntegerField()
    ended_at = BigIntegerField(null=True)

    class Meta:
        table_name = "worker"


class Lease(Base):
    """A batch a worker holds: messages of ids lo..hi whose `lease` is this id."""

    id = BigIntegerField(primary_key=True)
    worker_id = IntegerField(index=True)
    campaign_id = IntegerField()
    account_id = IntegerField(default=0)
    lo = BigIntegerField()
    hi = BigIntegerField()
    taken_at = BigIntegerField()

    class Meta:
        table_name = "lease"


class Inbox(Base):
    """A provider's call as it came (encrypted), committed before it is answered.

    state: 0 new · 1 done · 2 unparsable.
    """

    account_id = IntegerField()
    kind = CharField()
    body_enc = BlobField()
    state = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    error = TextField(default="", constraints=[SQL("DEFAULT ''")])
    received_at = BigIntegerField()

    class Meta:
        table_name = "inbox"


Inbox.add_index(SQL("CREATE INDEX inbox_new ON inbox(id) WHERE state = 0"))


class PendingReceipt(Base):
    """A receipt whose message is not known yet; matched again as responses commit; kept 14 days."""

    account_id = IntegerField()
    ref_hash = BigIntegerField()
    message_id = BigIntegerField(null=True)
    state = SmallIntegerField()
    code = CharField(null=True)
    at = BigIntegerField()
    received_at = BigIntegerField(index=True)
    cost_micros = BigIntegerField(null=True)

    class Meta:
        table_name = "pending_receipt"
        indexes = ((("ref_hash",), False),)


class ReceiptLog(Base):
    """Receipts that did not change a message as expected: conflicting finals; for people to read."""

    message_id = BigIntegerField(index=True)
    state = SmallIntegerField()
    code = CharField(null=True)
    at = BigIntegerField()
    received_at = BigIntegerField()
    note = CharField(default="")

    class Meta:
        table_name = "receipt_log"


class InboundText(Base):
    """A text from a person.  `dedupe` is a hash that makes a repeated call harmless."""

    account_id = IntegerField()
    contact_id = IntegerField(null=True, index=True)
    phone_bidx = BlobField()
    phone_enc = BlobField()
    body = TextField()
    intent = CharField(default="")
    dedupe = BlobField(unique=True)
    received_at = BigIntegerField()

    class Meta:
        table_name = "inbound"


class IdBlock(Base):
    """The highest message id handed out; one row."""

    id = SmallIntegerField(primary_key=True)
    last = BigIntegerField()

    class Meta:
        table_name = "id_block"
