"""Templates and signatures at vendors that send approved ones only.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE vendor_signature (account_id INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason
    TEXT NOT NULL, synced_at INTEGER NOT NULL, PRIMARY KEY (account_id, name)) WITHOUT ROWID""",
    """CREATE TABLE vendor_template (account_id INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL, kind TEXT
    NOT NULL, words TEXT NOT NULL, variables TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, abroad
    INTEGER NOT NULL, synced_at INTEGER NOT NULL, PRIMARY KEY (account_id, code)) WITHOUT ROWID""",
    """CREATE TABLE vendor_mapping (template_id INTEGER NOT NULL, lang TEXT NOT NULL, account_id INTEGER NOT NULL,
    code TEXT NOT NULL, signature TEXT NOT NULL, params TEXT NOT NULL, changed_by TEXT NOT NULL, changed_at
    INTEGER NOT NULL, PRIMARY KEY (template_id, lang, account_id)) WITHOUT ROWID""",
    """CREATE TABLE variant_vendor (campaign_id INTEGER NOT NULL, idx INTEGER NOT NULL, lang TEXT NOT NULL,
    account_id INTEGER NOT NULL, code TEXT NOT NULL, signature TEXT NOT NULL, params TEXT NOT NULL, words TEXT
    NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (campaign_id, idx, lang, account_id)) WITHOUT ROWID""",
)
POSTGRES = (
    """CREATE TABLE vendor_signature (account_id INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, reason
    TEXT NOT NULL, synced_at BIGINT NOT NULL, PRIMARY KEY (account_id, name))""",
    """CREATE TABLE vendor_template (account_id INTEGER NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL, kind TEXT
    NOT NULL, words TEXT NOT NULL, variables TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, abroad
    BOOLEAN NOT NULL, synced_at BIGINT NOT NULL, PRIMARY KEY (account_id, code))""",
    """CREATE TABLE vendor_mapping (template_id INTEGER NOT NULL, lang TEXT NOT NULL, account_id INTEGER NOT NULL,
    code TEXT NOT NULL, signature TEXT NOT NULL, params TEXT NOT NULL, changed_by TEXT NOT NULL, changed_at
    BIGINT NOT NULL, PRIMARY KEY (template_id, lang, account_id))""",
    """CREATE TABLE variant_vendor (campaign_id INTEGER NOT NULL, idx INTEGER NOT NULL, lang TEXT NOT NULL,
    account_id INTEGER NOT NULL, code TEXT NOT NULL, signature TEXT NOT NULL, params TEXT NOT NULL, words TEXT
    NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (campaign_id, idx, lang, account_id))""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
