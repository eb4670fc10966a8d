"""Papers of vendors: dossiers, their files, history, reminders.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

SQLITE = (
    """CREATE TABLE dossier (id INTEGER NOT NULL PRIMARY KEY, company TEXT NOT NULL, countries TEXT NOT NULL,
    verdict TEXT NOT NULL, note TEXT NOT NULL, until TEXT NOT NULL, stood TEXT NOT NULL, judged_by TEXT NOT NULL,
    judged_at INTEGER, void TEXT NOT NULL, void_at INTEGER, created_by TEXT NOT NULL, created_at INTEGER NOT
    NULL)""",
    """CREATE TABLE dossier_account (account_id INTEGER NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL)""",
    """CREATE INDEX dossier_account_dossier_id ON dossier_account (dossier_id)""",
    """CREATE TABLE paper (id INTEGER NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL, area TEXT NOT NULL, kind
    TEXT NOT NULL, number TEXT NOT NULL, issuer TEXT NOT NULL, holder TEXT NOT NULL, issued TEXT NOT NULL, expires
    TEXT NOT NULL, register TEXT NOT NULL, note TEXT NOT NULL, checked_by TEXT NOT NULL, checked_at INTEGER)""",
    """CREATE UNIQUE INDEX paper_dossier_id_area_kind ON paper (dossier_id, area, kind)""",
    """CREATE TABLE paper_file (id INTEGER NOT NULL PRIMARY KEY, paper_id INTEGER NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, uploaded_by TEXT NOT NULL, uploaded_at INTEGER
    NOT NULL, removed_by TEXT NOT NULL, removed_at INTEGER, content_enc BLOB NOT NULL)""",
    """CREATE INDEX paper_file_paper_id ON paper_file (paper_id)""",
    """CREATE TABLE dossier_event (id INTEGER NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL, "at" INTEGER NOT
    NULL, who TEXT NOT NULL, what TEXT NOT NULL, thing TEXT NOT NULL, detail TEXT NOT NULL)""",
    """CREATE INDEX dossier_event_dossier_id ON dossier_event (dossier_id)""",
    """CREATE TABLE paper_reminder (dossier_id INTEGER NOT NULL, thing TEXT NOT NULL, due TEXT NOT NULL, step
    INTEGER NOT NULL, email TEXT NOT NULL, mailed_at INTEGER, tries INTEGER NOT NULL, PRIMARY KEY (dossier_id,
    thing, due, step, email)) WITHOUT ROWID""",
    """CREATE TRIGGER dossier_event_update BEFORE UPDATE ON dossier_event BEGIN SELECT RAISE(ABORT, 'dossier_event
    is append-only'); END""",
    """CREATE TRIGGER dossier_event_delete BEFORE DELETE ON dossier_event BEGIN SELECT RAISE(ABORT, 'dossier_event
    is append-only'); END""",
)
POSTGRES = (
    """CREATE TABLE dossier (id SERIAL NOT NULL PRIMARY KEY, company TEXT NOT NULL, countries TEXT NOT NULL,
    verdict TEXT NOT NULL, note TEXT NOT NULL, until TEXT NOT NULL, stood TEXT NOT NULL, judged_by TEXT NOT NULL,
    judged_at BIGINT, void TEXT NOT NULL, void_at BIGINT, created_by TEXT NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE TABLE dossier_account (account_id INTEGER NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL)""",
    """CREATE INDEX dossier_account_dossier_id ON dossier_account (dossier_id)""",
    """CREATE TABLE paper (id SERIAL NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL, area TEXT NOT NULL, kind
    TEXT NOT NULL, number TEXT NOT NULL, issuer TEXT NOT NULL, holder TEXT NOT NULL, issued TEXT NOT NULL, expires
    TEXT NOT NULL, register TEXT NOT NULL, note TEXT NOT NULL, checked_by TEXT NOT NULL, checked_at BIGINT)""",
    """CREATE UNIQUE INDEX paper_dossier_id_area_kind ON paper (dossier_id, area, kind)""",
    """CREATE TABLE paper_file (id SERIAL NOT NULL PRIMARY KEY, paper_id INTEGER NOT NULL, name TEXT NOT NULL,
    kind TEXT NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, uploaded_by TEXT NOT NULL, uploaded_at BIGINT
    NOT NULL, removed_by TEXT NOT NULL, removed_at BIGINT, content_enc BYTEA NOT NULL)""",
    """CREATE INDEX paper_file_paper_id ON paper_file (paper_id)""",
    """CREATE TABLE dossier_event (id SERIAL NOT NULL PRIMARY KEY, dossier_id INTEGER NOT NULL, "at" BIGINT NOT
    NULL, who TEXT NOT NULL, what TEXT NOT NULL, thing TEXT NOT NULL, detail TEXT NOT NULL)""",
    """CREATE INDEX dossier_event_dossier_id ON dossier_event (dossier_id)""",
    """CREATE TABLE paper_reminder (dossier_id INTEGER NOT NULL, thing TEXT NOT NULL, due TEXT NOT NULL, step
    SMALLINT NOT NULL, email TEXT NOT NULL, mailed_at BIGINT, tries SMALLINT NOT NULL, PRIMARY KEY (dossier_id,
    thing, due, step, email))""",
    """CREATE TRIGGER dossier_event_append_only BEFORE UPDATE OR DELETE ON dossier_event FOR EACH ROW EXECUTE
    FUNCTION append_only()""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
