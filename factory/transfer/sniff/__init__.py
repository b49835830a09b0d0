"""A file that nobody has described → the format that reads it, and what is doubtful about it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pyarrow as pa

from factory.definitions.formats import Csv, Format, Jsonl, Parquet, Xlsx
from factory.definitions.formats.columns import words
from factory.stores.model import Store
from factory.transfer import compression, first_bytes, formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.formats.jsonl.guess import json_of
from factory.transfer.sniff.dialect import guess
from factory.transfer.sniff.values import MOST_BAD, columns
from factory.transfer.values.types import type_word
from factory.transfer.zips import members

SAMPLE = 1 << 20
_BLOCK = 2 << 20
_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"  # in cp1252


@dataclass(frozen=True)
class Sniffed:
    """A format, with the types of its columns, by which all rows but `bad` are read."""

    format: Format
    rows: int
    bad: int
    types: dict[str, str]  # name → word
    notes: tuple[str, ...] = ()
    doubts: dict[str, str] = field(default_factory=dict)  # of columns, by name


def sniff(store: Store, path: str, options: Mapping[str, Any] | None = None) -> Sniffed:
    """Look at all of a file, in bounded memory; `options` of its format are taken as they are.

    Raises `BadRow` for what no format reads, `BadOption`.
    """
    options = dict(options or {})
    pattern = options.pop("member", None)
    if pattern is None:
        return _sniffed(store, path, options)
    inside, found = members(store, [path], str(pattern))
    first = next(iter(found))
    read = _sniffed(inside, first, options)
    note = f"of {len(found)} files that match, this is {found[first][1]}"
    given = _with(read.format, {"member": pattern})
    return replace(read, format=given, notes=(note, *read.notes))


def _with(given: Format, options: Mapping[str, Any]) -> Any:
    try:
        told = {**msgspec.to_builtins(given), **options}
        return msgspec.convert(told, type(given), strict=False)
    except msgspec.ValidationError as error:
        raise BadOption(f"the format has no such option, or no such value of it: {error}") from None


def _sniffed(store: Store, path: str, options: Mapping[str, Any]) -> Sniffed:
    with store.open(path) as raw:
        found = first_bytes.known(raw.read(first_bytes.LOOKED_AT))
    if found is not None and found.format == "xlsx":  # which is a zip itself
        return _typed(store, path, _with(Xlsx(), options))
    with compression.opened(store, path) as file:
        head = next(_chunks(file), b"")
    if head.startswith(b"PAR1"):
        return _typed(store, path, _with(Parquet(), options))
    begun = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if begun[:1] in (b"{", b"["):
        return _typed(store, path, _with(json_of(begun), options))
    if options:
        raise BadOption("of a CSV, only `member` can be given: all else is found")
    first_bytes.refuse(head, path, "csv")
    encoding, notes = _encoding(store, path, head)
    dialect = guess(_decoded(head, encoding, path), encoding, whole=len(head) < SAMPLE)

    def open(given: Csv, bad: BadRows) -> formats.Reader:
        return formats.open(store, [path], given, bad)

    read = columns(open, dialect, path)
    notes = [*notes, *dialect.notes, *read.notes]
    if read.bad:
        notes += _why(store, path, read.format)
    types = words(read.format.columns)
    return Sniffed(read.format, read.rows, read.bad, types, tuple(notes), read.doubts)


def _chunks(file: object) -> Iterator[bytes]:
    """The first is as long as the sample, if the file is."""
    reader = io.BufferedReader(file, _BLOCK) if isinstance(file, io.RawIOBase) else file
    head = b""
    while len(head) < SAMPLE and (more := reader.read(SAMPLE - len(head))):  # type: ignore[attr-defined]
        head += more
    yield head
    while more := reader.read(_BLOCK):  # type: ignore[attr-defined]
        yield more


def _typed(store: Store, path: str, given: Jsonl | Parquet | Xlsx) -> Sniffed:
    """A format that has types of its own, or whose reader looks for them."""
    bad = BadRows.quarantine(io.BytesIO(), MOST_BAD)
    reader = formats.open(store, [path], given, bad)
    rows = sum(batch.num_rows for batch in reader.batches(path))
    notes = tuple(_why(store, path, given)) if bad.count else ()
    empty = [column.name for column in reader.schema if pa.types.is_null(column.type)]
    types = {column.name: _word(column.type) for column in reader.schema}
    doubts = dict.fromkeys(empty, "no value in the file")
    if not isinstance(given, Parquet):
        types |= dict.fromkeys(empty, "text")
        given = msgspec.structs.replace(given, columns={**types})
    return Sniffed(given, rows, bad.count, types, notes, doubts)


def _word(kind: pa.DataType) -> str:
    large = pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return type_word(pa.string() if large else kind)


def _why(store: Store, path: str, given: Format) -> Iterator[str]:
    """Why the first row that does not fit does not, and what to do about it."""
    try:
        for _ in formats.open(store, [path], given, BadRows.fail()).batches(path):
            pass
    except BadRow as error:
        yield " ".join(str(error).replace(path, path.rpartition("/")[2]).split())


def _encoding(store: Store, path: str, head: bytes) -> tuple[str, list[str]]:
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name, []
    if b"\0" in head[:2]:
        return ("utf-16-be" if head[:1] == b"\0" else "utf-16-le"), ["UTF-16, by its zero bytes"]
    odd, undefined = _odd(store, path)
    if not odd:
        return "utf-8", []
    name = "latin-1" if undefined else "cp1252"
    return name, [f"the bytes are no UTF-8; they may be {name}: look at the letters with accents"]


def _odd(store: Store, path: str) -> tuple[bool, bool]:
    """Are there bytes that are no UTF-8, and are there any that cp1252 does not have?"""
    decoder = codecs.getincrementaldecoder("utf-8")()
    odd = undefined = False
    with compression.opened(store, path) as file:
        for chunk in _chunks(file):
            undefined = undefined or len(chunk.translate(None, _UNDEFINED)) < len(chunk)
            if not odd:
                odd = not _takes(decoder, chunk)
    return odd or not _takes(decoder, b"", final=True), undefined


def _takes(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(chunk, final)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(head: bytes, encoding: str, path: str) -> bytes:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
    if not text.strip("\ufeff\r\n "):
        raise BadRow(f"{path} is empty", "Expected at least a header")
    return text.removeprefix("\ufeff").encode()
