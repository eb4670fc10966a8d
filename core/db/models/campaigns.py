"""WHEN AND TO WHOM: campaigns, their frozen texts, their log."""

from __future__ import annotations

from peewee import SQL, BigIntegerField, CharField, CompositeKey, IntegerField, SmallIntegerField, TextField

from core.db.models.base import Base


class Campaign(Base):
    """One send to one audience.

    state: draft → (approval) → scheduled → expanding → running ⇄ paused → done | cancelled.
    A `direct` campaign (one a class, made when first needed) carries single messages; it always runs.
    `options` is JSON: window, rate, quiet_hours, approve …  `holdout_bp` is in basis points (500 = 5 %).
    `launch_key` makes a repeated launch the same launch; `snapshot` is the hash of audience rule, texts
    and prices that was approved and frozen.
    """

    name = CharField()
    cls = SmallIntegerField()
    state = CharField(default="draft")
    reason = CharField(default="")
    segment_id = IntegerField(null=True)
    account_id = IntegerField(null=True)
    send_at = BigIntegerField(null=True)
    not_after = BigIntegerField(null=True)
    holdout_bp = IntegerField(default=0)
    options = TextField(default="{}")
    launch_key = CharField(null=True, unique=True)
    snapshot = CharField(default="")
    rule = TextField(default="")
    salt = BigIntegerField(default=0)
    #: Expansion: contacts up to this id are materialised; `audience` is what the frozen rule counted.
    cursor = IntegerField(default=0)
    cursor_end = IntegerField(default=0)
    audience = IntegerField(null=True)
    budget_micros = BigIntegerField(null=True)
    spent_micros = BigIntegerField(default=0)
    #: As `account.tat_us`, for the option `rate`.
    tat_us = BigIntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    currency = CharField(default="")
    created_by = CharField(default="")
    approved_by = CharField(default="")
    approved_snapshot = CharField(default="")
    created_at = BigIntegerField()
    launched_at = BigIntegerField(null=True)
    started_at = BigIntegerField(null=True)
    finished_at = BigIntegerField(null=True)

    class Meta:
        table_name = "campaign"
        indexes = ((("state",), False),)


class Variant(Base):
    """One arm of a campaign; `weight` is its share of those texted, in basis points."""

    campaign_id = IntegerField()
    idx = SmallIntegerField()
    template_id = IntegerField(null=True)
    weight = IntegerField(default=10000)

    class Meta:
        table_name = "variant"
        primary_key = CompositeKey("campaign_id", "idx")


class VariantText(Base):
    """The words of a variant in one language, frozen at launch."""

    campaign_id = IntegerField()
    idx = SmallIntegerField()
    lang = CharField()
    body = TextField()
    template_version = IntegerField(default=0)

    class Meta:
        table_name = "variant_text"
        primary_key = CompositeKey("campaign_id", "idx", "lang")


class CampaignLog(Base):
    """What happened to a campaign, for people to read."""

    campaign_id = IntegerField()
    at = BigIntegerField()
    who = CharField(default="")
    what = CharField()
    detail = TextField(default="")

    class Meta:
        table_name = "campaign_log"
        indexes = ((("campaign_id", "id"), False),)


class CampaignCheck(Base):
    """The last dry run of a campaign: `report` is JSON, for the exact `snapshot`; progress while it runs.

    state: running · done · failed (`error` says why).
    """

    campaign_id = IntegerField(primary_key=True)
    snapshot = CharField()
    state = CharField(default="running")
    done = IntegerField(default=0)
    total = IntegerField(default=0)
    report = TextField(default="")
    error = TextField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "campaign_check"
