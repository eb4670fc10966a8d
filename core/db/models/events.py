"""WHAT THEY DID: the stream of events, what is counted of it for segments, and the catalogue of items."""

from __future__ import annotations

from peewee import (
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


class EventType(Base):
    """A kind of event.  `properties` is JSON: name → text, number, date or bool; custom types have their own."""

    key = CharField(unique=True)
    title = CharField(default="")
    builtin = BooleanField(default=False)
    properties = TextField(default="{}")
    created_at = BigIntegerField()

    class Meta:
        table_name = "event_type"


class Item(Base):
    """One thing of the catalogue: a product, a course, a treatment.  An item an event names before the
    catalogue does exists with its key alone."""

    key = CharField(unique=True)
    title = CharField(default="")
    category_id = IntegerField(null=True)
    price_micros = BigIntegerField(null=True)
    tags = TextField(default="")
    updated_at = BigIntegerField()

    class Meta:
        table_name = "item"


class Category(Base):
    """A category of items, by name."""

    name = CharField(unique=True)

    class Meta:
        table_name = "category"


class Event(Base):
    """Something a contact did.

    Clustered by contact, so that a person's story is one read.  `key_hash` is 64 bits of the sender's key (of
    the content, without a key) and makes the same event harmless however often and in whatever order it
    comes.  `amount_micros` is in the house currency.  `props` is JSON of what has no column: order, place,
    lat, lon, and typed properties of custom types.
    """

    contact_id = IntegerField()
    key_hash = BigIntegerField()
    type = SmallIntegerField()
    at = BigIntegerField()
    amount_micros = BigIntegerField(null=True)
    item_id = IntegerField(null=True)
    category_id = IntegerField(null=True)
    message_id = BigIntegerField(null=True)
    batch_id = IntegerField(null=True)
    props = TextField(null=True)

    class Meta:
        table_name = "event"
        primary_key = CompositeKey("contact_id", "key_hash")
        without_rowid = True


class EventStat(Base):
    """What segments ask of a contact's events of one type, kept in the transaction that stores them.

    `at1` … `at4` are the times of the latest four, newest first: "at least three within 90 days" is
    `at3 >= …`, one comparison instead of a count.  Clustered by type, so that a question reads only the
    people who have the type.  Always equal to a fold of `event`.
    """

    type = SmallIntegerField()
    contact_id = IntegerField()
    n = IntegerField()
    sum_micros = BigIntegerField()
    first_at = BigIntegerField()
    at1 = BigIntegerField()
    at2 = BigIntegerField(null=True)
    at3 = BigIntegerField(null=True)
    at4 = BigIntegerField(null=True)

    class Meta:
        table_name = "event_stat"
        primary_key = CompositeKey("type", "contact_id")
        without_rowid = True


class EventDay(Base):
    """Events a day (days since 1970-01-01, UTC) and type, for charts; kept in the same transaction."""

    day = IntegerField()
    type = SmallIntegerField()
    n = IntegerField()
    sum_micros = BigIntegerField()

    class Meta:
        table_name = "event_day"
        primary_key = CompositeKey("day", "type")


class EventWaiting(Base):
    """An event of a number that is no contact yet; joined when the number appears.  Only the blind index of
    the number is kept."""

    phone_bidx = BlobField()
    key_hash = BigIntegerField()
    type = SmallIntegerField()
    at = BigIntegerField()
    amount_micros = BigIntegerField(null=True)
    item_id = IntegerField(null=True)
    category_id = IntegerField(null=True)
    message_id = BigIntegerField(null=True)
    batch_id = IntegerField(null=True)
    props = TextField(null=True)
    received_at = BigIntegerField(index=True)

    class Meta:
        table_name = "event_waiting"
        primary_key = CompositeKey("phone_bidx", "key_hash")
        without_rowid = True


class Touched(Base):
    """Contacts with news that label rules have not looked at yet."""

    contact_id = IntegerField(primary_key=True)

    class Meta:
        table_name = "touched"


class EventBatch(Base):
    """One file of events.  rows = stored + duplicates + waiting + rejected when done.

    state: new · running · done · failed · undoing · undone.  `cursor` is the number of rows already
    committed, so that a killed import resumes.
    """

    file_name = CharField()
    path = CharField(default="")
    sha256 = CharField(default="")
    options = TextField(default="{}")
    state = CharField(default="new")
    error = TextField(default="")
    total = IntegerField(default=0)
    cursor = IntegerField(default=0)
    rows = IntegerField(default=0)
    stored = IntegerField(default=0)
    duplicates = IntegerField(default=0)
    waiting = IntegerField(default=0)
    rejected = IntegerField(default=0)
    seconds_ms = IntegerField(default=0)
    beat_at = BigIntegerField(default=0)
    created_by = CharField(default="")
    created_at = BigIntegerField()

    class Meta:
        table_name = "event_batch"


class EventReject(Base):
    """A row of a file of events that was not taken, with its reason and the row as it came (JSON list)."""

    batch_id = IntegerField()
    row = IntegerField()
    reason = CharField()
    raw = TextField()

    class Meta:
        table_name = "event_reject"
        primary_key = CompositeKey("batch_id", "row")
