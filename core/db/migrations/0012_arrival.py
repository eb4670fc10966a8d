"""Who really delivers: arrival by account, carrier and hour, and the watch over accounts.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

#: Delivered and failed messages by the time of their receipt, fifteen steps each.
_STEPS = ", ".join(f"{kind}_{step} INTEGER NOT NULL" for kind in ("came", "fell") for step in range(15))

SQLITE = (
    f"""CREATE TABLE arrival_cell (account_id INTEGER NOT NULL, cls INTEGER NOT NULL, country TEXT NOT NULL,
    carrier TEXT NOT NULL, hour INTEGER NOT NULL, sent INTEGER NOT NULL, delivered INTEGER NOT NULL, failed
    INTEGER NOT NULL, rejected INTEGER NOT NULL, in_5m INTEGER NOT NULL, in_24h INTEGER NOT NULL, parts
    INTEGER NOT NULL, cost_micros INTEGER NOT NULL, into_s INTEGER NOT NULL, open_s INTEGER
    NOT NULL, {_STEPS}, reasons TEXT
    NOT NULL, PRIMARY KEY (hour, account_id, cls, country, carrier)) WITHOUT ROWID""",
    """CREATE TABLE arrival_hour (hour INTEGER NOT NULL PRIMARY KEY, mark TEXT NOT NULL, read_at INTEGER NOT
    NULL)""",
    """CREATE TABLE arrival_rate (account_id INTEGER NOT NULL, country TEXT NOT NULL, carrier TEXT NOT NULL,
    rate REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL, n INTEGER NOT NULL, updated_at INTEGER NOT
    NULL, PRIMARY KEY (account_id, country, carrier)) WITHOUT ROWID""",
    """CREATE TABLE account_watch (account_id INTEGER NOT NULL PRIMARY KEY, state TEXT NOT NULL DEFAULT 'ok',
    since INTEGER NOT NULL, canary_bp INTEGER NOT NULL DEFAULT 10000, reason TEXT NOT NULL DEFAULT '',
    baseline REAL, wait_ms INTEGER NOT NULL DEFAULT 300000, read_to INTEGER NOT NULL DEFAULT 0, tried INTEGER
    NOT NULL DEFAULT 0, arrived INTEGER NOT NULL DEFAULT 0, evidence REAL NOT NULL DEFAULT 0, live TEXT NOT
    NULL DEFAULT '{}', updated_at INTEGER NOT NULL DEFAULT 0)""",
    """CREATE TABLE arrival_cusum (account_id INTEGER NOT NULL, carrier TEXT NOT NULL, cusum REAL NOT NULL, phi
    REAL NOT NULL, baseline REAL, began_at INTEGER NOT NULL, sent INTEGER NOT NULL, arrived INTEGER NOT
    NULL, open TEXT NOT NULL, history TEXT NOT NULL,
    PRIMARY KEY (account_id, carrier)) WITHOUT ROWID""",
    """CREATE TABLE arrival_alarm (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, carrier TEXT
    NOT NULL, "at" INTEGER NOT NULL, began_at INTEGER NOT NULL, until_at INTEGER NOT NULL, baseline REAL NOT
    NULL, sent INTEGER NOT NULL, arrived INTEGER NOT NULL, silent INTEGER NOT NULL, cusum REAL NOT NULL,
    phi REAL NOT NULL, ended_at INTEGER, ending TEXT NOT NULL, tried INTEGER NOT NULL, passed INTEGER NOT NULL)""",
    """CREATE INDEX arrival_alarm_account_id_id ON arrival_alarm (account_id, id)""",
)
POSTGRES = (
    f"""CREATE TABLE arrival_cell (account_id INTEGER NOT NULL, cls SMALLINT NOT NULL, country TEXT NOT NULL,
    carrier TEXT NOT NULL, hour INTEGER NOT NULL, sent INTEGER NOT NULL, delivered INTEGER NOT NULL, failed
    INTEGER NOT NULL, rejected INTEGER NOT NULL, in_5m INTEGER NOT NULL, in_24h INTEGER NOT NULL, parts
    INTEGER NOT NULL, cost_micros BIGINT NOT NULL, into_s BIGINT NOT NULL, open_s BIGINT NOT
    NULL, {_STEPS}, reasons TEXT NOT
    NULL, PRIMARY KEY (hour, account_id, cls, country, carrier))""",
    """CREATE TABLE arrival_hour (hour INTEGER NOT NULL PRIMARY KEY, mark TEXT NOT NULL, read_at BIGINT NOT
    NULL)""",
    """CREATE TABLE arrival_rate (account_id INTEGER NOT NULL, country TEXT NOT NULL, carrier TEXT NOT NULL,
    rate DOUBLE PRECISION NOT NULL, low DOUBLE PRECISION NOT NULL, high DOUBLE PRECISION NOT NULL, n INTEGER
    NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (account_id, country, carrier))""",
    """CREATE TABLE account_watch (account_id INTEGER NOT NULL PRIMARY KEY, state TEXT NOT NULL DEFAULT 'ok',
    since BIGINT NOT NULL, canary_bp INTEGER NOT NULL DEFAULT 10000, reason TEXT NOT NULL DEFAULT '', baseline
    DOUBLE PRECISION, wait_ms BIGINT NOT NULL DEFAULT 300000, read_to BIGINT NOT NULL DEFAULT 0, tried INTEGER
    NOT NULL DEFAULT 0, arrived INTEGER NOT NULL DEFAULT 0, evidence DOUBLE PRECISION NOT NULL DEFAULT 0, live
    TEXT NOT NULL DEFAULT '{}', updated_at BIGINT NOT NULL DEFAULT 0)""",
    """CREATE TABLE arrival_cusum (account_id INTEGER NOT NULL, carrier TEXT NOT NULL, cusum DOUBLE PRECISION
    NOT NULL, phi DOUBLE PRECISION NOT NULL, baseline DOUBLE PRECISION, began_at BIGINT NOT NULL, sent INTEGER NOT NULL,
    arrived INTEGER NOT NULL, open TEXT NOT
    NULL, history TEXT NOT NULL, PRIMARY KEY (account_id, carrier))""",
    """CREATE TABLE arrival_alarm (id SERIAL NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, carrier TEXT NOT
    NULL, "at" BIGINT NOT NULL, began_at BIGINT NOT NULL, until_at BIGINT NOT NULL, baseline DOUBLE PRECISION
    NOT NULL, sent INTEGER NOT NULL, arrived INTEGER NOT NULL, silent INTEGER NOT NULL, cusum DOUBLE
    PRECISION NOT NULL, phi DOUBLE PRECISION NOT NULL, ended_at BIGINT, ending TEXT NOT NULL, tried INTEGER NOT
    NULL, passed INTEGER NOT NULL)""",
    """CREATE INDEX arrival_alarm_account_id_id ON arrival_alarm (account_id, id)""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
