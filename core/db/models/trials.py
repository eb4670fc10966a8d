"""TRIALS: trying accounts on phones of our own, text by text."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class Trial(Base):
    """One trial.  `state` is draft, running, paused, done or cancelled; `plan` is JSON
    (`core.measure.trials.plan.Plan`); `seed` orders the texts; `ends_at` is when the last one may leave."""

    name = CharField()
    state = CharField(default="draft")
    plan = TextField()
    seed = BigIntegerField()
    created_by = CharField(default="")
    created_at = BigIntegerField()
    started_by = CharField(default="")
    started_at = BigIntegerField(null=True)
    ends_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)

    class Meta:
        table_name = "trial"


class TrialAccount(Base):
    """An account of a trial and what a person said of it: `verdict` is '', good, limits or bad."""

    trial_id = IntegerField()
    account_id = IntegerField()
    position = SmallIntegerField()
    verdict = CharField(default="")
    note = CharField(default="")
    who = CharField(default="")
    at = BigIntegerField(null=True)

    class Meta:
        table_name = "trial_account"
        primary_key = CompositeKey("trial_id", "account_id")
        without_rowid = True


class TrialNumber(Base):
    """A phone of a trial; its number is that of the contact.  `seed_account_id`: the account that hands over
    what the phone gets, None where a person looks; `night`: its owner agreed to texts at night; `link`
    counts the links that were made, the last one works."""

    trial_id = IntegerField(index=True)
    contact_id = IntegerField(index=True)
    country = CharField()
    carrier = CharField()
    zone = CharField()
    owner = CharField(default="")
    seed_account_id = IntegerField(null=True)
    night = BooleanField(default=False)
    link = IntegerField(default=1)

    class Meta:
        table_name = "trial_number"


class TrialText(Base):
    """One text of a trial: a phone, an account, a round.

    `state`: waiting, given (a message exists), accepted, delivered, failed, rejected, skipped (never left),
    refused (could not even be given) or cancelled.  `seen`: '' (nobody looked), yes, damaged or no; `seen_by`:
    handset or person.  `answer`: '', reply or stop.  `body` and `sender` are what was ordered.
    """

    trial_id = IntegerField()
    number_id = IntegerField()
    account_id = IntegerField()
    round = SmallIntegerField()
    hours = CharField()
    kind = CharField()
    nonce = CharField(unique=True)
    body = TextField()
    sender = CharField(default="")
    due_at = BigIntegerField()
    until_at = BigIntegerField()
    state = CharField(default="waiting")
    message_id = BigIntegerField(null=True)
    reason = CharField(default="")
    parts = SmallIntegerField(default=0)
    cost_micros = BigIntegerField(default=0)
    submitted_at = BigIntegerField(null=True)
    receipt_at = BigIntegerField(null=True)
    seen = CharField(default="")
    seen_by = CharField(default="")
    seen_at = BigIntegerField(null=True)
    seen_body = TextField(default="")
    seen_sender = CharField(default="")
    noted_by = CharField(default="")
    answer = CharField(default="")
    answer_at = BigIntegerField(null=True)

    class Meta:
        table_name = "trial_text"
        indexes = ((("trial_id", "state", "due_at"), False), (("number_id",), False))


class TrialCheck(Base):
    """What a person found of a promised function; stands above what the texts say by themselves.

    `result`: pass or fail.
    """

    trial_id = IntegerField()
    account_id = IntegerField()
    function = CharField()
    result = CharField()
    note = CharField(default="")
    who = CharField()
    at = BigIntegerField()

    class Meta:
        table_name = "trial_check"
        primary_key = CompositeKey("trial_id", "account_id", "function")
        without_rowid = True
