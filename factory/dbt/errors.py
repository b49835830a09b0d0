"""What can go wrong with dbt."""

from __future__ import annotations

from factory.definitions.errors import TransferError


class DbtError(TransferError):
    """What dbt says, or what is wrong with the profile that it is to be given."""


class NotPassed(DbtError):
    """A model, a test or a source is not as it should be; dbt itself has done its work."""
