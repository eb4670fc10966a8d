"""WHO REALLY DELIVERS: what became of messages by account, carrier and hour, and the watch over accounts."""

from __future__ import annotations

from peewee import (
    BigIntegerField,
    CharField,
    CompositeKey,
    DoubleField,
    IntegerField,
    SmallIntegerField,
    TextField,
)

from core.db.models.base import Base


class ArrivalCell(Base):
    """Messages of one account, class, country and carrier submitted in one hour.

    `hour` is epoch ms // 3,600,000.  `sent` is what the provider accepted, `rejected` what it refused;
    `delivered` and `failed` have a final receipt, the rest of `sent` has none.  Columns `came_0`…`came_14` and
    `fell_0`…`fell_14` are delivered and failed messages by the time of their receipt
    (`core.measure.arrival.cells.EDGES_S`).
    `into_s` sums the seconds from the hour's start to the submits, `open_s` those of messages without receipt.
    `reasons` is JSON {reason: messages} of the failed and refused.
    """

    account_id = IntegerField()
    cls = SmallIntegerField()
    country = CharField(default="")
    carrier = CharField(default="")
    hour = IntegerField()
    sent = IntegerField(default=0)
    delivered = IntegerField(default=0)
    failed = IntegerField(default=0)
    rejected = IntegerField(default=0)
    in_5m = IntegerField(default=0)
    in_24h = IntegerField(default=0)
    parts = IntegerField(default=0)
    cost_micros = BigIntegerField(default=0)
    into_s = BigIntegerField(default=0)
    open_s = BigIntegerField(default=0)
    reasons = TextField(default="{}")

    class Meta:
        table_name = "arrival_cell"
        primary_key = CompositeKey("hour", "account_id", "cls", "country", "carrier")
        without_rowid = True


for _name in (f"{kind}_{step}" for kind in ("came", "fell") for step in range(15)):
    ArrivalCell._meta.add_field(_name, IntegerField(default=0))


class ArrivalHour(Base):
    """Which hours were counted: `mark` is what the counters said then, and still said at `read_at`."""

    hour = IntegerField(primary_key=True)
    mark = CharField(default="")
    read_at = BigIntegerField()

    class Meta:
        table_name = "arrival_hour"


class ArrivalRate(Base):
    """The shrunk arrival rate of an account by country and carrier with its 95 % interval; '' means any.

    `n` is the number of messages it rests on.  Routing reads it.
    """

    account_id = IntegerField()
    country = CharField(default="")
    carrier = CharField(default="")
    rate = DoubleField()
    low = DoubleField()
    high = DoubleField()
    n = IntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "arrival_rate"
        primary_key = CompositeKey("account_id", "country", "carrier")
        without_rowid = True


class AccountWatch(Base):
    """Is an account to be trusted?  Routing gives one in state canary `canary_bp` (1 = 0.01 %) of its share.

    `baseline` is the arrival it is held to, `wait_ms` the time its receipts are given, `read_to` the submit
    time up to which messages were judged.  `tried`, `arrived` and `evidence` (the logarithm of the e-value)
    belong to the present step of the canary.  `live` is JSON: the last hour's arrival within 5 minutes.
    """

    account_id = IntegerField(primary_key=True)
    state = CharField(default="ok")
    since = BigIntegerField()
    canary_bp = IntegerField(default=10_000)
    reason = TextField(default="")
    baseline = DoubleField(null=True)
    wait_ms = BigIntegerField(default=300_000)
    read_to = BigIntegerField(default=0)
    tried = IntegerField(default=0)
    arrived = IntegerField(default=0)
    evidence = DoubleField(default=0)
    live = TextField(default="{}")
    updated_at = BigIntegerField()

    class Meta:
        table_name = "account_watch"


class ArrivalCusum(Base):
    """The running sum of the alarm for an account ('' as carrier) or one of its carriers.

    `began_at` is the submit time at which the sum last left 0, `sent` and `arrived` what was seen since.
    `open` is JSON [sent, arrived, first submit] of the batch that is not full yet, `history` JSON: [sent,
    arrived] of the last batches, for φ.
    """

    account_id = IntegerField()
    carrier = CharField(default="")
    cusum = DoubleField(default=0)
    phi = DoubleField(default=1)
    baseline = DoubleField(null=True)
    began_at = BigIntegerField(default=0)
    sent = IntegerField(default=0)
    arrived = IntegerField(default=0)
    open = TextField(default="[0, 0, 0]")
    history = TextField(default="[]")

    class Meta:
        table_name = "arrival_cusum"
        primary_key = CompositeKey("account_id", "carrier")
        without_rowid = True


class ArrivalAlarm(Base):
    """One drop that was noticed: what was expected, what was seen, and how it ended.

    `began_at` and `until_at` are the submit times of the first and last message that made it; of its `sent`
    messages `arrived` had in the time receipts are given, `silent` had no receipt at all.  `ending` is how it
    ended: proved, late (the receipts came after all) or hand.  `tried` and `passed` count what a carrier did
    since (of a whole account `account_watch` does).
    """

    account_id = IntegerField()
    carrier = CharField(default="")
    at = BigIntegerField()
    began_at = BigIntegerField()
    until_at = BigIntegerField()
    baseline = DoubleField()
    sent = IntegerField()
    arrived = IntegerField()
    silent = IntegerField(default=0)
    cusum = DoubleField()
    phi = DoubleField()
    ended_at = BigIntegerField(null=True)
    ending = CharField(default="")
    tried = IntegerField(default=0)
    passed = IntegerField(default=0)

    class Meta:
        table_name = "arrival_alarm"
        indexes = ((("account_id", "id"), False),)
