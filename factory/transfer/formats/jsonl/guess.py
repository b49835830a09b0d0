"""What a file of JSON is, when it is not what was declared: the format that fits, for a hint."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from factory.definitions.formats import Json, Jsonl
from factory.definitions.formats.json import WHOLE
from factory.transfer import hints
from factory.transfer.errors import BadRow
from factory.transfer.formats.jsonl.document import Document

_NESTED = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw])
_DEEPEST = 4
_MOST = 3


def format_of(head: bytes) -> str | None:
    """A hint: with which format is a file read that begins so? None: with none of JSON."""
    if head[:1] == b"[":
        within = head[1:].lstrip()[:1]
        return "Read it with `format: json`" if within in (b"{", b"]", b"") else None
    if head[:1] != b"{":
        return None
    if _many(head):
        return "One object in each line is `format: jsonl`"
    found = [_written(path) for path in dict.fromkeys(arrays(head))][:_MOST]
    if not found:
        return "To load the object as one row: `format: {type: json, records: .}`"
    others = f" (or: {', '.join(found[1:])})" if found[1:] else ""
    return f"Read its array with `format: {{type: json, records: {found[0]}}}`{others}"


def json_of(head: bytes) -> Jsonl:
    """The format of a file that begins so, which is `[` or `{`."""
    if head[:1] == b"[":
        return Json()
    if _many(head):
        return Jsonl()
    found = next(arrays(head), None)
    if found is None and b"\n" not in head.rstrip():
        return Jsonl()
    return Json(records=found or WHOLE)


def by_columns(row: Mapping[str, bytes]) -> bool:
    """Is a file's only object a whole table: `{"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}}`?

    So pandas writes one where nothing else is said, or by rows that are numbered. Columns that are
    arrays are all of one length.
    """
    if len(row) < 2 or any(token[:1] != next(iter(row.values()))[:1] for token in row.values()):
        return False
    try:
        found = [_NESTED.decode(token) for token in row.values()]
    except msgspec.DecodeError:  # a value that holds none
        return False
    first = [*found[0]]
    if isinstance(found[0], dict):
        same = all([*one] == first for one in found)
        return same and bool(first) and (_numbered(first) or _numbered([*row]))
    return len(first) > 1 and len({*map(len, found)}) == 1


def _numbered(keys: Sequence[str]) -> bool:
    return [*keys] == [str(number) for number in range(len(keys))]


def _written(path: str) -> str:
    """As YAML has a text."""
    plain = all(hints.key(key) == key for key in path.split("."))
    return path if plain else json.dumps(path, ensure_ascii=False)


def arrays(head: bytes) -> Iterator[str]:
    """The keys that lead to arrays of objects, as far as `head` goes."""
    document = Document(io.BytesIO(head), "")
    try:
        yield from _below(document, ())
    except BadRow:  # it goes on, or is none
        return


def _below(document: Document, path: tuple[str, ...]) -> Iterator[str]:
    """Look at one value."""
    begun = document.next()
    if begun == b"[":
        document.take(1)
        said = all(key and "." not in key for key in path)  # by `records`
        if path and said and document.next() == b"{":
            yield ".".join(path)
        document.data = b"[" + document.data
    if begun != b"{" or len(path) == _DEEPEST:
        document.skip()
        return
    document.take(1)
    if document.next() == b"}":
        document.take(1)
        return
    while True:
        key = document.key()
        yield from _below(document, (*path, key))
        if document.expect(b",", b"}") == b"}":
            return


def _many(head: bytes) -> bool:
    """Do several objects stand one behind the other, each in a line?"""
    document = Document(io.BytesIO(head), "")
    try:
        document.skip()
        first = document.line
        return document.next() == b"{" and document.line > first == 1
    except BadRow:
        return False
