"""`{mode: append}`: the rows are added; the ledger knows a load that was added before."""

from dataclasses import dataclass

from factory.transfer.postgres.modes.parts import Changed, Plain, Staged, insert
from factory.transfer.postgres.table import Connection, Existing, Table


@dataclass(frozen=True)
class Append(Plain):
    """No options."""

    name: str = "append"
    needs: tuple[str, ...] = ("INSERT",)
    once: bool = True

    def write(
        self, connection: Connection, target: Table, existing: Existing, staged: Staged
    ) -> Changed:
        """Insert."""
        return Changed(insert(connection, target, existing, staged))
