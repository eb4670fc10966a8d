"""What contacts do: events, what is counted of them, the catalogue of items, and files of events.

Frozen: this file says what version 0.2 made and never changes with the models.
"""

from core.db.ddl import create, insert

#: (id, key, title)
TYPES = (
    (1, "view", "View"),
    (2, "cart", "Added to cart"),
    (3, "purchase", "Purchase"),
    (4, "refund", "Refund"),
    (5, "share", "Share"),
    (6, "reply", "Reply"),
    (7, "click", "Click"),
    (8, "visit", "Visit"),
    (9, "signup", "Sign-up"),
    (10, "order_item", "Item of an order"),
)

SQLITE = (
    """CREATE TABLE event_type (id INTEGER NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL,
    builtin INTEGER NOT NULL, properties TEXT NOT NULL, created_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX event_type_key ON event_type ("key")""",
    """CREATE TABLE "item" (id INTEGER NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL,
    category_id INTEGER, price_micros INTEGER, tags TEXT NOT NULL, updated_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX item_key ON "item" ("key")""",
    """CREATE TABLE category (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL)""",
    """CREATE UNIQUE INDEX category_name ON category (name)""",
    """CREATE TABLE event (contact_id INTEGER NOT NULL, key_hash INTEGER NOT NULL, "type" INTEGER NOT NULL,
    "at" INTEGER NOT NULL, amount_micros INTEGER, item_id INTEGER, category_id INTEGER, message_id
    INTEGER, batch_id INTEGER, props TEXT, PRIMARY KEY (contact_id, key_hash)) WITHOUT ROWID""",
    """CREATE TABLE event_stat ("type" INTEGER NOT NULL, contact_id INTEGER NOT NULL, n INTEGER NOT NULL,
    sum_micros INTEGER NOT NULL, first_at INTEGER NOT NULL, at1 INTEGER NOT NULL, at2 INTEGER, at3
    INTEGER, at4 INTEGER, PRIMARY KEY ("type", contact_id)) WITHOUT ROWID""",
    """CREATE TABLE event_day (day INTEGER NOT NULL, "type" INTEGER NOT NULL, n INTEGER NOT NULL, sum_micros
    INTEGER NOT NULL, PRIMARY KEY (day, "type"))""",
    """CREATE TABLE event_waiting (phone_bidx BLOB NOT NULL, key_hash INTEGER NOT NULL, "type" INTEGER NOT
    NULL, "at" INTEGER NOT NULL, amount_micros INTEGER, item_id INTEGER, category_id INTEGER, message_id
    INTEGER, batch_id INTEGER, props TEXT, received_at INTEGER NOT NULL, PRIMARY KEY (phone_bidx,
    key_hash)) WITHOUT ROWID""",
    """CREATE INDEX event_waiting_received_at ON event_waiting (received_at)""",
    """CREATE TABLE touched (contact_id INTEGER NOT NULL PRIMARY KEY)""",
    """CREATE TABLE event_batch (id INTEGER NOT NULL PRIMARY KEY, file_name TEXT NOT NULL, path TEXT NOT NULL,
    sha256 TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, total INTEGER
    NOT NULL, cursor INTEGER NOT NULL, "rows" INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates
    INTEGER NOT NULL, waiting INTEGER NOT NULL, rejected INTEGER NOT NULL, seconds_ms INTEGER NOT NULL,
    beat_at INTEGER NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT NULL)""",
    """CREATE TABLE event_reject (batch_id INTEGER NOT NULL, "row" INTEGER NOT NULL, reason TEXT NOT NULL, raw
    TEXT NOT NULL, PRIMARY KEY (batch_id, "row"))""",
)
POSTGRES = (
    """CREATE TABLE event_type (id SERIAL NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL,
    builtin BOOLEAN NOT NULL, properties TEXT NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX event_type_key ON event_type ("key")""",
    """CREATE TABLE "item" (id SERIAL NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL,
    category_id INTEGER, price_micros BIGINT, tags TEXT NOT NULL, updated_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX item_key ON "item" ("key")""",
    """CREATE TABLE category (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL)""",
    """CREATE UNIQUE INDEX category_name ON category (name)""",
    """CREATE TABLE event (contact_id INTEGER NOT NULL, key_hash BIGINT NOT NULL, "type" SMALLINT NOT NULL,
    "at" BIGINT NOT NULL, amount_micros BIGINT, item_id INTEGER, category_id INTEGER, message_id BIGINT,
    batch_id INTEGER, props TEXT, PRIMARY KEY (contact_id, key_hash))""",
    """CREATE TABLE event_stat ("type" SMALLINT NOT NULL, contact_id INTEGER NOT NULL, n INTEGER NOT NULL,
    sum_micros BIGINT NOT NULL, first_at BIGINT NOT NULL, at1 BIGINT NOT NULL, at2 BIGINT, at3 BIGINT,
    at4 BIGINT, PRIMARY KEY ("type", contact_id))""",
    """CREATE TABLE event_day (day INTEGER NOT NULL, "type" SMALLINT NOT NULL, n INTEGER NOT NULL, sum_micros
    BIGINT NOT NULL, PRIMARY KEY (day, "type"))""",
    """CREATE TABLE event_waiting (phone_bidx BYTEA NOT NULL, key_hash BIGINT NOT NULL, "type" SMALLINT NOT
    NULL, "at" BIGINT NOT NULL, amount_micros BIGINT, item_id INTEGER, category_id INTEGER, message_id
    BIGINT, batch_id INTEGER, props TEXT, received_at BIGINT NOT NULL, PRIMARY KEY (phone_bidx,
    key_hash))""",
    """CREATE INDEX event_waiting_received_at ON event_waiting (received_at)""",
    """CREATE TABLE touched (contact_id INTEGER NOT NULL PRIMARY KEY)""",
    """CREATE TABLE event_batch (id SERIAL NOT NULL PRIMARY KEY, file_name TEXT NOT NULL, path TEXT NOT NULL,
    sha256 TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, total INTEGER
    NOT NULL, cursor INTEGER NOT NULL, "rows" INTEGER NOT NULL, stored INTEGER NOT NULL, duplicates
    INTEGER NOT NULL, waiting INTEGER NOT NULL, rejected INTEGER NOT NULL, seconds_ms INTEGER NOT NULL,
    beat_at BIGINT NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT NULL)""",
    """CREATE TABLE event_reject (batch_id INTEGER NOT NULL, "row" INTEGER NOT NULL, reason TEXT NOT NULL, raw
    TEXT NOT NULL, PRIMARY KEY (batch_id, "row"))""",
)


def up(migrator, db):
    create(db, SQLITE, POSTGRES)
    rows = [(number, key, title, True, "{}", 0) for number, key, title in TYPES]
    insert(db, "event_type", ("id", "key", "title", "builtin", "properties", "created_at"), rows)
