"""WHO MAY BE TEXTED: the consent ledger and the suppression list."""

from __future__ import annotations

from peewee import (
    BigAutoField,
    BigIntegerField,
    BlobField,
    CharField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class ConsentEvent(Base):
    """Append-only (triggers refuse UPDATE and DELETE).  State is a fold: the last event of a class wins.

    action: opt_in · opt_out · erase; `ask` (a double opt-in was asked for) and `lift` (START took a STOP
    back) are kept as proof and change no state.  `evidence` is JSON: keyword message, file hash and row,
    form URL …  `contact_id` is 0 for a number that was no contact when it wrote.
    """

    id = BigAutoField()
    contact_id = IntegerField()
    phone_bidx = BlobField()
    cls = SmallIntegerField()
    action = CharField()
    source = CharField(default="")
    wording = TextField(default="")
    evidence = TextField(default="")
    who = CharField(default="")
    batch_id = IntegerField(null=True)
    at = BigIntegerField()

    class Meta:
        table_name = "consent_event"
        indexes = ((("contact_id", "id"), False), (("at",), False))


class Suppression(Base):
    """A number never to text; one row a number and reason, so that lifting one leaves the others.

    `classes` is a mask of class bits; `reason` one of stop · manual · import · complaint · invalid ·
    erased.  `phone_enc` is null once a number is erased.
    """

    id = BigAutoField()
    phone_bidx = BlobField()
    phone_enc = BlobField(null=True)
    classes = SmallIntegerField()
    reason = CharField()
    note = TextField(default="")
    who = CharField(default="")
    created_at = BigIntegerField(index=True)
    expires_at = BigIntegerField(null=True)

    class Meta:
        table_name = "suppression"
        indexes = ((("phone_bidx", "reason"), True),)
