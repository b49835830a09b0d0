"""What happens to rows that are not what they were declared to be: an error, or set aside."""

from __future__ import annotations

import json
from collections import Counter
from io import BufferedIOBase

from factory.transfer.errors import BadRow


class BadRows:
    """Takes bad rows; `count` is how many it has kept, `by_source` of which file."""

    def __init__(self, out: BufferedIOBase | None, most: int) -> None:
        self._out = out
        self._most = most
        self.count = 0
        self.by_source: Counter[str] = Counter()

    @classmethod
    def fail(cls) -> BadRows:
        """The first bad row is an error."""
        return cls(None, 0)

    @classmethod
    def quarantine(cls, out: BufferedIOBase, most: int) -> BadRows:
        """Write each as a line of JSON into `out`; more than `most` are an error."""
        return cls(out, most)

    @property
    def fails(self) -> bool:
        """Is the first bad row an error?"""
        return self._out is None

    def add(
        self, source: str, line: int | None, reason: str, row: str, hint: str | None = None
    ) -> None:
        """Keep one. `line` is where the row begins, the first is 1. Raises `BadRow`."""
        if self._out is None:
            raise BadRow(f"{place(source, line)}: {reason}", hint)
        if self.count >= self._most:
            raise BadRow(
                f"{place(source, line)}: {reason}; {self._most} rows were set aside before it",
                "No more are allowed: `max_bad_rows`",
            )
        entry = {"file": source, "line": line, "reason": reason, "row": row}
        self._out.write(json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n")
        self.count += 1
        self.by_source[source] += 1


def place(source: str, line: int | None) -> str:
    """`trips.csv:7`."""
    return source if line is None else f"{source}:{line}"
