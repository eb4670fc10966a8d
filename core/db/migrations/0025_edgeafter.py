"""SQLite looks at a change of state after it is made: a trigger before it costs more (core.db.triggers).

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """DROP TRIGGER message_edge""",
    """CREATE TRIGGER message_edge AFTER UPDATE OF state ON message WHEN NEW.state <> OLD.state AND ((CASE
    OLD.state WHEN 0 THEN 1602 WHEN 1 THEN 1605 WHEN 2 THEN 505 WHEN 3 THEN 240 WHEN 8 THEN 249 ELSE 0 END)
    >> NEW.state) & 1 = 0 BEGIN SELECT RAISE(ABORT, 'message state change refused'); END""",
)


def up(migrator, db):
    create(db, SQLITE, ())
