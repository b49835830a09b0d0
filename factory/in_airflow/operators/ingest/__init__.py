"""The tasks of an `ingest`: thin operators around `factory.transfer`."""
