"""Shops and sites that send events.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE event_source (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL,
    token TEXT NOT NULL, secret_enc BLOB NOT NULL, mapping TEXT NOT NULL, region TEXT NOT NULL, enabled
    INTEGER NOT NULL, taken INTEGER NOT NULL, last_at INTEGER, sample_enc BLOB, person_cursor INTEGER
    NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX event_source_name ON event_source (name)""",
    """CREATE UNIQUE INDEX event_source_token ON event_source (token)""",
    """CREATE TABLE source_call (id INTEGER NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, "at" INTEGER NOT
    NULL, topic TEXT NOT NULL, status INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates INTEGER NOT
    NULL, waiting INTEGER NOT NULL, rejected INTEGER NOT NULL, note TEXT NOT NULL)""",
    """CREATE INDEX source_call_source_id_id ON source_call (source_id, id)""",
    """CREATE TABLE source_order (source_id INTEGER NOT NULL, order_key TEXT NOT NULL, phone_bidx BLOB NOT
    NULL, phone_enc BLOB NOT NULL, "at" INTEGER NOT NULL, PRIMARY KEY (source_id, order_key)) WITHOUT
    ROWID""",
    """CREATE INDEX source_order_phone_bidx ON source_order (phone_bidx)""",
    """CREATE TABLE site_person (source_id INTEGER NOT NULL, person BLOB NOT NULL, contact_id INTEGER NOT NULL,
    PRIMARY KEY (source_id, person)) WITHOUT ROWID""",
    """CREATE INDEX site_person_contact_id ON site_person (contact_id)""",
)
POSTGRES = (
    """CREATE TABLE event_source (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, kind TEXT NOT NULL, token
    TEXT NOT NULL, secret_enc BYTEA NOT NULL, mapping TEXT NOT NULL, region TEXT NOT NULL, enabled
    BOOLEAN NOT NULL, taken INTEGER NOT NULL, last_at BIGINT, sample_enc BYTEA, person_cursor INTEGER
    NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX event_source_name ON event_source (name)""",
    """CREATE UNIQUE INDEX event_source_token ON event_source (token)""",
    """CREATE TABLE source_call (id SERIAL NOT NULL PRIMARY KEY, source_id INTEGER NOT NULL, "at" BIGINT NOT
    NULL, topic TEXT NOT NULL, status INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates INTEGER NOT
    NULL, waiting INTEGER NOT NULL, rejected INTEGER NOT NULL, note TEXT NOT NULL)""",
    """CREATE INDEX source_call_source_id_id ON source_call (source_id, id)""",
    """CREATE TABLE source_order (source_id INTEGER NOT NULL, order_key TEXT NOT NULL, phone_bidx BYTEA NOT
    NULL, phone_enc BYTEA NOT NULL, "at" BIGINT NOT NULL, PRIMARY KEY (source_id, order_key))""",
    """CREATE INDEX source_order_phone_bidx ON source_order (phone_bidx)""",
    """CREATE TABLE site_person (source_id INTEGER NOT NULL, person BYTEA NOT NULL, contact_id INTEGER NOT
    NULL, PRIMARY KEY (source_id, person))""",
    """CREATE INDEX site_person_contact_id ON site_person (contact_id)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
