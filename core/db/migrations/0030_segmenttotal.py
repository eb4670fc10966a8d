"""How many contacts there were when a segment was counted: its share is of those.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

STATEMENTS = ("""ALTER TABLE segment ADD COLUMN last_total INTEGER""",)


def up(migrator, db):
    create(db, STATEMENTS, STATEMENTS)
