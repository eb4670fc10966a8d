"""Rules that choose the account of a message, pools of senders, and what was decided.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE route_rule (id INTEGER NOT NULL PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
    enabled INTEGER NOT NULL, cls INTEGER NOT NULL, countries TEXT NOT NULL, carriers TEXT NOT NULL, prefixes
    TEXT NOT NULL, segment_id INTEGER, share_bp INTEGER NOT NULL, strategy TEXT NOT NULL, pool_id INTEGER,
    created_at INTEGER NOT NULL)""",
    """CREATE TABLE route_target (rule_id INTEGER NOT NULL, account_id INTEGER NOT NULL, position INTEGER NOT
    NULL, weight INTEGER NOT NULL, PRIMARY KEY (rule_id, account_id))""",
    """CREATE TABLE sender_pool (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, sticky INTEGER NOT NULL,
    created_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX sender_pool_name ON sender_pool (name)""",
    """CREATE TABLE sender (id INTEGER NOT NULL PRIMARY KEY, pool_id INTEGER NOT NULL, account_id INTEGER NOT
    NULL, sender TEXT NOT NULL, rate_per_s REAL, daily_cap INTEGER, countries TEXT NOT NULL, enabled INTEGER
    NOT NULL, tat_us INTEGER NOT NULL, day INTEGER NOT NULL, used INTEGER NOT NULL, created_at INTEGER NOT
    NULL)""",
    """CREATE UNIQUE INDEX sender_pool_id_account_id_sender ON sender (pool_id, account_id, sender)""",
    """CREATE INDEX sender_pool_id ON sender (pool_id)""",
    """CREATE TABLE sender_sticky (contact_id INTEGER NOT NULL, pool_id INTEGER NOT NULL, sender_id INTEGER NOT
    NULL, "at" INTEGER NOT NULL, PRIMARY KEY (contact_id, pool_id)) WITHOUT ROWID""",
    """CREATE TABLE message_route (message_id INTEGER NOT NULL PRIMARY KEY, rule_id INTEGER NOT NULL, account_id
    INTEGER NOT NULL, sender_id INTEGER NOT NULL, why TEXT NOT NULL, "at" INTEGER NOT NULL)""",
    """CREATE TABLE second_text (first_id INTEGER NOT NULL PRIMARY KEY, due_at INTEGER NOT NULL, second_id
    INTEGER)""",
    """CREATE UNIQUE INDEX second_text_second_id ON second_text (second_id)""",
    """CREATE INDEX second_text_due ON second_text(due_at) WHERE second_id IS NULL""",
)
POSTGRES = (
    """CREATE TABLE route_rule (id SERIAL NOT NULL PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL,
    enabled BOOLEAN NOT NULL, cls SMALLINT NOT NULL, countries TEXT NOT NULL, carriers TEXT NOT NULL, prefixes
    TEXT NOT NULL, segment_id INTEGER, share_bp INTEGER NOT NULL, strategy TEXT NOT NULL, pool_id INTEGER,
    created_at BIGINT NOT NULL)""",
    """CREATE TABLE route_target (rule_id INTEGER NOT NULL, account_id INTEGER NOT NULL, position SMALLINT NOT
    NULL, weight INTEGER NOT NULL, PRIMARY KEY (rule_id, account_id))""",
    """CREATE TABLE sender_pool (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, sticky BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX sender_pool_name ON sender_pool (name)""",
    """CREATE TABLE sender (id SERIAL NOT NULL PRIMARY KEY, pool_id INTEGER NOT NULL, account_id INTEGER NOT
    NULL, sender TEXT NOT NULL, rate_per_s DOUBLE PRECISION, daily_cap INTEGER, countries TEXT NOT NULL,
    enabled BOOLEAN NOT NULL, tat_us BIGINT NOT NULL, day INTEGER NOT NULL, used INTEGER NOT NULL, created_at
    BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX sender_pool_id_account_id_sender ON sender (pool_id, account_id, sender)""",
    """CREATE INDEX sender_pool_id ON sender (pool_id)""",
    """CREATE TABLE sender_sticky (contact_id INTEGER NOT NULL, pool_id INTEGER NOT NULL, sender_id INTEGER NOT
    NULL, "at" BIGINT NOT NULL, PRIMARY KEY (contact_id, pool_id))""",
    """CREATE TABLE message_route (message_id BIGINT NOT NULL PRIMARY KEY, rule_id INTEGER NOT NULL, account_id
    INTEGER NOT NULL, sender_id INTEGER NOT NULL, why TEXT NOT NULL, "at" BIGINT NOT NULL)""",
    """CREATE TABLE second_text (first_id BIGINT NOT NULL PRIMARY KEY, due_at BIGINT NOT NULL, second_id
    BIGINT)""",
    """CREATE UNIQUE INDEX second_text_second_id ON second_text (second_id)""",
    """CREATE INDEX second_text_due ON second_text(due_at) WHERE second_id IS NULL""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
