"""Parts of long messages that the provider numbers one by one, and prices that receipts told."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, CompositeKey, SmallIntegerField

from core.db.models.base import Base


class MessagePart(Base):
    """One part of a message of several: where its receipt belongs, and what it said.

    `ref_hash` is that of account and the provider's id of the part; `state` a `codes.State`, accepted until a
    receipt came.
    """

    message_id = BigIntegerField()
    n = SmallIntegerField()
    ref_hash = BigIntegerField(index=True)
    state = SmallIntegerField(default=3, constraints=[SQL("DEFAULT 3")])

    class Meta:
        table_name = "message_part"
        primary_key = CompositeKey("message_id", "n")
        without_rowid = True


class MessagePrice(Base):
    """The last price receipts told of a message (`n` 0) or of its n-th part.

    `at` is when, by the provider's word; `was` what the message cost before, once its cost was changed.
    """

    message_id = BigIntegerField()
    n = SmallIntegerField()
    at = BigIntegerField()
    cost_micros = BigIntegerField()
    was = BigIntegerField(null=True)

    class Meta:
        table_name = "message_price"
        primary_key = CompositeKey("message_id", "n")
        without_rowid = True
