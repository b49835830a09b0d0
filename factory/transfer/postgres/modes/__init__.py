"""How rows are written into a target: a module for each of `definitions.writes`."""

from factory.definitions import writes
from factory.transfer.postgres.modes import append, merge, partition, replace
from factory.transfer.postgres.modes.parts import Changed, Given, Mode, Staged

__all__ = ["Changed", "Given", "Mode", "Staged", "of"]


def of(write: writes.Write, given: Given) -> Mode:
    """The mode that this asks for. Raises `BadOption` when the load's columns do not suit it."""
    if isinstance(write, writes.Merge):
        return merge.of(write, given)
    if isinstance(write, writes.Partition):
        return partition.of(write, given)
    return append.Append() if isinstance(write, writes.Append) else replace.Replace()
