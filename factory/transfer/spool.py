"""A list of any length, which waits on the worker's disk: memory holds a part of it at a time."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")


class Spool(Generic[T]):
    """Parts in the order in which they were added. Its file has no name, and goes with it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, part: Sequence[T]) -> None:
        """Behind the others."""
        if part:
            self._file.seek(0, 2)
            pickle.dump(list(part), self._file)  # not as JSON: a name need not be UTF-8
            self._count += len(part)

    def parts(self) -> Iterator[list[T]]:
        """As they were added."""
        at, end = 0, self._file.seek(0, 2)
        while at < end:
            self._file.seek(at)
            yield pickle.load(self._file)
            at = self._file.tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
