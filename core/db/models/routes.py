"""WHICH WAY: rules that choose the account of a message, pools of senders, and what was decided."""

from __future__ import annotations

from peewee import (
    SQL,
    BigIntegerField,
    BooleanField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class RouteRule(Base):
    """One rule; the first in the order of `position` that fits a message decides.

    `cls` -1 means any class; `countries`, `carriers` and `prefixes` are words joined by a line break
    ("\\n"), empty for any; `share_bp` is the share of the messages it takes, in basis points.  `strategy` is one of
    `core.sending.routes.rules.STRATEGIES`.
    """

    position = IntegerField()
    name = CharField()
    enabled = BooleanField(default=True)
    cls = SmallIntegerField(default=-1)
    countries = TextField(default="")
    carriers = TextField(default="")
    prefixes = TextField(default="")
    segment_id = IntegerField(null=True)
    share_bp = IntegerField(default=10_000)
    strategy = CharField(default="order")
    pool_id = IntegerField(null=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "route_rule"


class RouteTarget(Base):
    """An account a rule may take, in the order of `position`; `weight` counts with the strategy weight."""

    rule_id = IntegerField()
    account_id = IntegerField()
    position = SmallIntegerField()
    weight = IntegerField(default=1)

    class Meta:
        table_name = "route_target"
        primary_key = CompositeKey("rule_id", "account_id")


class SenderPool(Base):
    """Senders that may stand for each other; `sticky`: a contact keeps the one that texted it last."""

    name = CharField(unique=True)
    sticky = BooleanField(default=True)
    created_at = BigIntegerField()

    class Meta:
        table_name = "sender_pool"


class Sender(Base):
    """One sender of a pool, at one account.

    `tat_us` as `account.tat_us`; `used` messages on `day` (days since 1970 in the zone of the house) count
    against `daily_cap`.  `countries` as in `RouteRule`.
    """

    pool_id = IntegerField(index=True)
    account_id = IntegerField()
    sender = CharField()
    rate_per_s = DoubleField(null=True)
    daily_cap = IntegerField(null=True)
    countries = TextField(default="")
    enabled = BooleanField(default=True)
    tat_us = BigIntegerField(default=0)
    day = IntegerField(default=0)
    used = IntegerField(default=0)
    created_at = BigIntegerField()

    class Meta:
        table_name = "sender"
        indexes = ((("pool_id", "account_id", "sender"), True),)


class SenderSticky(Base):
    """The sender of a pool that texted a contact last."""

    contact_id = IntegerField()
    pool_id = IntegerField()
    sender_id = IntegerField()
    at = BigIntegerField()

    class Meta:
        table_name = "sender_sticky"
        primary_key = CompositeKey("contact_id", "pool_id")
        without_rowid = True


class MessageRoute(Base):
    """What was decided for a message that rules or pools had a say in, at its last mark.

    `rule_id` 0: no rule fitted; `sender_id` 0: the account's own sender.  `why` is JSON
    (`core.sending.routes.decision`): how the account was chosen, and the others with the reason each was not.
    """

    message_id = BigIntegerField(primary_key=True)
    rule_id = IntegerField(default=0)
    account_id = IntegerField()
    sender_id = IntegerField(default=0)
    why = TextField()
    at = BigIntegerField()

    class Meta:
        table_name = "message_route"


class SecondText(Base):
    """A text whose receipt is awaited until `due_at`; `second_id` is the text sent instead, once there is one."""

    first_id = BigIntegerField(primary_key=True)
    due_at = BigIntegerField()
    second_id = BigIntegerField(null=True, unique=True)

    class Meta:
        table_name = "second_text"


SecondText.add_index(SQL("CREATE INDEX second_text_due ON second_text(due_at) WHERE second_id IS NULL"))
