"""The base of every model.  Columns named `*_at` are epoch milliseconds, UTC."""

from __future__ import annotations

from peewee import DatabaseProxy, Model

#: Bound by `core.db.database.connect`; one database a process.
database = DatabaseProxy()


class Base(Model):
    class Meta:
        database = database
        legacy_table_names = False
