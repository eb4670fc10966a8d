"""WHO, in words: saved segments."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, CharField, CompositeKey, IntegerField, TextField

from core.db.models.base import Base


class Segment(Base):
    """A saved rule (JSON of docs: interface).  `last_count` is what the last count gave, out of `last_total` contacts."""

    name = CharField(unique=True)
    rule = TextField()
    last_count = IntegerField(null=True)
    last_total = IntegerField(null=True)
    counted_at = BigIntegerField(null=True)
    created_by = CharField(default="")
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "segment"


class SegmentDay(Base):
    """How many people a segment had on a day (days since 1970-01-01 in the instance's zone).

    `joined` and `gone` are people since the snapshot before; NULL where there was none to compare with.
    """

    segment_id = IntegerField()
    day = IntegerField()
    n = IntegerField()
    joined = IntegerField(null=True)
    gone = IntegerField(null=True)

    class Meta:
        table_name = "segment_day"
        primary_key = CompositeKey("segment_id", "day")
        without_rowid = True


class SegmentSnapshot(Base):
    """Who was in a segment at its last nightly count: one bit a contact id, compressed with zlib.

    Empty when the count took too long that night.
    """

    segment_id = IntegerField(primary_key=True)
    day = IntegerField()
    bits = BlobField()

    class Meta:
        table_name = "segment_snapshot"
