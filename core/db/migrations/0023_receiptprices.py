"""Prices told by receipts.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """CREATE TABLE message_price (message_id {big} NOT NULL, n SMALLINT NOT NULL, "at" {big} NOT NULL, cost_micros
    {big} NOT NULL, was {big}, PRIMARY KEY (message_id, n)){rowless}""",
    """ALTER TABLE pending_receipt ADD COLUMN cost_micros {big}""",
)
SQLITE = tuple(t.format(big="INTEGER", rowless=" WITHOUT ROWID") for t in _TABLES)
POSTGRES = tuple(t.format(big="BIGINT", rowless="") for t in _TABLES)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
