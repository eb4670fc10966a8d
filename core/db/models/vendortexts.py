"""WHAT, as vendors keep it: their templates and signatures, and which of them a template of ours is."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, CompositeKey, IntegerField, TextField

from core.db.models.base import Base


class VendorSignature(Base):
    """A signature at an account's vendor, as the last look found it."""

    account_id = IntegerField()
    name = CharField()
    state = CharField()
    reason = TextField(default="")
    synced_at = BigIntegerField()

    class Meta:
        table_name = "vendor_signature"
        primary_key = CompositeKey("account_id", "name")


class VendorTemplate(Base):
    """A template at an account's vendor; `variables` is a JSON list in the order of the words."""

    account_id = IntegerField()
    code = CharField()
    name = CharField(default="")
    kind = CharField(default="")
    words = TextField()
    variables = TextField(default="[]")
    state = CharField()
    reason = TextField(default="")
    abroad = BooleanField(default=False)
    synced_at = BigIntegerField()

    class Meta:
        table_name = "vendor_template"
        primary_key = CompositeKey("account_id", "code")


class VendorMapping(Base):
    """Which vendor template a language of one of ours is there; `params` is JSON {variable: text with fields}."""

    template_id = IntegerField()
    lang = CharField()
    account_id = IntegerField()
    code = CharField()
    signature = CharField(default="")
    params = TextField(default="{}")
    changed_by = CharField(default="")
    changed_at = BigIntegerField()

    class Meta:
        table_name = "vendor_mapping"
        primary_key = CompositeKey("template_id", "lang", "account_id")


class VariantVendor(Base):
    """A mapping as it stood when a campaign was launched, with the vendor's words."""

    campaign_id = IntegerField()
    idx = IntegerField()
    lang = CharField()
    account_id = IntegerField()
    code = CharField()
    signature = CharField(default="")
    params = TextField(default="{}")
    words = TextField()
    kind = CharField(default="")

    class Meta:
        table_name = "variant_vendor"
        primary_key = CompositeKey("campaign_id", "idx", "lang", "account_id")
