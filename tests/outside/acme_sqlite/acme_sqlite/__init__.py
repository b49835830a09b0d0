"""A warehouse and a check of another package: SQLite, which is a real database."""
