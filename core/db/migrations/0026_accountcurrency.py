"""The currency of what an account has spent stays with the account, whatever becomes of its prices.

Frozen: this file says what version 0.3 made and never changes with the models.
"""

from core.db.ddl import create

STATEMENTS = (
    """ALTER TABLE account ADD COLUMN currency VARCHAR(255) NOT NULL DEFAULT ''""",
    """UPDATE account SET currency = COALESCE((SELECT MIN(p.currency) FROM price p WHERE p.account_id = account.id),
    (SELECT MAX(k.currency) FROM campaign k WHERE k.account_id = account.id), '')""",
)


def up(migrator, db):
    create(db, STATEMENTS, STATEMENTS)
