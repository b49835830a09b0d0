"""Kinds of Acme."""
