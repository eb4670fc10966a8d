"""THROUGH WHOM, on paper: what a vendor's papers are, until when they hold, and who judged them."""

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


class Dossier(Base):
    """The papers of one company; several accounts at it may share them.

    `countries` are ISO codes with commas.  `verdict`: '' none, passed, conditions, failed; `until` the last day
    (ISO) of conditions; `stood` JSON list of the required papers that held when it was given.  `void` is JSON
    {"why", "papers"} once the verdict fell, '' before.
    """

    company = CharField()
    countries = CharField()
    verdict = CharField(default="")
    note = TextField(default="")
    until = CharField(default="")
    stood = TextField(default="[]")
    judged_by = CharField(default="")
    judged_at = BigIntegerField(null=True)
    void = TextField(default="")
    void_at = BigIntegerField(null=True)
    created_by = CharField()
    created_at = BigIntegerField()

    class Meta:
        table_name = "dossier"


class DossierAccount(Base):
    """Which papers stand for an account."""

    account_id = IntegerField(primary_key=True)
    dossier_id = IntegerField(index=True)

    class Meta:
        table_name = "dossier_account"


class Paper(Base):
    """What is known of one paper; `area` '' holds in any country.  Days are ISO dates, '' unknown."""

    dossier_id = IntegerField()
    area = CharField()
    kind = CharField()
    number = CharField(default="")
    issuer = CharField(default="")
    holder = CharField(default="")
    issued = CharField(default="")
    expires = CharField(default="")
    register = CharField(default="")
    note = TextField(default="")
    checked_by = CharField(default="")
    checked_at = BigIntegerField(null=True)

    class Meta:
        table_name = "paper"
        indexes = ((("dossier_id", "area", "kind"), True),)


class PaperFile(Base):
    """One file of a paper, encrypted; `removed_at` once it was taken back."""

    paper_id = IntegerField(index=True)
    name = CharField()
    kind = CharField()
    size = IntegerField()
    sha256 = CharField()
    content_enc = BlobField()
    uploaded_by = CharField()
    uploaded_at = BigIntegerField()
    removed_by = CharField(default="")
    removed_at = BigIntegerField(null=True)

    class Meta:
        table_name = "paper_file"


class DossierEvent(Base):
    """Who did what to a dossier; append-only.  `thing` is a paper as "CN/licence", or ''; `detail` JSON."""

    dossier_id = IntegerField(index=True)
    at = BigIntegerField()
    who = CharField()
    what = CharField()
    thing = CharField(default="")
    detail = TextField(default="{}")

    class Meta:
        table_name = "dossier_event"


class PaperReminder(Base):
    """A reminder one person gets: about what, for which last day, how many days before."""

    dossier_id = IntegerField()
    thing = CharField()
    due = CharField()
    step = SmallIntegerField()
    email = CharField()
    mailed_at = BigIntegerField(null=True)
    tries = SmallIntegerField(default=0)

    class Meta:
        table_name = "paper_reminder"
        primary_key = CompositeKey("dossier_id", "thing", "due", "step", "email")
