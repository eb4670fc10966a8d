"""The audit log is sealed row by row.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """CREATE TABLE audit_seal (id {big} NOT NULL PRIMARY KEY, lo {big} NOT NULL, hi {big} NOT NULL,
    n INTEGER NOT NULL, hash TEXT NOT NULL, "at" {big} NOT NULL)""",
    """CREATE INDEX audit_seal_hi ON audit_seal (hi)""",
    """CREATE TABLE audit_head (id {small} NOT NULL PRIMARY KEY, seal {big} NOT NULL, events {big} NOT NULL,
    last {big} NOT NULL, hash TEXT NOT NULL, open_to {big} NOT NULL)""",
    # What the log holds already is sealed by the first writer after the upgrade: a migration has no keys.
    """INSERT INTO audit_head (id, seal, events, last, hash, open_to)
    SELECT 1, 0, 0, 0, '', COALESCE(MAX(id), 0) FROM audit""",
    """CREATE INDEX audit_action ON audit ("action", id)""",
)
_GUARDS = (
    """CREATE TRIGGER audit_seal_update BEFORE UPDATE ON audit_seal BEGIN SELECT RAISE(ABORT,
    'audit_seal is append-only'); END""",
    """CREATE TRIGGER audit_seal_delete BEFORE DELETE ON audit_seal BEGIN SELECT RAISE(ABORT,
    'audit_seal is append-only'); END""",
)
_GUARD = """CREATE TRIGGER audit_seal_append_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE
    FUNCTION append_only()"""
SQLITE = (*(t.format(big="INTEGER", small="INTEGER") for t in _TABLES), *_GUARDS)
POSTGRES = (*(t.format(big="BIGINT", small="SMALLINT") for t in _TABLES), _GUARD)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
