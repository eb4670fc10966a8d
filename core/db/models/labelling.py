"""LABELS THAT LIVE: rules that set labels, what they changed, and how many people carry a label each day."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    IntegerField,
    TextField,
)

from core.db.models.base import Base


class LabelRule(Base):
    """A rule that sets labels.  `label` is the name of its label, or with `per_value` what the names of its
    labels begin with ("Interest: " → "Interest: tea").  `params` and `state` are JSON; `state` is what the
    rule learnt in its last full run (bounds of quintiles).  `keep_days` is how long a label stays once its
    reason is gone.  `last_run_at`, `last_ms` and `error` speak of full runs.
    """

    label = CharField()
    per_value = BooleanField()
    kind = CharField()
    params = TextField(default="{}")
    state = TextField(default="{}")
    keep_days = IntegerField(default=0)
    enabled = BooleanField(default=True)
    error = TextField(default="")
    last_run_at = BigIntegerField(null=True)
    last_ms = IntegerField(default=0)
    created_by = CharField(default="")
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "label_rule"


class LabelValue(Base):
    """Which label a value of a rule has: the id of a category or item, a part of the day, a quintile; 0 is
    the one label of a rule that has no values.  A label belongs to one rule at most."""

    rule_id = IntegerField()
    value = IntegerField()
    label_id = IntegerField(index=True)

    class Meta:
        table_name = "label_value"
        primary_key = CompositeKey("rule_id", "value")


class LabelBlock(Base):
    """A person took this label off: no rule may set it again until a person allows it."""

    label_id = IntegerField()
    contact_id = IntegerField(index=True)
    who = CharField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "label_block"
        primary_key = CompositeKey("label_id", "contact_id")
        without_rowid = True


class LabelChange(Base):
    """A label came or went.  `what` is set, removed (a person, or a rule whose reason is gone), expired or
    undone (with an import).  Clustered by contact, for the timeline."""

    contact_id = IntegerField()
    at = BigIntegerField()
    label_id = IntegerField()
    what = CharField()
    rule_id = IntegerField(null=True)
    evidence = IntegerField(default=1)
    who = CharField(default="")

    class Meta:
        table_name = "label_change"
        primary_key = CompositeKey("contact_id", "at", "label_id")
        without_rowid = True
        indexes = ((("label_id", "at"), False),)


class LabelDay(Base):
    """A label on a day (days since 1970-01-01 in the instance's zone): people who carry it after that
    night's run (None before it), and how often rules set it and took it off."""

    label_id = IntegerField()
    day = IntegerField()
    people = IntegerField(null=True)
    added = IntegerField(default=0)
    removed = IntegerField(default=0)

    class Meta:
        table_name = "label_day"
        primary_key = CompositeKey("label_id", "day")
