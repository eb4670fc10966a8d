"""WHO MAY BE TEXTED: the sealed consent ledger, purposes, the suppression list, and what must not be kept."""

from __future__ import annotations

from peewee import (
    SQL,
    BigAutoField,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class ConsentEvent(Base):
    """Append-only (triggers refuse UPDATE and DELETE).  State is a fold: the last event of a class wins.

    action: opt_in · opt_out · erase; `ask` (a double opt-in was asked for) and `lift` (START took a STOP
    back) are kept as proof and change no state.  `evidence` is JSON: keyword message, file hash and row,
    form URL …  `contact_id` is 0 for a number that was no contact when it wrote.  `topic_id` 0 is the class
    itself; another one is a purpose inside it and changes no state of the class.
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
    topic_id = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        table_name = "consent_event"
        indexes = ((("contact_id", "id"), False), (("at",), False))


class Suppression(Base):
    """A number never to text; one row a number and reason, so that lifting one leaves the others.

    `classes` is a mask of class bits; `reason` one of stop · manual · import · complaint · invalid ·
    provider · held · erased.  `phone_enc` is null once a number is erased.
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


class ConsentSeal(Base):
    """Append-only.  `hash` is a keyed hash over the seal before and the ledger's rows lo..hi (`core.db.chain`)."""

    id = BigIntegerField(primary_key=True)
    lo = BigIntegerField()
    hi = BigIntegerField()
    n = IntegerField()
    hash = CharField()
    at = BigIntegerField()

    class Meta:
        table_name = "consent_seal"


class ConsentHead(Base):
    """One row: the newest seal, how many events are sealed, and the last of them.  Locked by who appends.

    `open_to`: events up to this id were there before seals were, and wait for the first one.
    """

    id = SmallIntegerField(primary_key=True)
    seal = BigIntegerField()
    events = BigIntegerField()
    last = BigIntegerField()
    hash = CharField()
    open_to = BigIntegerField()

    class Meta:
        table_name = "consent_head"


class Topic(Base):
    """A purpose inside a class: what a text is about.  `public` ones can be switched on the preference page."""

    key = CharField(unique=True)
    title = CharField()
    title_zh = CharField(default="")
    cls = SmallIntegerField()
    public = BooleanField(default=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "topic"


class ContactTopic(Base):
    """The ledger's last word of a contact on a topic: `out` 1 for no, 0 for yes.  No row: never asked."""

    topic_id = IntegerField()
    contact_id = IntegerField()
    out = SmallIntegerField()

    class Meta:
        table_name = "contact_topic"
        primary_key = CompositeKey("topic_id", "contact_id")
        without_rowid = True


class HeldReply(Base):
    """A reply that may be an opt-out; its number is suppressed (`held`) until a person has read it.

    state: held · out (opted out) · kept · question.
    """

    inbound_id = IntegerField(primary_key=True)
    phone_bidx = BlobField(index=True)
    pattern = CharField()
    state = CharField()
    who = CharField(default="")
    held_at = BigIntegerField()
    decided_at = BigIntegerField(null=True)

    class Meta:
        table_name = "held_reply"
        indexes = ((("state", "inbound_id"), False),)


class Erasure(Base):
    """The receipt of an erased person: rows overwritten a table (JSON), and a keyed hash over all of it."""

    contact_id = IntegerField()
    phone_bidx = BlobField()
    counts = TextField()
    who = CharField()
    at = BigIntegerField()
    hash = CharField()

    class Meta:
        table_name = "erasure"


class RetentionRun(Base):
    """One night of the retention rules: rows removed a kind (JSON).  `ended_at` is null while it runs."""

    started_at = BigIntegerField()
    ended_at = BigIntegerField(null=True)
    who = CharField(default="")
    counts = TextField(default="{}")
    error = TextField(default="")

    class Meta:
        table_name = "retention_run"


class CampaignGone(Base):
    """A finished campaign whose message rows a retention rule removed; its counters stay."""

    campaign_id = IntegerField(primary_key=True)
    n = IntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "campaign_gone"
