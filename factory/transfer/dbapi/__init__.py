"""Any database whose driver is one of Python's DB-API (PEP 249)."""
