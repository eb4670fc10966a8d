"""WHO, in words: saved segments."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, IntegerField, TextField

from core.db.models.base import Base


class Segment(Base):
    """A saved rule (JSON of docs: interface).  `last_count` is what the last count gave."""

    name = CharField(unique=True)
    rule = TextField()
    last_count = IntegerField(null=True)
    counted_at = BigIntegerField(null=True)
    created_by = CharField(default="")
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "segment"
