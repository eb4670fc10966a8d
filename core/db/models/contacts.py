"""WHO: contacts, their typed profile, fields, labels and import batches."""

from __future__ import annotations

from peewee import (
    SQL,
    BigIntegerField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class Contact(Base):
    """One person, keyed by number.  The number is stored encrypted and found by its blind index."""

    phone_bidx = BlobField(unique=True)
    phone_enc = BlobField()
    #: Last four digits in clear, so that people can search by the end of a number.
    tail = SmallIntegerField(index=True)
    name = TextField(null=True)
    email = TextField(null=True)
    batch_id = IntegerField(null=True)
    source = CharField(default="")
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "contact"
        indexes = ((("name", "id"), False), (("batch_id",), False))


class Profile(Base):
    """The narrow, typed row segments scan.  Field columns `f<id>` are added when a field is defined.

    It has no secondary indexes on purpose: at 1 M rows a scan beats them on SQLite (docs/performance.md).
    Masks hold one bit a class (`Cls.bit`); they are folds of the consent ledger and of `suppression`,
    kept in the transaction that writes those.
    """

    contact_id = IntegerField(primary_key=True)
    country = CharField(max_length=2, default="")
    language = CharField(max_length=8, default="")
    line_type = SmallIntegerField(default=0)
    consent_bits = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    optout_bits = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    blocked_bits = SmallIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    label_bits = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    created_at = BigIntegerField()
    last_sent_at = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    sent_count = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])

    class Meta:
        table_name = "profile"


class Field(Base):
    """A contact field.  Its values live in column `column` of `profile`, typed by `kind`:

    text TEXT · choice INTEGER code of `FieldChoice` · number DOUBLE · date INTEGER days since 1970-01-01 ·
    bool SMALLINT 0/1.
    """

    key = CharField(unique=True)
    title = CharField()
    kind = CharField()
    column = CharField(unique=True)
    position = IntegerField(default=0)
    builtin = BooleanField(default=False)
    created_at = BigIntegerField()

    class Meta:
        table_name = "field"


class FieldChoice(Base):
    """The dictionary of a choice field: one code a text.

    `created_at` tells an undo what the import made; 0 where that was not written down.
    """

    field_id = IntegerField()
    code = IntegerField()
    text = TextField()
    created_at = BigIntegerField(default=0)

    class Meta:
        table_name = "field_choice"
        primary_key = CompositeKey("field_id", "code")
        indexes = ((("field_id", "text"), True),)


class Label(Base):
    """A label; the first 62 have a bit in `profile.label_bits`, kept equal to `contact_label`."""

    name = CharField(unique=True)
    bit = SmallIntegerField(null=True, unique=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "label"


class ContactLabel(Base):
    """A label on a contact.  `source` is rule, import, person or model; `evidence` how many events are behind it."""

    label_id = IntegerField()
    contact_id = IntegerField()
    source = CharField(default="person")
    confidence = DoubleField(default=1.0)
    since_at = BigIntegerField()
    expires_at = BigIntegerField(null=True)
    evidence = IntegerField(default=1, constraints=[SQL("DEFAULT 1")])

    class Meta:
        table_name = "contact_label"
        primary_key = CompositeKey("label_id", "contact_id")
        without_rowid = True
        indexes = ((("contact_id", "label_id"), False),)


class ImportBatch(Base):
    """One import of a file.  rows = created + updated + unchanged + duplicates + rejected when done.

    state: new (uploaded, mapping open) · running · done · failed · undoing · undone.  `cursor` is the
    number of data rows already committed, so that a killed import resumes; `beat_at` is when that was.
    `notes` counts rows that were taken without a value that made no sense.
    """

    file_name = CharField()
    path = CharField(default="")
    sha256 = CharField(default="", index=True)
    options = TextField(default="{}")
    state = CharField(default="new")
    error = TextField(default="")
    total = IntegerField(default=0)
    cursor = IntegerField(default=0)
    rows = IntegerField(default=0)
    created = IntegerField(default=0)
    updated = IntegerField(default=0)
    unchanged = IntegerField(default=0)
    duplicates = IntegerField(default=0)
    rejected = IntegerField(default=0)
    notes = IntegerField(default=0)
    seconds = DoubleField(default=0)
    beat_at = BigIntegerField(default=0)
    created_by = CharField(default="")
    created_at = BigIntegerField()

    class Meta:
        table_name = "import_batch"


class ImportReject(Base):
    """A row of a file that was not taken, with its reason and the row as it came (JSON list).

    `taken`: the row was taken, but not all of its values; its cells are not kept.
    """

    batch_id = IntegerField()
    row = IntegerField()
    taken = BooleanField(default=False, constraints=[SQL("DEFAULT FALSE")])
    reason = CharField()
    raw = TextField()

    class Meta:
        table_name = "import_reject"
        primary_key = CompositeKey("batch_id", "row")


class ImportChange(Base):
    """What a batch changed on a contact it did not create, as JSON of the values before; for undo."""

    batch_id = IntegerField()
    contact_id = IntegerField()
    before = TextField()

    class Meta:
        table_name = "import_change"
        primary_key = CompositeKey("batch_id", "contact_id")
