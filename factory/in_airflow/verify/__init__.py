"""A warehouse's promises, tried for real: with an account, a schema and ten minutes."""
