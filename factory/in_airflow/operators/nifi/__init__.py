"""The tasks of a `nifi` step: thin operators around `factory.nifi`."""
