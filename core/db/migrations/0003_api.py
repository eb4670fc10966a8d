"""Tokens of programs, and answers kept for calls that are repeated.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE api_token (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, prefix TEXT NOT NULL,
    token_hash BLOB NOT NULL, scopes TEXT NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER, last_used_at INTEGER, revoked_at INTEGER)""",
    """CREATE UNIQUE INDEX api_token_token_hash ON api_token (token_hash)""",
    """CREATE TABLE api_answer (token_id INTEGER NOT NULL, key_hash BLOB NOT NULL, request_hash BLOB NOT NULL,
    status INTEGER NOT NULL, content_type TEXT NOT NULL, body BLOB, held_at INTEGER NOT NULL, created_at
    INTEGER NOT NULL, PRIMARY KEY (token_id, key_hash))""",
    """CREATE INDEX api_answer_created_at ON api_answer (created_at)""",
)
POSTGRES = (
    """CREATE TABLE api_token (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, prefix TEXT NOT NULL,
    token_hash BYTEA NOT NULL, scopes TEXT NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT NULL,
    expires_at BIGINT, last_used_at BIGINT, revoked_at BIGINT)""",
    """CREATE UNIQUE INDEX api_token_token_hash ON api_token (token_hash)""",
    """CREATE TABLE api_answer (token_id INTEGER NOT NULL, key_hash BYTEA NOT NULL, request_hash BYTEA NOT NULL,
    status SMALLINT NOT NULL, content_type TEXT NOT NULL, body BYTEA, held_at BIGINT NOT NULL, created_at
    BIGINT NOT NULL, PRIMARY KEY (token_id, key_hash))""",
    """CREATE INDEX api_answer_created_at ON api_answer (created_at)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
