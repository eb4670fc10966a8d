"""Storage: connection, migrations, models, and the SQL that differs between the backends."""
