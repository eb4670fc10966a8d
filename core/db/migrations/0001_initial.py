"""The first schema: every table of the core, its triggers, and what an empty instance starts with.

Frozen: this file says what version 0.1 made and never changes with the models.
"""

from core import clock

ROLES = {
    "viewer": "Sees everything, changes nothing",
    "marketer": "Contacts, segments, templates and campaigns",
    "approver": "A marketer who may approve another's campaign",
    "admin": "Everything, including providers, people and settings",
}
#: (key, title, kind, type of the column of `profile`)
FIELDS = (
    ("gender", "Gender", "choice", "INTEGER"),
    ("birthday", "Birthday", "date", "INTEGER"),
    ("city", "City", "choice", "INTEGER"),
)

SQLITE = (
    """CREATE TABLE account (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL,
    settings_enc BLOB NOT NULL, token TEXT NOT NULL, sender TEXT NOT NULL, enabled INTEGER NOT NULL, halted
    TEXT NOT NULL, rate_per_s REAL, tat_us INTEGER NOT NULL, failures INTEGER NOT NULL, open_until INTEGER
    NOT NULL, probe_at INTEGER NOT NULL, last_error TEXT NOT NULL, last_ok_at INTEGER, balance_micros
    INTEGER, balance_at INTEGER, created_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX account_name ON account (name)""",
    """CREATE UNIQUE INDEX account_token ON account (token)""",
    """CREATE TABLE price (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, country TEXT NOT NULL,
    cls INTEGER NOT NULL, micros_per_part INTEGER NOT NULL, currency TEXT NOT NULL, from_at INTEGER NOT
    NULL)""",
    """CREATE UNIQUE INDEX price_account_id_country_cls_from_at ON price (account_id, country, cls, from_at)""",
    """CREATE TABLE campaign (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, cls INTEGER NOT NULL, state
    TEXT NOT NULL, reason TEXT NOT NULL, segment_id INTEGER, account_id INTEGER, send_at INTEGER, not_after
    INTEGER, holdout_bp INTEGER NOT NULL, options TEXT NOT NULL, launch_key TEXT, snapshot TEXT NOT NULL,
    rule TEXT NOT NULL, salt INTEGER NOT NULL, cursor INTEGER NOT NULL, cursor_end INTEGER NOT NULL,
    audience INTEGER, budget_micros INTEGER, spent_micros INTEGER NOT NULL, tat_us INTEGER NOT NULL DEFAULT
    0, currency TEXT NOT NULL, created_by TEXT NOT NULL, approved_by TEXT NOT NULL, approved_snapshot TEXT
    NOT NULL, created_at INTEGER NOT NULL, launched_at INTEGER, started_at INTEGER, finished_at INTEGER)""",
    """CREATE UNIQUE INDEX campaign_launch_key ON campaign (launch_key)""",
    """CREATE INDEX campaign_state ON campaign (state)""",
    """CREATE TABLE campaign_check (campaign_id INTEGER NOT NULL PRIMARY KEY, snapshot TEXT NOT NULL, state
    TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, report TEXT NOT NULL, error TEXT NOT NULL,
    "at" INTEGER NOT NULL)""",
    """CREATE TABLE campaign_log (id INTEGER NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, "at" INTEGER
    NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL)""",
    """CREATE INDEX campaign_log_campaign_id_id ON campaign_log (campaign_id, id)""",
    """CREATE TABLE variant (campaign_id INTEGER NOT NULL, idx INTEGER NOT NULL, template_id INTEGER, weight
    INTEGER NOT NULL, PRIMARY KEY (campaign_id, idx))""",
    """CREATE TABLE variant_text (campaign_id INTEGER NOT NULL, idx INTEGER NOT NULL, lang TEXT NOT NULL, body
    TEXT NOT NULL, template_version INTEGER NOT NULL, PRIMARY KEY (campaign_id, idx, lang))""",
    """CREATE TABLE consent_event (id INTEGER NOT NULL PRIMARY KEY, contact_id INTEGER NOT NULL, phone_bidx
    BLOB NOT NULL, cls INTEGER NOT NULL, "action" TEXT NOT NULL, source TEXT NOT NULL, wording TEXT NOT
    NULL, evidence TEXT NOT NULL, who TEXT NOT NULL, batch_id INTEGER, "at" INTEGER NOT NULL)""",
    """CREATE INDEX consent_event_contact_id_id ON consent_event (contact_id, id)""",
    """CREATE INDEX consent_event_at ON consent_event ("at")""",
    """CREATE TABLE suppression (id INTEGER NOT NULL PRIMARY KEY, phone_bidx BLOB NOT NULL, phone_enc BLOB,
    classes INTEGER NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, created_at
    INTEGER NOT NULL, expires_at INTEGER)""",
    """CREATE INDEX suppression_created_at ON suppression (created_at)""",
    """CREATE UNIQUE INDEX suppression_phone_bidx_reason ON suppression (phone_bidx, reason)""",
    """CREATE TABLE contact (id INTEGER NOT NULL PRIMARY KEY, phone_bidx BLOB NOT NULL, phone_enc BLOB NOT
    NULL, tail INTEGER NOT NULL, name TEXT, email TEXT, batch_id INTEGER, source TEXT NOT NULL, created_at
    INTEGER NOT NULL, updated_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX contact_phone_bidx ON contact (phone_bidx)""",
    """CREATE INDEX contact_tail ON contact (tail)""",
    """CREATE INDEX contact_name_id ON contact (name, id)""",
    """CREATE INDEX contact_batch_id ON contact (batch_id)""",
    """CREATE TABLE contact_label (label_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, source TEXT NOT
    NULL, confidence REAL NOT NULL, since_at INTEGER NOT NULL, expires_at INTEGER, PRIMARY KEY (label_id,
    contact_id)) WITHOUT ROWID""",
    """CREATE INDEX contact_label_contact_id_label_id ON contact_label (contact_id, label_id)""",
    """CREATE TABLE field (id INTEGER NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL, kind TEXT
    NOT NULL, "column" TEXT NOT NULL, position INTEGER NOT NULL, builtin INTEGER NOT NULL, created_at
    INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX field_key ON field ("key")""",
    """CREATE UNIQUE INDEX field_column ON field ("column")""",
    """CREATE TABLE field_choice (field_id INTEGER NOT NULL, code INTEGER NOT NULL, "text" TEXT NOT NULL,
    PRIMARY KEY (field_id, code))""",
    """CREATE UNIQUE INDEX field_choice_field_id_text ON field_choice (field_id, "text")""",
    """CREATE TABLE import_batch (id INTEGER NOT NULL PRIMARY KEY, file_name TEXT NOT NULL, path TEXT NOT NULL,
    sha256 TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, total INTEGER NOT
    NULL, cursor INTEGER NOT NULL, "rows" INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT
    NULL, unchanged INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL, notes INTEGER
    NOT NULL, seconds REAL NOT NULL, beat_at INTEGER NOT NULL, created_by TEXT NOT NULL, created_at INTEGER
    NOT NULL)""",
    """CREATE INDEX import_batch_sha256 ON import_batch (sha256)""",
    """CREATE TABLE import_change (batch_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, before TEXT NOT
    NULL, PRIMARY KEY (batch_id, contact_id))""",
    """CREATE TABLE import_reject (batch_id INTEGER NOT NULL, "row" INTEGER NOT NULL, taken INTEGER NOT NULL
    DEFAULT FALSE, reason TEXT NOT NULL, raw TEXT NOT NULL, PRIMARY KEY (batch_id, "row"))""",
    """CREATE TABLE label (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, bit INTEGER, created_at INTEGER
    NOT NULL)""",
    """CREATE UNIQUE INDEX label_name ON label (name)""",
    """CREATE UNIQUE INDEX label_bit ON label (bit)""",
    """CREATE TABLE profile (contact_id INTEGER NOT NULL PRIMARY KEY, country VARCHAR(2) NOT NULL, language
    VARCHAR(8) NOT NULL, line_type INTEGER NOT NULL, consent_bits INTEGER NOT NULL DEFAULT 0, optout_bits
    INTEGER NOT NULL DEFAULT 0, blocked_bits INTEGER NOT NULL DEFAULT 0, label_bits INTEGER NOT NULL DEFAULT
    0, created_at INTEGER NOT NULL, last_sent_at INTEGER NOT NULL DEFAULT 0, sent_count INTEGER NOT NULL
    DEFAULT 0)""",
    """CREATE TABLE template (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, cls INTEGER NOT NULL,
    default_lang TEXT NOT NULL, archived INTEGER NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT
    NULL, updated_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX template_name ON template (name)""",
    """CREATE TABLE template_text (id INTEGER NOT NULL PRIMARY KEY, template_id INTEGER NOT NULL, lang TEXT NOT
    NULL, version INTEGER NOT NULL, body TEXT NOT NULL, created_by TEXT NOT NULL, created_at INTEGER NOT
    NULL)""",
    """CREATE UNIQUE INDEX template_text_template_id_lang_version ON template_text (template_id, lang, version)""",
    """CREATE TABLE id_block (id INTEGER NOT NULL PRIMARY KEY, last INTEGER NOT NULL)""",
    """CREATE TABLE inbox (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL,
    body_enc BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', received_at
    INTEGER NOT NULL)""",
    """CREATE INDEX inbox_new ON inbox(id) WHERE state = 0""",
    """CREATE TABLE inbound (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, contact_id INTEGER,
    phone_bidx BLOB NOT NULL, phone_enc BLOB NOT NULL, body TEXT NOT NULL, intent TEXT NOT NULL, dedupe BLOB
    NOT NULL, received_at INTEGER NOT NULL)""",
    """CREATE INDEX inbound_contact_id ON inbound (contact_id)""",
    """CREATE UNIQUE INDEX inbound_dedupe ON inbound (dedupe)""",
    """CREATE TABLE lease (id INTEGER NOT NULL PRIMARY KEY, worker_id INTEGER NOT NULL, campaign_id INTEGER NOT
    NULL, account_id INTEGER NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL, taken_at INTEGER NOT NULL)""",
    """CREATE INDEX lease_worker_id ON lease (worker_id)""",
    """CREATE TABLE message (id INTEGER NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, contact_id INTEGER
    NOT NULL, dedupe INTEGER NOT NULL DEFAULT 0, variant INTEGER NOT NULL DEFAULT 0, cls INTEGER NOT NULL,
    state INTEGER NOT NULL, reason TEXT, attempt INTEGER NOT NULL DEFAULT 0, lease INTEGER, not_before
    INTEGER NOT NULL DEFAULT 0, not_after INTEGER, account_id INTEGER NOT NULL DEFAULT 0, provider_id TEXT,
    ref_hash INTEGER, parts INTEGER NOT NULL DEFAULT 0, cost_micros INTEGER NOT NULL DEFAULT 0, submitted_at
    INTEGER, final_at INTEGER)""",
    """CREATE UNIQUE INDEX message_campaign_id_contact_id_dedupe ON message (campaign_id, contact_id, dedupe)""",
    """CREATE INDEX message_contact_id_id ON message (contact_id, id)""",
    """CREATE INDEX message_ready ON message(campaign_id, not_before, id) WHERE state = 0""",
    """CREATE INDEX message_ref ON message(ref_hash) WHERE ref_hash IS NOT NULL""",
    """CREATE INDEX message_reason ON message(campaign_id, state, reason) WHERE reason IS NOT NULL""",
    """CREATE TABLE message_text (message_id INTEGER NOT NULL PRIMARY KEY, body TEXT NOT NULL)""",
    """CREATE TABLE pending_receipt (id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, ref_hash
    INTEGER NOT NULL, message_id INTEGER, state INTEGER NOT NULL, code TEXT, "at" INTEGER NOT NULL,
    received_at INTEGER NOT NULL)""",
    """CREATE INDEX pending_receipt_received_at ON pending_receipt (received_at)""",
    """CREATE INDEX pending_receipt_ref_hash ON pending_receipt (ref_hash)""",
    """CREATE TABLE receipt_log (id INTEGER NOT NULL PRIMARY KEY, message_id INTEGER NOT NULL, state INTEGER
    NOT NULL, code TEXT, "at" INTEGER NOT NULL, received_at INTEGER NOT NULL, note TEXT NOT NULL)""",
    """CREATE INDEX receipt_log_message_id ON receipt_log (message_id)""",
    """CREATE TABLE tally (campaign_id INTEGER NOT NULL, variant INTEGER NOT NULL, account_id INTEGER NOT NULL,
    hour INTEGER NOT NULL, state INTEGER NOT NULL, n INTEGER NOT NULL, parts INTEGER NOT NULL, cost_micros
    INTEGER NOT NULL, in_5m INTEGER NOT NULL, in_24h INTEGER NOT NULL, PRIMARY KEY (campaign_id, variant,
    account_id, hour, state)) WITHOUT ROWID""",
    """CREATE INDEX tally_hour ON tally (hour)""",
    """CREATE TABLE worker (id INTEGER NOT NULL PRIMARY KEY, host TEXT NOT NULL, boot_id TEXT NOT NULL, pid
    INTEGER NOT NULL, pid_start INTEGER NOT NULL, beat INTEGER NOT NULL, started_at INTEGER NOT NULL,
    ended_at INTEGER)""",
    """CREATE TABLE role (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, description TEXT, permissions
    TEXT)""",
    """CREATE UNIQUE INDEX role_name ON role (name)""",
    """CREATE TABLE user_account (id INTEGER NOT NULL PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL,
    password TEXT, active INTEGER NOT NULL, fs_uniquifier VARCHAR(64) NOT NULL, confirmed_at DATETIME,
    tf_primary_method TEXT, tf_totp_secret TEXT, mf_recovery_codes TEXT, language TEXT NOT NULL, zone TEXT
    NOT NULL, theme TEXT NOT NULL, created_at INTEGER NOT NULL, last_seen_at INTEGER)""",
    """CREATE UNIQUE INDEX user_account_email ON user_account (email)""",
    """CREATE UNIQUE INDEX user_account_fs_uniquifier ON user_account (fs_uniquifier)""",
    """CREATE TABLE user_role (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, role_id INTEGER NOT
    NULL, FOREIGN KEY (user_id) REFERENCES user_account (id) ON DELETE CASCADE, FOREIGN KEY (role_id)
    REFERENCES role (id) ON DELETE CASCADE)""",
    """CREATE INDEX user_role_user_id ON user_role (user_id)""",
    """CREATE INDEX user_role_role_id ON user_role (role_id)""",
    """CREATE UNIQUE INDEX user_role_user_id_role_id ON user_role (user_id, role_id)""",
    """CREATE TABLE session_record (id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, token_hash TEXT
    NOT NULL, created_at INTEGER NOT NULL, seen_at INTEGER NOT NULL, ip TEXT NOT NULL, agent TEXT NOT NULL)""",
    """CREATE INDEX session_record_user_id ON session_record (user_id)""",
    """CREATE UNIQUE INDEX session_record_token_hash ON session_record (token_hash)""",
    """CREATE TABLE one_time_link (id INTEGER NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, purpose TEXT NOT
    NULL, user_id INTEGER, expires_at INTEGER NOT NULL, used_at INTEGER)""",
    """CREATE UNIQUE INDEX one_time_link_token_hash ON one_time_link (token_hash)""",
    """CREATE TABLE segment (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, rule TEXT NOT NULL,
    last_count INTEGER, counted_at INTEGER, created_by TEXT NOT NULL, created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL)""",
    """CREATE UNIQUE INDEX segment_name ON segment (name)""",
    """CREATE TABLE audit (id INTEGER NOT NULL PRIMARY KEY, "at" INTEGER NOT NULL, who TEXT NOT NULL, "action"
    TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL, ip TEXT NOT NULL)""",
    """CREATE INDEX audit_at ON audit ("at")""",
    """CREATE TABLE job_run (name TEXT NOT NULL, slot INTEGER NOT NULL, worker_id INTEGER NOT NULL, "at"
    INTEGER NOT NULL, ms INTEGER, error TEXT NOT NULL, PRIMARY KEY (name, slot))""",
    """CREATE TABLE plugin_state (name TEXT NOT NULL PRIMARY KEY, enabled INTEGER NOT NULL, reason TEXT NOT
    NULL, "at" INTEGER NOT NULL)""",
    """CREATE TABLE setting ("key" TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)""",
    """CREATE TABLE throttle ("key" TEXT NOT NULL, "window" INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY
    ("key", "window"))""",
    """CREATE TRIGGER message_edge BEFORE UPDATE OF state ON message WHEN NEW.state <> OLD.state AND ((CASE
    OLD.state WHEN 0 THEN 1602 WHEN 1 THEN 1605 WHEN 2 THEN 505 WHEN 3 THEN 240 WHEN 8 THEN 249 ELSE 0 END)
    >> NEW.state) & 1 = 0 BEGIN SELECT RAISE(ABORT, 'message state change refused'); END""",
    """CREATE TRIGGER consent_event_update BEFORE UPDATE ON consent_event BEGIN SELECT RAISE(ABORT,
    'consent_event is append-only'); END""",
    """CREATE TRIGGER consent_event_delete BEFORE DELETE ON consent_event BEGIN SELECT RAISE(ABORT,
    'consent_event is append-only'); END""",
    """CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only');
    END""",
    """CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only');
    END""",
)

POSTGRES = (
    """CREATE TABLE account (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, provider TEXT NOT NULL,
    settings_enc BYTEA NOT NULL, token TEXT NOT NULL, sender TEXT NOT NULL, enabled BOOLEAN NOT NULL, halted
    TEXT NOT NULL, rate_per_s DOUBLE PRECISION, tat_us BIGINT NOT NULL, failures INTEGER NOT NULL,
    open_until BIGINT NOT NULL, probe_at BIGINT NOT NULL, last_error TEXT NOT NULL, last_ok_at BIGINT,
    balance_micros BIGINT, balance_at BIGINT, created_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX account_name ON account (name)""",
    """CREATE UNIQUE INDEX account_token ON account (token)""",
    """CREATE TABLE price (id SERIAL NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, country TEXT NOT NULL,
    cls SMALLINT NOT NULL, micros_per_part BIGINT NOT NULL, currency TEXT NOT NULL, from_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX price_account_id_country_cls_from_at ON price (account_id, country, cls, from_at)""",
    """CREATE TABLE campaign (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, cls SMALLINT NOT NULL, state
    TEXT NOT NULL, reason TEXT NOT NULL, segment_id INTEGER, account_id INTEGER, send_at BIGINT, not_after
    BIGINT, holdout_bp INTEGER NOT NULL, options TEXT NOT NULL, launch_key TEXT, snapshot TEXT NOT NULL,
    rule TEXT NOT NULL, salt BIGINT NOT NULL, cursor INTEGER NOT NULL, cursor_end INTEGER NOT NULL, audience
    INTEGER, budget_micros BIGINT, spent_micros BIGINT NOT NULL, tat_us BIGINT NOT NULL DEFAULT 0, currency
    TEXT NOT NULL, created_by TEXT NOT NULL, approved_by TEXT NOT NULL, approved_snapshot TEXT NOT NULL,
    created_at BIGINT NOT NULL, launched_at BIGINT, started_at BIGINT, finished_at BIGINT)""",
    """CREATE UNIQUE INDEX campaign_launch_key ON campaign (launch_key)""",
    """CREATE INDEX campaign_state ON campaign (state)""",
    """CREATE TABLE campaign_check (campaign_id INTEGER NOT NULL PRIMARY KEY, snapshot TEXT NOT NULL, state
    TEXT NOT NULL, done INTEGER NOT NULL, total INTEGER NOT NULL, report TEXT NOT NULL, error TEXT NOT NULL,
    "at" BIGINT NOT NULL)""",
    """CREATE TABLE campaign_log (id SERIAL NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, "at" BIGINT NOT
    NULL, who TEXT NOT NULL, what TEXT NOT NULL, detail TEXT NOT NULL)""",
    """CREATE INDEX campaign_log_campaign_id_id ON campaign_log (campaign_id, id)""",
    """CREATE TABLE variant (campaign_id INTEGER NOT NULL, idx SMALLINT NOT NULL, template_id INTEGER, weight
    INTEGER NOT NULL, PRIMARY KEY (campaign_id, idx))""",
    """CREATE TABLE variant_text (campaign_id INTEGER NOT NULL, idx SMALLINT NOT NULL, lang TEXT NOT NULL, body
    TEXT NOT NULL, template_version INTEGER NOT NULL, PRIMARY KEY (campaign_id, idx, lang))""",
    """CREATE TABLE consent_event (id BIGSERIAL NOT NULL PRIMARY KEY, contact_id INTEGER NOT NULL, phone_bidx
    BYTEA NOT NULL, cls SMALLINT NOT NULL, "action" TEXT NOT NULL, source TEXT NOT NULL, wording TEXT NOT
    NULL, evidence TEXT NOT NULL, who TEXT NOT NULL, batch_id INTEGER, "at" BIGINT NOT NULL)""",
    """CREATE INDEX consent_event_contact_id_id ON consent_event (contact_id, id)""",
    """CREATE INDEX consent_event_at ON consent_event ("at")""",
    """CREATE TABLE suppression (id BIGSERIAL NOT NULL PRIMARY KEY, phone_bidx BYTEA NOT NULL, phone_enc BYTEA,
    classes SMALLINT NOT NULL, reason TEXT NOT NULL, note TEXT NOT NULL, who TEXT NOT NULL, created_at
    BIGINT NOT NULL, expires_at BIGINT)""",
    """CREATE INDEX suppression_created_at ON suppression (created_at)""",
    """CREATE UNIQUE INDEX suppression_phone_bidx_reason ON suppression (phone_bidx, reason)""",
    """CREATE TABLE contact (id SERIAL NOT NULL PRIMARY KEY, phone_bidx BYTEA NOT NULL, phone_enc BYTEA NOT
    NULL, tail SMALLINT NOT NULL, name TEXT, email TEXT, batch_id INTEGER, source TEXT NOT NULL, created_at
    BIGINT NOT NULL, updated_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX contact_phone_bidx ON contact (phone_bidx)""",
    """CREATE INDEX contact_tail ON contact (tail)""",
    """CREATE INDEX contact_name_id ON contact (name, id)""",
    """CREATE INDEX contact_batch_id ON contact (batch_id)""",
    """CREATE TABLE contact_label (label_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, source TEXT NOT
    NULL, confidence DOUBLE PRECISION NOT NULL, since_at BIGINT NOT NULL, expires_at BIGINT, PRIMARY KEY
    (label_id, contact_id))""",
    """CREATE INDEX contact_label_contact_id_label_id ON contact_label (contact_id, label_id)""",
    """CREATE TABLE field (id SERIAL NOT NULL PRIMARY KEY, "key" TEXT NOT NULL, title TEXT NOT NULL, kind TEXT
    NOT NULL, "column" TEXT NOT NULL, position INTEGER NOT NULL, builtin BOOLEAN NOT NULL, created_at BIGINT
    NOT NULL)""",
    """CREATE UNIQUE INDEX field_key ON field ("key")""",
    """CREATE UNIQUE INDEX field_column ON field ("column")""",
    """CREATE TABLE field_choice (field_id INTEGER NOT NULL, code INTEGER NOT NULL, "text" TEXT NOT NULL,
    PRIMARY KEY (field_id, code))""",
    """CREATE UNIQUE INDEX field_choice_field_id_text ON field_choice (field_id, "text")""",
    """CREATE TABLE import_batch (id SERIAL NOT NULL PRIMARY KEY, file_name TEXT NOT NULL, path TEXT NOT NULL,
    sha256 TEXT NOT NULL, options TEXT NOT NULL, state TEXT NOT NULL, error TEXT NOT NULL, total INTEGER NOT
    NULL, cursor INTEGER NOT NULL, "rows" INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT
    NULL, unchanged INTEGER NOT NULL, duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL, notes INTEGER
    NOT NULL, seconds DOUBLE PRECISION NOT NULL, beat_at BIGINT NOT NULL, created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL)""",
    """CREATE INDEX import_batch_sha256 ON import_batch (sha256)""",
    """CREATE TABLE import_change (batch_id INTEGER NOT NULL, contact_id INTEGER NOT NULL, before TEXT NOT
    NULL, PRIMARY KEY (batch_id, contact_id))""",
    """CREATE TABLE import_reject (batch_id INTEGER NOT NULL, "row" INTEGER NOT NULL, taken BOOLEAN NOT NULL
    DEFAULT FALSE, reason TEXT NOT NULL, raw TEXT NOT NULL, PRIMARY KEY (batch_id, "row"))""",
    """CREATE TABLE label (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, bit SMALLINT, created_at BIGINT
    NOT NULL)""",
    """CREATE UNIQUE INDEX label_name ON label (name)""",
    """CREATE UNIQUE INDEX label_bit ON label (bit)""",
    """CREATE TABLE profile (contact_id INTEGER NOT NULL PRIMARY KEY, country VARCHAR(2) NOT NULL, language
    VARCHAR(8) NOT NULL, line_type SMALLINT NOT NULL, consent_bits SMALLINT NOT NULL DEFAULT 0, optout_bits
    SMALLINT NOT NULL DEFAULT 0, blocked_bits SMALLINT NOT NULL DEFAULT 0, label_bits BIGINT NOT NULL
    DEFAULT 0, created_at BIGINT NOT NULL, last_sent_at BIGINT NOT NULL DEFAULT 0, sent_count INTEGER NOT
    NULL DEFAULT 0)""",
    """CREATE TABLE template (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, cls SMALLINT NOT NULL,
    default_lang TEXT NOT NULL, archived BOOLEAN NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT
    NULL, updated_at BIGINT NOT NULL)""",
    """CREATE UNIQUE INDEX template_name ON template (name)""",
    """CREATE TABLE template_text (id SERIAL NOT NULL PRIMARY KEY, template_id INTEGER NOT NULL, lang TEXT NOT
    NULL, version INTEGER NOT NULL, body TEXT NOT NULL, created_by TEXT NOT NULL, created_at BIGINT NOT
    NULL)""",
    """CREATE UNIQUE INDEX template_text_template_id_lang_version ON template_text (template_id, lang, version)""",
    """CREATE TABLE id_block (id SMALLINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL)""",
    """CREATE TABLE inbox (id SERIAL NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, kind TEXT NOT NULL,
    body_enc BYTEA NOT NULL, state SMALLINT NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '', received_at
    BIGINT NOT NULL)""",
    """CREATE INDEX inbox_new ON inbox(id) WHERE state = 0""",
    """CREATE TABLE inbound (id SERIAL NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, contact_id INTEGER,
    phone_bidx BYTEA NOT NULL, phone_enc BYTEA NOT NULL, body TEXT NOT NULL, intent TEXT NOT NULL, dedupe
    BYTEA NOT NULL, received_at BIGINT NOT NULL)""",
    """CREATE INDEX inbound_contact_id ON inbound (contact_id)""",
    """CREATE UNIQUE INDEX inbound_dedupe ON inbound (dedupe)""",
    """CREATE TABLE lease (id BIGINT NOT NULL PRIMARY KEY, worker_id INTEGER NOT NULL, campaign_id INTEGER NOT
    NULL, account_id INTEGER NOT NULL, lo BIGINT NOT NULL, hi BIGINT NOT NULL, taken_at BIGINT NOT NULL)""",
    """CREATE INDEX lease_worker_id ON lease (worker_id)""",
    """CREATE TABLE message (id BIGINT NOT NULL PRIMARY KEY, campaign_id INTEGER NOT NULL, contact_id INTEGER
    NOT NULL, dedupe BIGINT NOT NULL DEFAULT 0, variant SMALLINT NOT NULL DEFAULT 0, cls SMALLINT NOT NULL,
    state SMALLINT NOT NULL, reason TEXT, attempt SMALLINT NOT NULL DEFAULT 0, lease BIGINT, not_before
    BIGINT NOT NULL DEFAULT 0, not_after BIGINT, account_id INTEGER NOT NULL DEFAULT 0, provider_id TEXT,
    ref_hash BIGINT, parts SMALLINT NOT NULL DEFAULT 0, cost_micros BIGINT NOT NULL DEFAULT 0, submitted_at
    BIGINT, final_at BIGINT)""",
    """CREATE UNIQUE INDEX message_campaign_id_contact_id_dedupe ON message (campaign_id, contact_id, dedupe)""",
    """CREATE INDEX message_contact_id_id ON message (contact_id, id)""",
    """CREATE INDEX message_ready ON message(campaign_id, not_before, id) WHERE state = 0""",
    """CREATE INDEX message_ref ON message(ref_hash) WHERE ref_hash IS NOT NULL""",
    """CREATE INDEX message_reason ON message(campaign_id, state, reason) WHERE reason IS NOT NULL""",
    """CREATE TABLE message_text (message_id BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL)""",
    """CREATE TABLE pending_receipt (id SERIAL NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, ref_hash
    BIGINT NOT NULL, message_id BIGINT, state SMALLINT NOT NULL, code TEXT, "at" BIGINT NOT NULL,
    received_at BIGINT NOT NULL)""",
    """CREATE INDEX pending_receipt_received_at ON pending_receipt (received_at)""",
    """CREATE INDEX pending_receipt_ref_hash ON pending_receipt (ref_hash)""",
    """CREATE TABLE receipt_log (id SERIAL NOT NULL PRIMARY KEY, message_id BIGINT NOT NULL, state SMALLINT NOT
    NULL, code TEXT, "at" BIGINT NOT NULL, received_at BIGINT NOT NULL, note TEXT NOT NULL)""",
    """CREATE INDEX receipt_log_message_id ON receipt_log (message_id)""",
    """CREATE TABLE tally (campaign_id INTEGER NOT NULL, variant SMALLINT NOT NULL, account_id INTEGER NOT
    NULL, hour INTEGER NOT NULL, state SMALLINT NOT NULL, n INTEGER NOT NULL, parts INTEGER NOT NULL,
    cost_micros BIGINT NOT NULL, in_5m INTEGER NOT NULL, in_24h INTEGER NOT NULL, PRIMARY KEY (campaign_id,
    variant, account_id, hour, state))""",
    """CREATE INDEX tally_hour ON tally (hour)""",
    """CREATE TABLE worker (id SERIAL NOT NULL PRIMARY KEY, host TEXT NOT NULL, boot_id TEXT NOT NULL, pid
    INTEGER NOT NULL, pid_start BIGINT NOT NULL, beat BIGINT NOT NULL, started_at BIGINT NOT NULL, ended_at
    BIGINT)""",
    """CREATE TABLE role (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, description TEXT, permissions
    TEXT)""",
    """CREATE UNIQUE INDEX role_name ON role (name)""",
    """CREATE TABLE user_account (id SERIAL NOT NULL PRIMARY KEY, email TEXT NOT NULL, name TEXT NOT NULL,
    password TEXT, active BOOLEAN NOT NULL, fs_uniquifier VARCHAR(64) NOT NULL, confirmed_at TIMESTAMP,
    tf_primary_method TEXT, tf_totp_secret TEXT, mf_recovery_codes TEXT, language TEXT NOT NULL, zone TEXT
    NOT NULL, theme TEXT NOT NULL, created_at BIGINT NOT NULL, last_seen_at BIGINT)""",
    """CREATE UNIQUE INDEX user_account_email ON user_account (email)""",
    """CREATE UNIQUE INDEX user_account_fs_uniquifier ON user_account (fs_uniquifier)""",
    """CREATE TABLE user_role (id SERIAL NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, role_id INTEGER NOT
    NULL, FOREIGN KEY (user_id) REFERENCES user_account (id) ON DELETE CASCADE, FOREIGN KEY (role_id)
    REFERENCES role (id) ON DELETE CASCADE)""",
    """CREATE INDEX user_role_user_id ON user_role (user_id)""",
    """CREATE INDEX user_role_role_id ON user_role (role_id)""",
    """CREATE UNIQUE INDEX user_role_user_id_role_id ON user_role (user_id, role_id)""",
    """CREATE TABLE session_record (id SERIAL NOT NULL PRIMARY KEY, user_id INTEGER NOT NULL, token_hash TEXT
    NOT NULL, created_at BIGINT NOT NULL, seen_at BIGINT NOT NULL, ip TEXT NOT NULL, agent TEXT NOT NULL)""",
    """CREATE INDEX session_record_user_id ON session_record (user_id)""",
    """CREATE UNIQUE INDEX session_record_token_hash ON session_record (token_hash)""",
    """CREATE TABLE one_time_link (id SERIAL NOT NULL PRIMARY KEY, token_hash TEXT NOT NULL, purpose TEXT NOT
    NULL, user_id INTEGER, expires_at BIGINT NOT NULL, used_at BIGINT)""",
    """CREATE UNIQUE INDEX one_time_link_token_hash ON one_time_link (token_hash)""",
    """CREATE TABLE segment (id SERIAL NOT NULL PRIMARY KEY, name TEXT NOT NULL, rule TEXT NOT NULL, last_count
    INTEGER, counted_at BIGINT, created_by TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT
    NULL)""",
    """CREATE UNIQUE INDEX segment_name ON segment (name)""",
    """CREATE TABLE audit (id SERIAL NOT NULL PRIMARY KEY, "at" BIGINT NOT NULL, who TEXT NOT NULL, "action"
    TEXT NOT NULL, object TEXT NOT NULL, detail TEXT NOT NULL, ip TEXT NOT NULL)""",
    """CREATE INDEX audit_at ON audit ("at")""",
    """CREATE TABLE job_run (name TEXT NOT NULL, slot BIGINT NOT NULL, worker_id INTEGER NOT NULL, "at" BIGINT
    NOT NULL, ms INTEGER, error TEXT NOT NULL, PRIMARY KEY (name, slot))""",
    """CREATE TABLE plugin_state (name TEXT NOT NULL PRIMARY KEY, enabled INTEGER NOT NULL, reason TEXT NOT
    NULL, "at" BIGINT NOT NULL)""",
    """CREATE TABLE setting ("key" TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)""",
    """CREATE TABLE throttle ("key" TEXT NOT NULL, "window" BIGINT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY
    ("key", "window"))""",
    """CREATE FUNCTION message_edge() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'message
    state change refused: % to %', OLD.state, NEW.state; END $$""",
    """CREATE TRIGGER message_edge BEFORE UPDATE OF state ON message FOR EACH ROW WHEN (NEW.state <> OLD.state
    AND (((CASE OLD.state WHEN 0 THEN 1602 WHEN 1 THEN 1605 WHEN 2 THEN 505 WHEN 3 THEN 240 WHEN 8 THEN 249
    ELSE 0 END) >> NEW.state) & 1) = 0) EXECUTE FUNCTION message_edge()""",
    """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '% is
    append-only', TG_TABLE_NAME; END $$""",
    """CREATE TRIGGER consent_event_append_only BEFORE UPDATE OR DELETE ON consent_event FOR EACH ROW EXECUTE
    FUNCTION append_only()""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION
    append_only()""",
)


def up(migrator, db):
    postgres = type(db).__name__ == "PostgresqlDatabase"
    mark = "%s" if postgres else "?"

    def run(sql, *params):
        db.execute_sql(sql, params)

    for statement in POSTGRES if postgres else SQLITE:
        run(statement.replace("%", "%%") if postgres else statement)
    run("INSERT INTO id_block (id, last) VALUES (1, 0)")
    for name, description in ROLES.items():
        run(f"INSERT INTO role (name, description, permissions) VALUES ({mark}, {mark}, '')", name, description)
    for number, (key, title, kind, column_type) in enumerate(FIELDS, 1):
        marks = ", ".join([mark] * 7)
        run(
            f'INSERT INTO field (key, title, kind, "column", position, builtin, created_at) VALUES ({marks})',
            key, title, kind, f"f{number}", number - 1, True, clock.now_ms(),
        )
        run(f"ALTER TABLE profile ADD COLUMN f{number} {column_type}")
