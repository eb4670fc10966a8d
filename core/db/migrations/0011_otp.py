"""One-time codes and the guard over them.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE otp (id TEXT NOT NULL PRIMARY KEY, app TEXT NOT NULL, contact_id INTEGER NOT NULL, phone_bidx
    BLOB NOT NULL, country TEXT NOT NULL, prefix TEXT NOT NULL, channel TEXT NOT NULL, lang TEXT NOT NULL,
    length INTEGER NOT NULL, alphabet TEXT NOT NULL, seed BLOB, code_hash BLOB NOT NULL, key_hash BLOB,
    message_id INTEGER NOT NULL, call_id INTEGER, series INTEGER NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL, fallback_at INTEGER, verified_at INTEGER, voided_at INTEGER) WITHOUT ROWID""",
    """CREATE UNIQUE INDEX otp_message_id ON otp (message_id)""",
    """CREATE UNIQUE INDEX otp_app_key_hash ON otp (app, key_hash)""",
    """CREATE INDEX otp_contact_id ON otp (contact_id)""",
    """CREATE INDEX otp_created_at ON otp (created_at)""",
    """CREATE INDEX otp_phone_bidx_app_created_at ON otp (phone_bidx, app, created_at)""",
    """CREATE INDEX otp_prefix_created_at ON otp (prefix, created_at)""",
    """CREATE INDEX otp_call ON otp (call_id) WHERE call_id IS NOT NULL""",
    """CREATE INDEX otp_fallback ON otp (fallback_at) WHERE fallback_at IS NOT NULL""",
    """CREATE INDEX otp_alive ON otp (expires_at) WHERE seed IS NOT NULL""",
    """CREATE TABLE otp_bucket (kind TEXT NOT NULL, key BLOB NOT NULL, since INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (kind, key)) WITHOUT ROWID""",
    """CREATE INDEX otp_bucket_since ON otp_bucket (since)""",
    """CREATE TABLE otp_near (block BLOB NOT NULL, place INTEGER NOT NULL, "at" INTEGER NOT NULL, PRIMARY KEY
    (block, place)) WITHOUT ROWID""",
    """CREATE INDEX otp_near_at ON otp_near ("at")""",
    """CREATE TABLE otp_block (prefix TEXT NOT NULL PRIMARY KEY, country TEXT NOT NULL, reason TEXT NOT NULL,
    "at" INTEGER NOT NULL, until INTEGER NOT NULL, allowed_at INTEGER NOT NULL, allowed_by TEXT NOT NULL)""",
    """CREATE TABLE otp_refused (hour INTEGER NOT NULL, reason TEXT NOT NULL, prefix TEXT NOT NULL, n INTEGER NOT
    NULL, PRIMARY KEY (hour, reason, prefix)) WITHOUT ROWID""",
    """CREATE TABLE otp_alarm (id INTEGER NOT NULL PRIMARY KEY, kind TEXT NOT NULL, prefix TEXT NOT NULL, hour
    INTEGER NOT NULL, "at" INTEGER NOT NULL, detail TEXT NOT NULL, seen_at INTEGER)""",
    """CREATE UNIQUE INDEX otp_alarm_kind_prefix_hour ON otp_alarm (kind, prefix, hour)""",
)
POSTGRES = (
    """CREATE TABLE otp (id TEXT NOT NULL PRIMARY KEY, app TEXT NOT NULL, contact_id INTEGER NOT NULL, phone_bidx
    BYTEA NOT NULL, country TEXT NOT NULL, prefix TEXT NOT NULL, channel TEXT NOT NULL, lang TEXT NOT NULL,
    length SMALLINT NOT NULL, alphabet TEXT NOT NULL, seed BYTEA, code_hash BYTEA NOT NULL, key_hash BYTEA,
    message_id BIGINT NOT NULL, call_id BIGINT, series SMALLINT NOT NULL, created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL, fallback_at BIGINT, verified_at BIGINT, voided_at BIGINT)""",
    """CREATE UNIQUE INDEX otp_message_id ON otp (message_id)""",
    """CREATE UNIQUE INDEX otp_app_key_hash ON otp (app, key_hash)""",
    """CREATE INDEX otp_contact_id ON otp (contact_id)""",
    """CREATE INDEX otp_created_at ON otp (created_at)""",
    """CREATE INDEX otp_phone_bidx_app_created_at ON otp (phone_bidx, app, created_at)""",
    """CREATE INDEX otp_prefix_created_at ON otp (prefix, created_at)""",
    """CREATE INDEX otp_call ON otp (call_id) WHERE call_id IS NOT NULL""",
    """CREATE INDEX otp_fallback ON otp (fallback_at) WHERE fallback_at IS NOT NULL""",
    """CREATE INDEX otp_alive ON otp (expires_at) WHERE seed IS NOT NULL""",
    """CREATE TABLE otp_bucket (kind TEXT NOT NULL, key BYTEA NOT NULL, since BIGINT NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (kind, key))""",
    """CREATE INDEX otp_bucket_since ON otp_bucket (since)""",
    """CREATE TABLE otp_near (block BYTEA NOT NULL, place SMALLINT NOT NULL, "at" BIGINT NOT NULL, PRIMARY KEY
    (block, place))""",
    """CREATE INDEX otp_near_at ON otp_near ("at")""",
    """CREATE TABLE otp_block (prefix TEXT NOT NULL PRIMARY KEY, country TEXT NOT NULL, reason TEXT NOT NULL,
    "at" BIGINT NOT NULL, until BIGINT NOT NULL, allowed_at BIGINT NOT NULL, allowed_by TEXT NOT NULL)""",
    """CREATE TABLE otp_refused (hour INTEGER NOT NULL, reason TEXT NOT NULL, prefix TEXT NOT NULL, n INTEGER NOT
    NULL, PRIMARY KEY (hour, reason, prefix))""",
    """CREATE TABLE otp_alarm (id SERIAL NOT NULL PRIMARY KEY, kind TEXT NOT NULL, prefix TEXT NOT NULL, hour
    INTEGER NOT NULL, "at" BIGINT NOT NULL, detail TEXT NOT NULL, seen_at BIGINT)""",
    """CREATE UNIQUE INDEX otp_alarm_kind_prefix_hour ON otp_alarm (kind, prefix, hour)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
