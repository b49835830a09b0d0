"""Snowflake: loads, checks and reads."""
