"""The target `postgres`: write, audit, publish."""
