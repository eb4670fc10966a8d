"""Error codes with their kinds, calls of providers, balances, invoices.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

_TABLES = (
    """CREATE TABLE error_kind (account_id INTEGER NOT NULL, code TEXT NOT NULL, kind TEXT NOT NULL, who TEXT
    NOT NULL, "at" {big} NOT NULL, PRIMARY KEY (account_id, code)){rowless}""",
    """CREATE TABLE error_seen (account_id INTEGER NOT NULL, code TEXT NOT NULL, day INTEGER NOT NULL, n
    INTEGER NOT NULL, last_at {big} NOT NULL, PRIMARY KEY (account_id, code, day)){rowless}""",
    """CREATE TABLE consequence (message_id {big} NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, campaign_id
    INTEGER NOT NULL, contact_id INTEGER NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, tries INTEGER NOT
    NULL, "at" {big} NOT NULL)""",
    """CREATE INDEX consequence_contact_id_kind ON consequence (contact_id, kind)""",
    """CREATE INDEX consequence_campaign_id_kind ON consequence (campaign_id, kind)""",
    """CREATE TABLE provider_call (id {serial} NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, campaign_id
    INTEGER NOT NULL, kind TEXT NOT NULL, "at" {big} NOT NULL, ms INTEGER NOT NULL, n INTEGER NOT NULL,
    accepted INTEGER NOT NULL, rejected INTEGER NOT NULL, retried INTEGER NOT NULL, unknown INTEGER NOT NULL,
    code TEXT NOT NULL, error TEXT NOT NULL, detail TEXT)""",
    """CREATE INDEX provider_call_account_id_id ON provider_call (account_id, id)""",
    """CREATE INDEX provider_call_at ON provider_call ("at")""",
    """CREATE TABLE balance (id {serial} NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, "at" {big} NOT NULL,
    amount_micros {big}, units {big}, currency TEXT NOT NULL)""",
    """CREATE INDEX balance_account_id_at ON balance (account_id, "at")""",
    """CREATE TABLE invoice (id {serial} NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, name TEXT NOT NULL,
    digest TEXT NOT NULL, currency TEXT NOT NULL, from_at {big} NOT NULL, to_at {big} NOT NULL, lines INTEGER
    NOT NULL, totals TEXT NOT NULL, who TEXT NOT NULL, "at" {big} NOT NULL)""",
    """CREATE UNIQUE INDEX invoice_account_id_digest ON invoice (account_id, digest)""",
    """CREATE TABLE invoice_line (id {serial} NOT NULL PRIMARY KEY, invoice_id INTEGER NOT NULL, line INTEGER NOT
    NULL, finding TEXT NOT NULL, message_id {big}, provider_id TEXT, number TEXT NOT NULL, "at" {big}, country
    TEXT NOT NULL, cls SMALLINT, parts INTEGER, cost_micros {big}, our_parts INTEGER, our_micros {big}, status
    TEXT NOT NULL)""",
    """CREATE INDEX invoice_line_invoice_id_finding_id ON invoice_line (invoice_id, finding, id)""",
    """CREATE INDEX invoice_line_invoice_id_provider_id ON invoice_line (invoice_id, provider_id)""",
    """ALTER TABLE account ADD COLUMN errors_version INTEGER NOT NULL DEFAULT 0""",
)
SQLITE = tuple(t.format(big="INTEGER", serial="INTEGER", rowless=" WITHOUT ROWID") for t in _TABLES)
POSTGRES = tuple(t.format(big="BIGINT", serial="BIGSERIAL", rowless="") for t in _TABLES)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
