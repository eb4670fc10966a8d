"""What is known of numbers, what the nightly check of the data finds, and merged contacts.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE number_info (contact_id INTEGER NOT NULL PRIMARY KEY, region TEXT NOT NULL, carrier TEXT
    NOT NULL, zone TEXT NOT NULL, line_type INTEGER NOT NULL, permanent_failures INTEGER NOT NULL,
    failing_since INTEGER, last_failure_at INTEGER, last_delivered_at INTEGER, status INTEGER NOT NULL,
    status_at INTEGER, checked_at INTEGER NOT NULL)""",
    """CREATE TABLE quality_finding (kind TEXT NOT NULL, "key" TEXT NOT NULL, n INTEGER NOT NULL, "at" INTEGER
    NOT NULL, PRIMARY KEY (kind, "key"))""",
    """CREATE TABLE quality_contact (kind TEXT NOT NULL, group_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, detail TEXT NOT NULL, PRIMARY KEY (kind, group_id, contact_id))""",
    """CREATE INDEX quality_contact_contact_id ON quality_contact (contact_id)""",
    """CREATE TABLE quality_source (source TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, contacts INTEGER NOT
    NULL, "rows" INTEGER NOT NULL, rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL, missing INTEGER
    NOT NULL, unreachable INTEGER NOT NULL, optouts INTEGER NOT NULL, score INTEGER NOT NULL, "at" INTEGER
    NOT NULL)""",
    """CREATE TABLE contact_merge (id INTEGER NOT NULL PRIMARY KEY, kept_id INTEGER NOT NULL, gone_id INTEGER
    NOT NULL, gone_bidx BLOB NOT NULL, data_enc BLOB NOT NULL, who TEXT NOT NULL, "at" INTEGER NOT NULL,
    undone_at INTEGER)""",
    """CREATE INDEX contact_merge_kept_id ON contact_merge (kept_id)""",
    """CREATE INDEX contact_merge_gone_id ON contact_merge (gone_id)""",
    """CREATE INDEX contact_merge_gone_bidx ON contact_merge (gone_bidx)""",
)
POSTGRES = (
    """CREATE TABLE number_info (contact_id INTEGER NOT NULL PRIMARY KEY, region TEXT NOT NULL, carrier TEXT
    NOT NULL, zone TEXT NOT NULL, line_type SMALLINT NOT NULL, permanent_failures INTEGER NOT NULL,
    failing_since BIGINT, last_failure_at BIGINT, last_delivered_at BIGINT, status SMALLINT NOT NULL,
    status_at BIGINT, checked_at BIGINT NOT NULL)""",
    """CREATE TABLE quality_finding (kind TEXT NOT NULL, "key" TEXT NOT NULL, n INTEGER NOT NULL, "at" BIGINT
    NOT NULL, PRIMARY KEY (kind, "key"))""",
    """CREATE TABLE quality_contact (kind TEXT NOT NULL, group_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, detail TEXT NOT NULL, PRIMARY KEY (kind, group_id, contact_id))""",
    """CREATE INDEX quality_contact_contact_id ON quality_contact (contact_id)""",
    """CREATE TABLE quality_source (source TEXT NOT NULL PRIMARY KEY, title TEXT NOT NULL, contacts INTEGER NOT
    NULL, "rows" INTEGER NOT NULL, rejected INTEGER NOT NULL, duplicates INTEGER NOT NULL, missing INTEGER
    NOT NULL, unreachable INTEGER NOT NULL, optouts INTEGER NOT NULL, score INTEGER NOT NULL, "at" BIGINT
    NOT NULL)""",
    """CREATE TABLE contact_merge (id SERIAL NOT NULL PRIMARY KEY, kept_id INTEGER NOT NULL, gone_id INTEGER
    NOT NULL, gone_bidx BYTEA NOT NULL, data_enc BYTEA NOT NULL, who TEXT NOT NULL, "at" BIGINT NOT NULL,
    undone_at BIGINT)""",
    """CREATE INDEX contact_merge_kept_id ON contact_merge (kept_id)""",
    """CREATE INDEX contact_merge_gone_id ON contact_merge (gone_id)""",
    """CREATE INDEX contact_merge_gone_bidx ON contact_merge (gone_bidx)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
