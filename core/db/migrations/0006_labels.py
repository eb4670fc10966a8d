"""Labels that live: rules, the labels of their values, what people took off, what changed, people a day.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE label_rule (id INTEGER NOT NULL PRIMARY KEY, label TEXT NOT NULL, per_value INTEGER NOT
    NULL, kind TEXT NOT NULL, params TEXT NOT NULL, state TEXT NOT NULL, keep_days INTEGER NOT NULL, enabled
    INTEGER NOT NULL, error TEXT NOT NULL, last_run_at INTEGER, last_ms INTEGER NOT NULL, created_by TEXT
    NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL)""",
    """CREATE TABLE label_value (rule_id INTEGER NOT NULL, value INTEGER NOT NULL, label_id INTEGER NOT NULL,
    PRIMARY KEY (rule_id, value))""",
    """CREATE INDEX label_value_label_id ON label_value (label_id)""",
    """CREATE TABLE label_block (label_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, who TEXT NOT NULL,
    "at" INTEGER NOT NULL, PRIMARY KEY (label_id, contact_id)) WITHOUT ROWID""",
    """CREATE INDEX label_block_contact_id ON label_block (contact_id)""",
    """CREATE TABLE label_change (contact_id INTEGER NOT NULL, "at" INTEGER NOT NULL, label_id INTEGER NOT
    NULL, what TEXT NOT NULL, rule_id INTEGER, evidence INTEGER NOT NULL, who TEXT NOT NULL, PRIMARY KEY
    (contact_id, "at", label_id)) WITHOUT ROWID""",
    """CREATE INDEX label_change_label_id_at ON label_change (label_id, "at")""",
    """CREATE TABLE label_day (label_id INTEGER NOT NULL, day INTEGER NOT NULL, people INTEGER, added INTEGER
    NOT NULL, removed INTEGER NOT NULL, PRIMARY KEY (label_id, day))""",
    """ALTER TABLE contact_label ADD COLUMN evidence INTEGER NOT NULL DEFAULT 1""",
)
POSTGRES = (
    """CREATE TABLE label_rule (id SERIAL NOT NULL PRIMARY KEY, label TEXT NOT NULL, per_value BOOLEAN NOT
    NULL, kind TEXT NOT NULL, params TEXT NOT NULL, state TEXT NOT NULL, keep_days INTEGER NOT NULL, enabled
    BOOLEAN NOT NULL, error TEXT NOT NULL, last_run_at BIGINT, last_ms INTEGER NOT NULL, created_by TEXT NOT
    NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL)""",
    """CREATE TABLE label_value (rule_id INTEGER NOT NULL, value INTEGER NOT NULL, label_id INTEGER NOT NULL,
    PRIMARY KEY (rule_id, value))""",
    """CREATE INDEX label_value_label_id ON label_value (label_id)""",
    """CREATE TABLE label_block (label_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, who TEXT NOT NULL,
    "at" BIGINT NOT NULL, PRIMARY KEY (label_id, contact_id))""",
    """CREATE INDEX label_block_contact_id ON label_block (contact_id)""",
    """CREATE TABLE label_change (contact_id INTEGER NOT NULL, "at" BIGINT NOT NULL, label_id INTEGER NOT
    NULL, what TEXT NOT NULL, rule_id INTEGER, evidence INTEGER NOT NULL, who TEXT NOT NULL, PRIMARY KEY
    (contact_id, "at", label_id))""",
    """CREATE INDEX label_change_label_id_at ON label_change (label_id, "at")""",
    """CREATE TABLE label_day (label_id INTEGER NOT NULL, day INTEGER NOT NULL, people INTEGER, added INTEGER
    NOT NULL, removed INTEGER NOT NULL, PRIMARY KEY (label_id, day))""",
    """ALTER TABLE contact_label ADD COLUMN evidence INTEGER NOT NULL DEFAULT 1""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
