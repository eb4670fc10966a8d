"""The first schema: every table of the core, its triggers, and what an empty instance starts with."""

from core import clock
from core.db import database, triggers
from core.db.models import ALL, Field, IdBlock, Role

ROLES = {
    "viewer": "Sees everything, changes nothing",
    "marketer": "Contacts, segments, templates and campaigns",
    "approver": "A marketer who may approve another's campaign",
    "admin": "Everything, including providers, people and settings",
}
FIELDS = (("gender", "Gender", "choice"), ("birthday", "Birthday", "date"), ("city", "City", "choice"))
_COLUMN_TYPES = {"choice": "INTEGER", "date": "INTEGER"}


def up(migrator, db):
    with db.bind_ctx(ALL):
        if database.is_postgres():
            for model in ALL:
                model._meta.without_rowid = False
        db.create_tables(ALL)
        for statement in triggers.postgres() if database.is_postgres() else triggers.sqlite():
            db.execute_sql(statement.replace("%", "%%") if database.is_postgres() else statement)
        IdBlock.create(id=1, last=0, force_insert=True)
        for name, description in ROLES.items():
            Role.create(name=name, description=description, permissions="")
        for position, (key, title, kind) in enumerate(FIELDS):
            field = Field.create(
                key=key, title=title, kind=kind, column="", position=position, builtin=True,
                created_at=clock.now_ms(),
            )  # fmt: skip
            field.column = f"f{field.id}"
            field.save(only=[Field.column])
            db.execute_sql(f"ALTER TABLE profile ADD COLUMN {field.column} {_COLUMN_TYPES[kind]}")
