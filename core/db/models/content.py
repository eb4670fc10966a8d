"""WHAT: templates, one text per language, versioned."""

from __future__ import annotations

from peewee import BigIntegerField, BooleanField, CharField, IntegerField, SmallIntegerField, TextField

from core.db.models.base import Base


class Template(Base):
    """A text for one class; its words are in `TemplateText`, one current version a language."""

    name = CharField(unique=True)
    cls = SmallIntegerField()
    default_lang = CharField(default="en")
    archived = BooleanField(default=False)
    created_by = CharField(default="")
    created_at = BigIntegerField()
    updated_at = BigIntegerField()

    class Meta:
        table_name = "template"


class TemplateText(Base):
    """One version of a template's words in one language; the highest version is the current one."""

    template_id = IntegerField()
    lang = CharField()
    version = IntegerField()
    body = TextField()
    created_by = CharField(default="")
    created_at = BigIntegerField()

    class Meta:
        table_name = "template_text"
        indexes = ((("template_id", "lang", "version"), True),)
