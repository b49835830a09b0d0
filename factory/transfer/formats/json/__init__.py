"""JSON documents: an array of objects, or one within objects, in a stream.

The file is cut into blocks of whole elements; these are read as lines of JSON are, by the same
code, so that numbers, texts and objects come out as they do there.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from functools import partial

from factory.definitions.formats import Json
from factory.definitions.formats.json import WHOLE, keys
from factory.stores.model import Store
from factory.transfer.bad_rows import BadRows
from factory.transfer.compression import opened
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader, jsonl
from factory.transfer.formats.json.array import Elements, Whole, elements
from factory.transfer.formats.jsonl.document import Document
from factory.transfer.formats.jsonl.guess import format_of
from factory.transfer.target import Target


def open(
    fs: Store,
    sources: Sequence[str],
    given: Json,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    return jsonl.table(fs, sources, given, bad, target, partial(_blocks, given))


def _blocks(given: Json, fs: Store, source: str, bad: BadRows | None) -> Iterator[Elements | Whole]:
    with opened(fs, source) as file:
        document = Document(file, source)
        if not document.next():
            raise document.wrong("the file is empty", "An array without rows is `[]`")
        if given.records == WHOLE:
            line = document.line
            yield Whole(document.rest(), line)
            return
        yield from _array(document, keys(given), given.records)
        if document.next():
            said = f"behind the document stands {document.shown()}"
            raise document.wrong(said, "A file is one document; objects in lines are `jsonl`")


def _array(document: Document, path: Sequence[str], records: str | None) -> Iterator[Elements]:
    """The rows that a path leads to; what stands beside it is passed over. Raises `BadRow`."""
    if not path:
        if document.next() != b"[":
            raise _no_array(document, records)
        document.take(1)
        yield from elements(document)
        return
    if document.next() != b"{":
        said = f"expected an object with the key {path[0]!r}, not {document.shown()}"
        raise document.wrong(said, _hint(document))
    document.take(1)
    yield from _member(document, path, records)


def _no_array(document: Document, records: str | None) -> BadRow:
    if records is None:
        said = f"the document begins with {document.shown()}, expected an array"
        return document.wrong(said, format_of(document.data))
    said = f"`records: {records}` leads to {document.shown()}, expected an array"
    if document.next() != b"{":
        return document.wrong(said)
    hint = f"Name the array in that object, as `{records}.items`; `records: .` makes the whole"
    return document.wrong(said, f"{hint} document one row")


def _hint(document: Document) -> str | None:
    return "The array is the document: leave `records` out" if document.data[:1] == b"[" else None


def _member(document: Document, path: Sequence[str], records: str | None) -> Iterator[Elements]:
    line, others, found = document.line, list[str](), False
    ended = document.next() == b"}"
    document.take(int(ended))
    while not ended:
        key = document.key()
        if key != path[0]:
            others.append(key)
            document.skip()
        elif found:
            raise document.wrong(f"the key {key!r} stands there twice")
        else:
            found = True
            yield from _array(document, path[1:], records)
        ended = document.expect(b",", b"}") == b"}"
    if not found:
        said = f"the document has no key {path[0]!r} (`records`)"
        raise document.wrong(said, _meant(document, path[0], others), line)


def _meant(document: Document, key: str, others: Sequence[str]) -> str:
    if document.next() == b"{":
        return "One object in each line is `format: jsonl`"
    near = difflib.get_close_matches(key, others, 1)
    return f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(others[:10])}"
