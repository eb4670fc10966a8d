"""How segments grow: people a day, and who was in at the last nightly count.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE segment_day (segment_id INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, joined
    INTEGER, gone INTEGER, PRIMARY KEY (segment_id, day)) WITHOUT ROWID""",
    """CREATE TABLE segment_snapshot (segment_id INTEGER NOT NULL PRIMARY KEY, day INTEGER NOT NULL, bits BLOB
    NOT NULL)""",
)
POSTGRES = (
    """CREATE TABLE segment_day (segment_id INTEGER NOT NULL, day INTEGER NOT NULL, n INTEGER NOT NULL, joined
    INTEGER, gone INTEGER, PRIMARY KEY (segment_id, day))""",
    """CREATE TABLE segment_snapshot (segment_id INTEGER NOT NULL PRIMARY KEY, day INTEGER NOT NULL, bits BYTEA
    NOT NULL)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
