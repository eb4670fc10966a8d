"""People who look like one and are not: a person said so.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """CREATE TABLE not_same ({serial}, was TEXT NOT NULL, who TEXT NOT NULL, "at" {big} NOT NULL)""",
    """CREATE TABLE not_same_contact (not_same_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, PRIMARY KEY
    (not_same_id, contact_id))""",
    """CREATE INDEX not_same_contact_contact_id ON not_same_contact (contact_id)""",
)
SQLITE = tuple(t.format(serial="id INTEGER NOT NULL PRIMARY KEY", big="INTEGER") for t in _TABLES)
POSTGRES = tuple(t.format(serial="id SERIAL NOT NULL PRIMARY KEY", big="BIGINT") for t in _TABLES)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
