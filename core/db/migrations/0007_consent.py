"""The sealed ledger, purposes, replies held for review, receipts of erasures, and runs of the retention rules.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """ALTER TABLE consent_event ADD COLUMN topic_id INTEGER NOT NULL DEFAULT 0""",
    """CREATE TABLE consent_seal (id INTEGER NOT NULL PRIMARY KEY, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
    n INTEGER NOT NULL, hash TEXT NOT NULL, "at" INTEGER NOT NULL)""",
    """CREATE TRIGGER consent_seal_update BEFORE UPDATE ON consent_seal BEGIN SELECT RAISE(ABORT,
    'consent_seal is append-only'); END""",
    """CREATE TRIGGER consent_seal_delete BEFORE DELETE ON consent_seal BEGIN SELECT RAISE(ABORT,
    'consent_seal is append-only'); END""",
    """CREATE TABLE consent_head (id INTEGER NOT NULL PRIMARY KEY, seal INTEGER NOT NULL, events INTEGER NOT
    NULL, last INTEGER NOT NULL, hash TEXT NOT NULL, open_to INTEGER NOT NULL)""",
    """CREATE TABLE topic (id INTEGER NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL, title_zh
    TEXT NOT NULL, cls INTEGER NOT NULL, public INTEGER NOT NULL, created_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX topic_key ON topic ("key")""",
    """CREATE TABLE contact_topic (topic_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, out INTEGER NOT
    NULL, PRIMARY KEY (topic_id, contact_id)) WITHOUT ROWID""",
    """CREATE TABLE held_reply (inbound_id INTEGER NOT NULL PRIMARY KEY, phone_bidx BLOB NOT NULL, pattern TEXT
    NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL, held_at INTEGER NOT NULL, decided_at INTEGER)""",
    """CREATE INDEX held_reply_state_inbound_id ON held_reply (state, inbound_id)""",
    """CREATE INDEX held_reply_phone_bidx ON held_reply (phone_bidx)""",
    """CREATE TABLE erasure (id INTEGER NOT NULL PRIMARY KEY, contact_id INTEGER NOT NULL, phone_bidx BLOB NOT
    NULL, counts TEXT NOT NULL, who TEXT NOT NULL, "at" INTEGER NOT NULL, hash TEXT NOT NULL)""",
    """CREATE TABLE retention_run (id INTEGER NOT NULL PRIMARY KEY, started_at INTEGER NOT NULL, ended_at
    INTEGER, who TEXT NOT NULL, counts TEXT NOT NULL, error TEXT NOT NULL)""",
    """CREATE TABLE campaign_gone (campaign_id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL, "at" INTEGER
    NOT NULL)""",
)
POSTGRES = (
    """ALTER TABLE consent_event ADD COLUMN topic_id INTEGER NOT NULL DEFAULT 0""",
    """CREATE TABLE consent_seal (id BIGINT NOT NULL PRIMARY KEY, lo BIGINT NOT NULL, hi BIGINT NOT NULL,
    n INTEGER NOT NULL, hash TEXT NOT NULL, "at" BIGINT NOT NULL)""",
    """CREATE TRIGGER consent_seal_append_only BEFORE UPDATE OR DELETE ON consent_seal FOR EACH ROW EXECUTE
    FUNCTION append_only()""",
    """CREATE TABLE consent_head (id SMALLINT NOT NULL PRIMARY KEY, seal BIGINT NOT NULL, events BIGINT NOT
    NULL, last BIGINT NOT NULL, hash TEXT NOT NULL, open_to BIGINT NOT NULL)""",
    """CREATE TABLE topic (id SERIAL NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL, title_zh
    TEXT NOT NULL, cls SMALLINT NOT NULL, public BOOLEAN NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX topic_key ON topic ("key")""",
    """CREATE TABLE contact_topic (topic_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, out SMALLINT NOT
    NULL, PRIMARY KEY (topic_id, contact_id))""",
    """CREATE TABLE held_reply (inbound_id INTEGER NOT NULL PRIMARY KEY, phone_bidx BYTEA NOT NULL, pattern
    TEXT NOT NULL, state TEXT NOT NULL, who TEXT NOT NULL, held_at BIGINT NOT NULL, decided_at BIGINT)""",
    """CREATE INDEX held_reply_state_inbound_id ON held_reply (state, inbound_id)""",
    """CREATE INDEX held_reply_phone_bidx ON held_reply (phone_bidx)""",
    """CREATE TABLE erasure (id SERIAL NOT NULL PRIMARY KEY, contact_id INTEGER NOT NULL, phone_bidx BYTEA NOT
    NULL, counts TEXT NOT NULL, who TEXT NOT NULL, "at" BIGINT NOT NULL, hash TEXT NOT NULL)""",
    """CREATE TABLE retention_run (id SERIAL NOT NULL PRIMARY KEY, started_at BIGINT NOT NULL, ended_at BIGINT,
    who TEXT NOT NULL, counts TEXT NOT NULL, error TEXT NOT NULL)""",
    """CREATE TABLE campaign_gone (campaign_id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL, "at" BIGINT
    NOT NULL)""",
)
# What the ledger holds already is sealed by the first writer after the upgrade: a migration has no keys.
HEAD = (
    "INSERT INTO consent_head (id, seal, events, last, hash, open_to) "
    "SELECT 1, 0, 0, 0, '', COALESCE(MAX(id), 0) FROM consent_event"
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
    create(db, (HEAD,), (HEAD,))
