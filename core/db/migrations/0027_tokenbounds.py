"""Tokens of programs: the networks they work from, and what they may spend a day.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """ALTER TABLE api_token ADD COLUMN networks TEXT NOT NULL DEFAULT ''""",
    """ALTER TABLE api_token ADD COLUMN spend_cap_micros {big}""",
    """ALTER TABLE api_token ADD COLUMN spend_currency VARCHAR(255) NOT NULL DEFAULT ''""",
    """CREATE TABLE token_spend (token_id INTEGER NOT NULL, day INTEGER NOT NULL, micros {big} NOT NULL,
    PRIMARY KEY (token_id, day)){rowless}""",
)
SQLITE = tuple(t.format(big="INTEGER", rowless=" WITHOUT ROWID") for t in _TABLES)
POSTGRES = tuple(t.format(big="BIGINT", rowless="") for t in _TABLES)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
