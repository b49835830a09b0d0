"""Keys and types, from the first rows of each file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pyarrow as pa

from factory.stores.model import Store
from factory.transfer.bad_rows import place
from factory.transfer.errors import BadRow
from factory.transfer.formats.jsonl.converters import Unfit
from factory.transfer.formats.jsonl.decode import tokens
from factory.transfer.formats.jsonl.lines import Blocks, Row
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import Spelling

SAMPLE = 2 << 20  # bytes of each file
TEXTS = 10_000  # of each key

_TIMES = (pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.time64("us"))
_FIRST = {b'"': "text", b"t": "boolean", b"f": "boolean", b"n": "null", b"{": "json", b"[": "json"}


@dataclass
class Seen:
    """What stands under one key."""

    kinds: Counter[str] = field(default_factory=Counter)
    texts: list[str] = field(default_factory=list)
    fraction: bool = False

    def add(self, token: bytes) -> None:
        """Count one value in."""
        kind = _FIRST.get(token[:1], "number")
        if kind == "null":
            return
        self.kinds[kind] += 1
        if kind == "number":
            self.fraction = self.fraction or not token.lstrip(b"-").isdigit()
        elif kind == "text" and len(self.texts) < TEXTS:
            # No date is longer.
            self.texts.append(msgspec.json.decode(token, type=str)[:64])

    def more(self, other: Seen) -> None:
        """Count in what stands under the same key elsewhere."""
        self.kinds += other.kinds
        self.texts += other.texts[: TEXTS - len(self.texts)]
        self.fraction = self.fraction or other.fraction

    @property
    def mixed(self) -> bool:
        """Is there a value that is no string?"""
        return bool(self.kinds) and set(self.kinds) != {"text"}

    def type(self, how: Spelling) -> pa.DataType:
        """That of most values. The others are refused, each where it stands."""
        if not self.kinds:
            return pa.null()
        (kind, _), *_ = self.kinds.most_common(1)
        if kind == "number":
            return pa.float64() if self.fraction else pa.int64()
        if kind == "text":
            return _type_of_texts(pa.array(self.texts, pa.string()), how)
        return pa.bool_() if kind == "boolean" else pa.string()

    @property
    def json(self) -> bool:
        """Are most values objects and arrays?"""
        return bool(self.kinds) and self.kinds.most_common(1)[0][0] == "json"


def _type_of_texts(texts: pa.Array, how: Spelling) -> pa.DataType:
    """A text may be a date or a time, but never a number."""
    for kind in _TIMES:
        done = convert(texts, kind, how, inferred=True)
        if done.bad is None and not done.values.null_count:
            return kind
    return pa.string()


@dataclass
class Sample:
    """The first rows of all files."""

    keys: dict[str, dict[str, Seen]]  # of each file, in the order in which they appear
    alone: list[tuple[str, Row]] = field(default_factory=list)  # a file, and its only row


def sample(fs: Store, sources: Sequence[str], blocks: Blocks) -> Sample:
    """All keys of the first rows of each file.

    Raises `BadRow` when no row among them can be read.
    """
    found = Sample({source: {} for source in sources})
    problem: BadRow | None = None
    for source in sources:
        rows, ended = _first_rows(fs, source, blocks)
        if ended and len(rows) == 1:
            found.alone.append((source, rows[0]))
        for row in rows:
            try:
                values = tokens(row.text)
            except Unfit as error:
                # Refused where all rows are read, when there are others.
                said = f"{place(source, row.line)}: {row.place}{error.reason}"
                problem = problem or BadRow(said, error.hint)
                continue
            for key, token in values.items():
                found.keys[source].setdefault(key, Seen()).add(token)
    if problem is not None and not any(found.keys.values()):
        raise problem
    return found


def _first_rows(fs: Store, source: str, blocks: Blocks) -> tuple[list[Row], bool]:
    """Some rows, and whether there are no more."""
    rows: list[Row] = []
    size = 0
    for block in blocks(fs, source, None):
        if size >= SAMPLE:
            return rows, False
        rows += block.rows()
        size += len(block.data)
    return rows, True
