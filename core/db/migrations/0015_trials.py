"""Trials: accounts tried on phones of our own.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE trial (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, plan TEXT NOT
    NULL, seed INTEGER NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT NULL, started_by TEXT NOT NULL,
    started_at INTEGER, ends_at INTEGER, finished_at INTEGER)""",
    """CREATE TABLE trial_account (trial_id INTEGER NOT NULL, account_id INTEGER NOT NULL, position INTEGER NOT
    NULL, verdict TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, "at" INTEGER, PRIMARY KEY (trial_id,
    account_id)) WITHOUT ROWID""",
    """CREATE INDEX trial_account_account_id ON trial_account (account_id)""",
    """CREATE TABLE trial_number (id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER NOT NULL, contact_id INTEGER
    NOT NULL, country TEXT NOT NULL, carrier TEXT NOT NULL, zone TEXT NOT NULL, owner TEXT NOT NULL,
    seed_account_id INTEGER, night INTEGER NOT NULL, link INTEGER NOT NULL)""",
    """CREATE INDEX trial_number_trial_id ON trial_number (trial_id)""",
    """CREATE INDEX trial_number_contact_id ON trial_number (contact_id)""",
    """CREATE TABLE trial_text (id INTEGER NOT NULL PRIMARY KEY, trial_id INTEGER NOT NULL, number_id INTEGER NOT
    NULL, account_id INTEGER NOT NULL, round INTEGER NOT NULL, hours TEXT NOT NULL, kind TEXT NOT NULL, nonce
    TEXT NOT NULL UNIQUE, body TEXT NOT NULL, sender TEXT NOT NULL, due_at INTEGER NOT NULL, until_at INTEGER NOT
    NULL, state TEXT NOT NULL, message_id INTEGER, reason TEXT NOT NULL, parts INTEGER NOT NULL, cost_micros
    INTEGER NOT NULL, submitted_at INTEGER, receipt_at INTEGER, seen TEXT NOT NULL, seen_by TEXT NOT NULL, seen_at
    INTEGER, seen_body TEXT NOT NULL, seen_sender TEXT NOT NULL, noted_by TEXT NOT NULL, answer TEXT NOT NULL,
    answer_at INTEGER)""",
    """CREATE INDEX trial_text_trial_id_state_due_at ON trial_text (trial_id, state, due_at)""",
    """CREATE INDEX trial_text_number_id ON trial_text (number_id)""",
    """CREATE TABLE trial_check (trial_id INTEGER NOT NULL, account_id INTEGER NOT NULL, function TEXT NOT NULL,
    result TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, "at" INTEGER NOT NULL, PRIMARY KEY (trial_id,
    account_id, function)) WITHOUT ROWID""",
)
POSTGRES = (
    """CREATE TABLE trial (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, state TEXT NOT NULL, plan TEXT NOT
    NULL, seed BIGINT NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT NULL, started_by TEXT NOT NULL,
    started_at BIGINT, ends_at BIGINT, finished_at BIGINT)""",
    """CREATE TABLE trial_account (trial_id INTEGER NOT NULL, account_id INTEGER NOT NULL, position SMALLINT NOT
    NULL, verdict TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, "at" BIGINT, PRIMARY KEY (trial_id,
    account_id))""",
    """CREATE INDEX trial_account_account_id ON trial_account (account_id)""",
    """CREATE TABLE trial_number (id SERIAL NOT NULL PRIMARY KEY, trial_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, country TEXT NOT NULL, carrier TEXT NOT NULL, zone TEXT NOT NULL, owner TEXT NOT NULL, seed_account_id
    INTEGER, night BOOLEAN NOT NULL, link INTEGER NOT NULL)""",
    """CREATE INDEX trial_number_trial_id ON trial_number (trial_id)""",
    """CREATE INDEX trial_number_contact_id ON trial_number (contact_id)""",
    """CREATE TABLE trial_text (id SERIAL NOT NULL PRIMARY KEY, trial_id INTEGER NOT NULL, number_id INTEGER NOT
    NULL, account_id INTEGER NOT NULL, round SMALLINT NOT NULL, hours TEXT NOT NULL, kind TEXT NOT NULL, nonce
    TEXT NOT NULL UNIQUE, body TEXT NOT NULL, sender TEXT NOT NULL, due_at BIGINT NOT NULL, until_at BIGINT NOT
    NULL, state TEXT NOT NULL, message_id BIGINT, reason TEXT NOT NULL, parts SMALLINT NOT NULL, cost_micros BIGINT
    NOT NULL, submitted_at BIGINT, receipt_at BIGINT, seen TEXT NOT NULL, seen_by TEXT NOT NULL, seen_at BIGINT,
    seen_body TEXT NOT NULL, seen_sender TEXT NOT NULL, noted_by TEXT NOT NULL, answer TEXT NOT NULL, answer_at
    BIGINT)""",
    """CREATE INDEX trial_text_trial_id_state_due_at ON trial_text (trial_id, state, due_at)""",
    """CREATE INDEX trial_text_number_id ON trial_text (number_id)""",
    """CREATE TABLE trial_check (trial_id INTEGER NOT NULL, account_id INTEGER NOT NULL, function TEXT NOT NULL,
    result TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, "at" BIGINT NOT NULL, PRIMARY KEY (trial_id,
    account_id, function))""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
