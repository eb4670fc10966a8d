"""HOW GOOD THE DATA IS: what is known of numbers, findings of the nightly check, and merged contacts."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BlobField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class NumberInfo(Base):
    """What is known of a contact's number: by look-up (`core.audience.numbers`) and from receipts.

    `region` and `carrier` are names, in Chinese for numbers of +86 and in English for all others, '' where
    nobody knows.  `zone` holds the IANA time zones the number may be in, joined by a blank; one word when
    there is no doubt.  `line_type` is `codes.LineType`, `status` `codes.NumberStatus` since `status_at`.
    `permanent_failures` counts texts in a row, since `failing_since`, that could not reach the number for a
    reason that stays; `last_delivered_at` is known for numbers that ever failed so.
    """

    contact_id = IntegerField(primary_key=True)
    region = TextField(default="")
    carrier = TextField(default="")
    zone = TextField(default="")
    line_type = SmallIntegerField(default=0)
    permanent_failures = IntegerField(default=0)
    failing_since = BigIntegerField(null=True)
    last_failure_at = BigIntegerField(null=True)
    last_delivered_at = BigIntegerField(null=True)
    status = SmallIntegerField(default=0)
    status_at = BigIntegerField(null=True)
    checked_at = BigIntegerField()

    class Meta:
        table_name = "number_info"


class QualityFinding(Base):
    """One figure of the last check: `n` of `kind`, for instance `missing` of the field in `key`."""

    kind = CharField()
    key = CharField(default="")
    n = IntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "quality_finding"
        primary_key = CompositeKey("kind", "key")


class QualityContact(Base):
    """A contact the last check found something about.

    Contacts found together (duplicates) share `group_id`, the lowest of their ids; alone it is the contact's
    own.  `detail` is a number or a word the page makes a sentence of.
    """

    kind = CharField()
    group_id = IntegerField()
    contact_id = IntegerField()
    detail = TextField(default="")

    class Meta:
        table_name = "quality_contact"
        primary_key = CompositeKey("kind", "group_id", "contact_id")
        indexes = ((("contact_id",), False),)


class QualitySource(Base):
    """How good the contacts of one source are: `source` is import:<batch>, or how a contact came.

    Counts are of people, but `rejected` of rows of the file; `score` is 0 to 100 (quality.scores).
    """

    source = CharField(primary_key=True)
    title = TextField(default="")
    contacts = IntegerField()
    rows = IntegerField()
    rejected = IntegerField()
    duplicates = IntegerField()
    missing = IntegerField()
    unreachable = IntegerField()
    optouts = IntegerField()
    score = IntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "quality_source"


class ContactMerge(Base):
    """Contact `gone_id` became part of `kept_id`.

    `data_enc` is what an undo needs, JSON, encrypted.  `gone_bidx` is the blind index of the number that is
    no contact of its own any more: files that hold it change nobody.
    """

    kept_id = IntegerField(index=True)
    gone_id = IntegerField(index=True)
    gone_bidx = BlobField(index=True)
    data_enc = BlobField()
    who = CharField(default="")
    at = BigIntegerField()
    undone_at = BigIntegerField(null=True)

    class Meta:
        table_name = "contact_merge"


class NotSame(Base):
    """Somebody said that people who look like one are not (`core.audience.quality.sayings`).

    `was` is JSON: the rows of `quality_contact` of the groups it settled, for taking it back.
    """

    was = TextField()
    who = CharField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "not_same"


class NotSameContact(Base):
    """One of the different people of such a saying."""

    not_same_id = IntegerField()
    contact_id = IntegerField()

    class Meta:
        table_name = "not_same_contact"
        primary_key = CompositeKey("not_same_id", "contact_id")
        indexes = ((("contact_id",), False),)
