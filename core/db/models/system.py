"""The house itself: settings, audit, periodic work, throttles, plugin state."""

from __future__ import annotations

from peewee import BigIntegerField, CharField, CompositeKey, IntegerField, SmallIntegerField, TextField

from core.db.models.base import Base


class Setting(Base):
    """A setting changed in the UI; JSON value."""

    key = CharField(primary_key=True)
    value = TextField()

    class Meta:
        table_name = "setting"


class Audit(Base):
    """Who did what; append-only (triggers refuse UPDATE and DELETE)."""

    at = BigIntegerField(index=True)
    who = CharField(default="")
    action = CharField()
    object = CharField(default="")
    detail = TextField(default="")
    ip = CharField(default="")

    class Meta:
        table_name = "audit"


class AuditSeal(Base):
    """Append-only.  `hash` is a keyed hash over the seal before and row lo = hi of the audit log (`core.db.chain`)."""

    id = BigIntegerField(primary_key=True)
    lo = BigIntegerField()
    hi = BigIntegerField()
    n = IntegerField()
    hash = CharField()
    at = BigIntegerField()

    class Meta:
        table_name = "audit_seal"


class AuditHead(Base):
    """One row, as `ConsentHead`: the newest seal, how many rows are sealed, and the last of them."""

    id = SmallIntegerField(primary_key=True)
    seal = BigIntegerField()
    events = BigIntegerField()
    last = BigIntegerField()
    hash = CharField()
    open_to = BigIntegerField()

    class Meta:
        table_name = "audit_head"


class JobRun(Base):
    """One firing of periodic work: the first worker to insert (name, slot) runs it."""

    name = CharField()
    slot = BigIntegerField()
    worker_id = IntegerField(default=0)
    at = BigIntegerField()
    ms = IntegerField(null=True)
    error = TextField(default="")

    class Meta:
        table_name = "job_run"
        primary_key = CompositeKey("name", "slot")


class Throttle(Base):
    """A fixed-window counter that holds over all processes, e.g. sign-in tries by IP and by account."""

    key = CharField()
    window = BigIntegerField()
    n = IntegerField(default=0)

    class Meta:
        table_name = "throttle"
        primary_key = CompositeKey("key", "window")


class PluginState(Base):
    """Plugins a person or the error budget switched off."""

    name = CharField(primary_key=True)
    enabled = IntegerField(default=1)
    reason = CharField(default="")
    at = BigIntegerField()

    class Meta:
        table_name = "plugin_state"
