"""Parts of long messages that the provider numbers one by one.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """CREATE TABLE message_part (message_id {big} NOT NULL, n SMALLINT NOT NULL, ref_hash {big} NOT NULL, state
    SMALLINT NOT NULL DEFAULT 3, PRIMARY KEY (message_id, n)){rowless}""",
    """CREATE INDEX message_part_ref_hash ON message_part (ref_hash)""",
)
SQLITE = tuple(t.format(big="INTEGER", rowless=" WITHOUT ROWID") for t in _TABLES)
POSTGRES = tuple(t.format(big="BIGINT", rowless="") for t in _TABLES)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
