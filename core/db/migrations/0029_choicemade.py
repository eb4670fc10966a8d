"""When a choice was made: the undo of an import takes back those it added.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

STATEMENTS = ("""ALTER TABLE field_choice ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0""",)


def up(migrator, db):
    create(db, STATEMENTS, STATEMENTS)
