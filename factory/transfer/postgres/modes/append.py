"""`{mode: append}`: the rows are added; the ledger knows a load that was added before."""

from collections.abc import Mapping
from dataclasses import dataclass

from factory.transfer.postgres.modes.parts import Changed, Given, Staged, insert
from factory.transfer.postgres.table import Connection, Existing, Table

OPTIONS = ()


@dataclass(frozen=True)
class Append:
    """No options."""

    name: str = "append"
    key: tuple[str, ...] = ()
    needs: tuple[str, ...] = ("INSERT",)
    whole: bool = False
    numbered: bool = False
    once: bool = True

    def verify(self, target: Existing) -> None:
        """Any table will do."""

    def tidy(self, connection: Connection, staged: Staged) -> int:
        """Every row is added."""
        return 0

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """Insert."""
        return Changed(insert(connection, target, existing, staged))


def parse(options: Mapping[str, object], given: Given) -> Append:
    """Nothing to read."""
    return Append()
