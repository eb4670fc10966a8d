"""Links of campaigns, and the clicks on them.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create, insert

SQLITE = (
    """CREATE TABLE link (id INTEGER NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, idx INTEGER NOT NULL,
    kind TEXT NOT NULL, url TEXT NOT NULL, label TEXT NOT NULL, expires_at INTEGER, created_at INTEGER NOT
    NULL)""",
    """CREATE UNIQUE INDEX link_campaign_id_idx ON link (campaign_id, idx)""",
    """CREATE TABLE click (id INTEGER NOT NULL PRIMARY KEY, message_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, "at" INTEGER NOT NULL, kind INTEGER NOT
    NULL, agent_id INTEGER NOT NULL, net INTEGER NOT NULL)""",
    """CREATE TABLE click_agent (id INTEGER NOT NULL PRIMARY KEY, text TEXT NOT NULL)""",
    """CREATE UNIQUE INDEX click_agent_text ON click_agent (text)""",
    """CREATE TABLE clicked (campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (campaign_id,
    link_id, contact_id)) WITHOUT ROWID""",
    """CREATE INDEX clicked_contact_id ON clicked (contact_id)""",
    """CREATE TABLE click_count (campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, kind INTEGER NOT NULL,
    n INTEGER NOT NULL, PRIMARY KEY (campaign_id, link_id, kind)) WITHOUT ROWID""",
    """CREATE TABLE click_file (name TEXT NOT NULL PRIMARY KEY, done INTEGER NOT NULL, "at" INTEGER NOT NULL)""",
    """CREATE TABLE click_judged (id INTEGER NOT NULL PRIMARY KEY, upto INTEGER NOT NULL)""",
)
POSTGRES = (
    """CREATE TABLE link (id SERIAL NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, idx SMALLINT NOT NULL,
    kind TEXT NOT NULL, url TEXT NOT NULL, label TEXT NOT NULL, expires_at BIGINT, created_at BIGINT NOT
    NULL)""",
    """CREATE UNIQUE INDEX link_campaign_id_idx ON link (campaign_id, idx)""",
    """CREATE TABLE click (id BIGINT NOT NULL PRIMARY KEY, message_id BIGINT NOT NULL, contact_id INTEGER NOT
    NULL, campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, "at" BIGINT NOT NULL, kind SMALLINT NOT
    NULL, agent_id INTEGER NOT NULL, net BIGINT NOT NULL)""",
    """CREATE TABLE click_agent (id SERIAL NOT NULL PRIMARY KEY, text TEXT NOT NULL)""",
    """CREATE UNIQUE INDEX click_agent_text ON click_agent (text)""",
    """CREATE TABLE clicked (campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, contact_id INTEGER NOT
    NULL, first_at BIGINT NOT NULL, last_at BIGINT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (campaign_id,
    link_id, contact_id))""",
    """CREATE INDEX clicked_contact_id ON clicked (contact_id)""",
    """CREATE TABLE click_count (campaign_id INTEGER NOT NULL, link_id INTEGER NOT NULL, kind SMALLINT NOT NULL,
    n INTEGER NOT NULL, PRIMARY KEY (campaign_id, link_id, kind))""",
    """CREATE TABLE click_file (name TEXT NOT NULL PRIMARY KEY, done BIGINT NOT NULL, "at" BIGINT NOT NULL)""",
    """CREATE TABLE click_judged (id SMALLINT NOT NULL PRIMARY KEY, upto BIGINT NOT NULL)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
    insert(db, "click_judged", ("id", "upto"), [(1, 0)])
