"""WHERE EVENTS COME FROM: shops that call us, and sites whose pages tell what visitors do."""

from __future__ import annotations

from peewee import BigIntegerField, BlobField, BooleanField, CharField, CompositeKey, IntegerField, TextField

from core.db.models.base import Base


class EventSource(Base):
    """One shop or site.  `kind` is a preset's name, custom, or site.

    `mapping` is JSON: for webhooks how a payload becomes events (core.audience.sources.mapping), for a site
    which types its pages may send and from which origins.  `sample_enc` is the last payload, encrypted, for
    the mapping page.  `person_cursor` is the highest contact id whose keyed hash is known (sites).
    """

    name = CharField(unique=True)
    kind = CharField()
    token = CharField(unique=True)
    secret_enc = BlobField()
    mapping = TextField(default="{}")
    region = CharField(default="")
    enabled = BooleanField(default=True)
    taken = IntegerField(default=0)
    last_at = BigIntegerField(null=True)
    sample_enc = BlobField(null=True)
    person_cursor = IntegerField(default=0)
    created_by = CharField(default="")
    created_at = BigIntegerField()

    class Meta:
        table_name = "event_source"


class SourceCall(Base):
    """One call of a source and what became of it; no payload, no number."""

    source_id = IntegerField()
    at = BigIntegerField()
    topic = CharField(default="")
    status = IntegerField()
    stored = IntegerField(default=0)
    duplicates = IntegerField(default=0)
    waiting = IntegerField(default=0)
    rejected = IntegerField(default=0)
    note = CharField(default="")

    class Meta:
        table_name = "source_call"
        indexes = ((("source_id", "id"), False),)


class SourceOrder(Base):
    """Whose order it was, because a refund names the order alone."""

    source_id = IntegerField()
    order_key = CharField()
    phone_bidx = BlobField(index=True)
    phone_enc = BlobField()
    at = BigIntegerField()

    class Meta:
        table_name = "source_order"
        primary_key = CompositeKey("source_id", "order_key")
        without_rowid = True


class SitePerson(Base):
    """The keyed hash by which a site's pages name a contact: 16 bytes of HMAC-SHA256(site secret, E.164)."""

    source_id = IntegerField()
    person = BlobField()
    contact_id = IntegerField(index=True)

    class Meta:
        table_name = "site_person"
        primary_key = CompositeKey("source_id", "person")
        without_rowid = True
