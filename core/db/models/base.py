"""The base of every model.  Columns named `*_at` are epoch milliseconds, UTC."""

from __future__ import annotations

from peewee import DatabaseProxy, Model

#: Bound by `core.db.database.connect`; one database a process.
database = DatabaseProxy()


class Base(Model):
    """peewee's own first arguments are called `cls`, which is also a column here; hence positional-only ones."""

    class Meta:
        database = database
        legacy_table_names = False

    @classmethod
    def insert(model, data=None, /, **values):
        """As peewee's, for models with any column."""
        return super().insert({**(data or {}), **values})

    @classmethod
    def update(model, data=None, /, **values):
        """As peewee's, for models with any column."""
        return super().update({**(data or {}), **values})

    @classmethod
    def create(model, /, **values):
        """As peewee's, for models with any column."""
        row = model(**values)
        row.save(force_insert=True)
        return row
