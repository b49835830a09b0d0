"""CSV, plain or gzipped (`.gz`), through pyarrow's streaming reader.

pyarrow is fast but infers types from its first block only, and says little about a bad value.
So: types are settled first, then held for all files; only after a failure is the file read
again, slowly, to find the line.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, NoReturn, cast

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from factory.transfer import names
from factory.transfer import options as opt
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.types import arrow_type, type_word

OPTIONS = ("delimiter", "quote", "header", "nulls", "columns", *names.OPTIONS)

INFER_BLOCK = 4 << 20
BLOCK = 2 << 20

# Numbers that a number type would change: a leading zero, more digits than it can hold.
_ZERO = r"^[+-]?0[0-9]"
_LONG = r"^[+-]?[0-9]{16,}(\.0*)?$"


@dataclass(frozen=True)
class _Dialect:
    delimiter: str
    quote: str
    header: bool
    nulls: list[str]


class _Counted(io.RawIOBase):
    """A binary file that counts quotes as they pass.

    pyarrow takes an unclosed quote at a file's end for a value with many lines, in silence;
    an odd count gives it away.
    """

    def __init__(self, file: IO[bytes], quote: str) -> None:
        self._file = file
        self._quote = quote.encode()
        self.quotes = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        data = self._file.read(size)
        self.quotes += data.count(self._quote)
        return data


def open(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    options: Mapping[str, object],
    bad: BadRows,
) -> Reader:
    """See `Format.open`."""
    dialect = _dialect(options)
    declared = {n: arrow_type(w) for n, w in opt.text_map(options, "columns").items()}
    columns = _columns(fs, sources, options, dialect, list(declared))
    for name in declared:
        if name not in columns:
            raise unknown(f"column in 'columns', {sources[0]} has no", name, columns)
    schema = _schema(fs, sources, dialect, columns, declared)
    return Reader(schema, lambda source: _batches(fs, [source], dialect, schema))


def _dialect(options: Mapping[str, object]) -> _Dialect:
    dialect = _Dialect(
        opt.get(options, "delimiter", str, ","),
        opt.get(options, "quote", str, '"'),
        opt.get(options, "header", bool, True),
        opt.texts(options, "nulls") if "nulls" in options else [""],
    )
    for name, value in (("delimiter", dialect.delimiter), ("quote", dialect.quote)):
        if len(value) != 1 or not value.isascii():
            raise BadOption(f"{name!r} must be one ASCII character, not {value!r}")
    return dialect


def _columns(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    options: Mapping[str, object],
    dialect: _Dialect,
    declared: list[str],
) -> list[str]:
    if not dialect.header:
        if not declared:
            raise BadOption("a CSV without a header needs `columns`", "Declare them in order")
        return declared
    columns: list[str] = []
    for source in sources:
        own = names.final(_header(fs, source, dialect), options, source)
        columns = columns or own
        if own != columns:
            raise BadRow(f"{source} has the columns {own}, but {sources[0]} has {columns}")
    return columns


def _header(fs: fsspec.AbstractFileSystem, source: str, dialect: _Dialect) -> list[str]:
    with _slow(fs, source, dialect) as rows:
        try:
            _, header = next(rows, (0, None))
        except csv.Error as error:
            raise BadRow(f"{source}:1: the header can't be read: {error}") from None
    if header is None:
        raise BadRow(f"{source} is empty", "Expected at least a header")
    if any("\ufffd" in name for name in header):
        _find_not_utf8(fs, source)
    return header


def _schema(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    dialect: _Dialect,
    columns: list[str],
    declared: Mapping[str, pa.DataType],
) -> pa.Schema:
    kinds = dict(declared)
    for source in sources:
        if len(kinds) == len(columns):
            break
        # A column that is empty in one file takes its type from the next.
        inferred = _inferred(fs, source, dialect, columns, kinds)
        kinds |= {n: k for n, k in inferred.items() if not pa.types.is_null(k)}
    return pa.schema([(name, kinds.get(name, pa.null())) for name in columns])


def _inferred(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    columns: list[str],
    known: Mapping[str, pa.DataType],
) -> dict[str, pa.DataType]:
    if not _has_rows(fs, source, dialect):
        return {}
    with (
        _explained(fs, source, dialect, columns, known),
        _fast(fs, source, dialect, columns, known, INFER_BLOCK) as (reader, _),
    ):
        schema = reader.schema
    texts = dict.fromkeys(columns, pa.string())
    with (
        _explained(fs, source, dialect, columns, texts),
        _fast(fs, source, dialect, columns, texts, INFER_BLOCK) as (reader, _),
    ):
        sample = reader.read_next_batch()
    return {f.name: _careful(f.type, sample.column(f.name)) for f in schema if f.name not in known}


def _careful(kind: pa.DataType, sample: pa.Array) -> pa.DataType:
    """An inferred type that changes no value: `007` stays a text, 20 digits do not become 1e19."""
    if pa.types.is_integer(kind) and _any(sample, _ZERO):
        return pa.string()
    if pa.types.is_floating(kind) and (_any(sample, _ZERO) or _any(sample, _LONG)):
        return pa.string()
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time(kind):
        return pa.time64("us")
    return pa.string() if pa.types.is_binary(kind) else kind


def _any(sample: pa.Array, pattern: str) -> bool:
    return pc.any(pc.match_substring_regex(sample, pattern)).as_py() is True


def _batches(
    fs: fsspec.AbstractFileSystem, sources: Sequence[str], dialect: _Dialect, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    kinds = dict(zip(schema.names, schema.types, strict=True))
    for source in sources:
        if not _has_rows(fs, source, dialect):
            continue
        with (
            _explained(fs, source, dialect, schema.names, kinds),
            _fast(fs, source, dialect, schema.names, kinds, BLOCK) as (reader, file),
        ):
            yield from reader
            if file.quotes % 2:
                _find_unclosed(fs, source, dialect)


@contextmanager
def _fast(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    columns: Sequence[str],
    kinds: Mapping[str, pa.DataType],
    block: int,
) -> Iterator[tuple[pacsv.CSVStreamingReader, _Counted]]:
    with _open(fs, source) as plain:
        file = _Counted(plain, dialect.quote)
        reader = pacsv.open_csv(
            pa.PythonFile(file, mode="r"),
            read_options=pacsv.ReadOptions(
                # Given here and not read: names in a file may repeat, ours do not.
                column_names=list(columns),
                skip_rows_after_names=1 if dialect.header else 0,
                block_size=block,
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict(kinds),
                null_values=dialect.nulls,
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        with reader:
            yield reader, file


@contextmanager
def _open(fs: fsspec.AbstractFileSystem, source: str) -> Iterator[IO[bytes]]:
    with fs.open(source, "rb") as raw:
        if source.endswith(".gz"):
            with gzip.open(raw, "rb") as plain:
                yield cast(IO[bytes], plain)
        else:
            yield raw


@contextmanager
def _slow(
    fs: fsspec.AbstractFileSystem, source: str, dialect: _Dialect, *, strict: bool = False
) -> Iterator[Iterator[tuple[int, list[str]]]]:
    """Rows by the standard library, each with the number of its first line. No blank lines."""
    with _unzipped(source), _open(fs, source) as plain:
        text = io.TextIOWrapper(plain, encoding="utf-8-sig", errors="replace", newline="")
        reader = csv.reader(
            text, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict
        )

        def rows() -> Iterator[tuple[int, list[str]]]:
            line = 1
            for row in reader:
                if row:
                    yield line, row
                line = reader.line_num + 1

        yield rows()
        with suppress(ValueError):
            text.detach()


def _has_rows(fs: fsspec.AbstractFileSystem, source: str, dialect: _Dialect) -> bool:
    with _slow(fs, source, dialect) as rows:
        if dialect.header:
            next(rows, None)
        try:
            return next(rows, None) is not None
        except csv.Error:
            return True


@contextmanager
def _unzipped(source: str) -> Iterator[None]:
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise BadRow(f"{source} is not a whole gzip file: {error}") from error


@contextmanager
def _explained(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    columns: Sequence[str],
    kinds: Mapping[str, pa.DataType],
) -> Iterator[None]:
    try:
        with _unzipped(source):
            yield
    except pa.ArrowInvalid as error:
        _explain(fs, source, dialect, columns, kinds, str(error))


_COLUMN = re.compile(r"In CSV column #(\d+): ", re.DOTALL)
_VALUE = re.compile(
    r"(?:invalid value|Error converting|expected (?:a|no) zone offset in) '(.*)'", re.DOTALL
)


def _explain(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    columns: Sequence[str],
    kinds: Mapping[str, pa.DataType],
    said: str,
) -> NoReturn:
    if "UTF8" in said:
        _find_not_utf8(fs, source)
    if "straddling" in said:
        _find_unclosed(fs, source, dialect)
        raise BadRow(f"{source} holds a row of more than {BLOCK >> 20} MiB")
    if column := _COLUMN.match(said):
        _find_value(fs, source, dialect, columns, kinds, int(column[1]), said)
    _find_ragged(fs, source, dialect, len(columns))
    raise BadRow(f"{source}: {said.partition(':')[0]}")


def _find_value(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    columns: Sequence[str],
    kinds: Mapping[str, pa.DataType],
    number: int,
    said: str,
) -> NoReturn:
    name = columns[number]
    kind = kinds.get(name, pa.string())
    value = match[1] if (match := _VALUE.search(said)) else None
    line, value = _line_of(fs, source, dialect, number, value, kind)
    problem = f"is not {type_word(kind)}"
    if pa.types.is_null(kind):
        problem = "is the first value, far from the start; its type is not known"
    raise BadRow(
        f"{source}:{line or '?'}: column {name!r}: {value!r} {problem}",
        f"Declare the column (`columns: {{{name}: text}}`), or the value as missing "
        f"(`nulls: ['', …]`)",
    )


def _line_of(
    fs: fsspec.AbstractFileSystem,
    source: str,
    dialect: _Dialect,
    number: int,
    value: str | None,
    kind: pa.DataType,
) -> tuple[int | None, str | None]:
    """The first line whose field is `value`, or without one, is not of this `kind`."""
    with suppress(csv.Error), _slow(fs, source, dialect) as rows:
        if dialect.header:
            next(rows, None)
        for line, row in rows:
            if len(row) <= number or (value is None and row[number] in dialect.nulls):
                continue
            if row[number] == value or (value is None and not _converts(row[number], kind)):
                return line, row[number]
    return None, value


def _converts(value: str, kind: pa.DataType) -> bool:
    try:
        pa.array([value]).cast(kind)
    except pa.ArrowInvalid:
        return False
    return True


def _find_not_utf8(fs: fsspec.AbstractFileSystem, source: str) -> None:
    with _open(fs, source) as plain:
        for line, data in enumerate(plain, 1):
            try:
                data.decode()
            except UnicodeDecodeError as error:
                raise BadRow(
                    f"{source}:{line}: byte {error.start + 1} of the line "
                    f"({data[error.start]:#04x}) is not UTF-8"
                ) from None


def _find_unclosed(fs: fsspec.AbstractFileSystem, source: str, dialect: _Dialect) -> None:
    line, following = 0, 1
    with _slow(fs, source, dialect, strict=True) as rows:
        try:
            for line, row in rows:
                following = line + 1 + sum(field.count("\n") for field in row)
        except csv.Error as error:
            raise BadRow(
                f"{source}:{following}: a quote ({dialect.quote}) that opens here is not closed: "
                f"{error}",
                "If it is part of a text, it must be doubled; else set `quote`",
            ) from None


def _find_ragged(
    fs: fsspec.AbstractFileSystem, source: str, dialect: _Dialect, expected: int
) -> None:
    with suppress(csv.Error), _slow(fs, source, dialect) as rows:
        for line, row in rows:
            if len(row) != expected:
                raise BadRow(f"{source}:{line}: {len(row)} fields, expected {expected}")
