"""Rows of a running query, as they come off the wire: many at once, column by column.

PyMySQL makes an object of each row and calls a function for each of its values. Here only the
lengths in a row are looked at; what the values are, Arrow makes of all of a column at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import pymysql
from pymysql.err import raise_mysql_exception

from factory.transfer.mysql.session import CUT, ask

Columns = list[list[bytes | None]]

_CHUNK = 1 << 18  # bytes that are asked for at once
_BATCH = 1 << 20  # bytes of the wire in a batch; what Python holds of small values is much more
_ROWS = 1 << 14
_LONGEST = 0xFFFFFF  # of a packet: a row of 16 MiB and more comes in several
_END, _ERROR = 0xFE, 0xFF
_NULL = 0xFB
_WIDTHS = {0xFC: 2, 0xFD: 3, 0xFE: 8}
_GONE = (2013, "Lost connection to MySQL server during query")


class _File(Protocol):
    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer only at the end."""

    def read1(self, size: int, /) -> bytes:
        """What is there, at least a byte; none at the end."""


def batches(connection: pymysql.Connection[Any], query: str) -> Iterator[Columns]:
    """Run the query; give its columns' values as texts of the server, or None, batch by batch.

    Raises PyMySQL's errors. Who stops early closes the connection.
    """
    connection.query(query, unbuffered=True)
    result: Any = connection._result  # type: ignore[attr-defined]
    result.unbuffered_active = False  # else it reads to the end when it is thrown away
    width = len(result.fields)
    columns: Columns = [[] for _ in range(width)]
    size = 0
    warnings: list[int] = []
    for data, starts in _packets(connection._rfile, warnings):  # type: ignore[attr-defined]
        _split(data, starts, columns)
        size += len(data)
        if size >= _BATCH or len(columns[0]) >= _ROWS:
            yield columns
            columns, size = [[] for _ in range(width)], 0
    if any(warnings):
        _refuse_cut(connection)
    if columns[0]:
        yield columns


def _refuse_cut(connection: pymysql.Connection[Any]) -> None:
    for _, code, _ in ask(connection, "SHOW WARNINGS"):
        if code in CUT:
            raise pymysql.DataError(code, CUT[code])


def _split(data: bytes, starts: list[int], columns: Columns) -> None:
    """Each row's values, to those of their columns. The loop that the time goes into."""
    add_to = [column.append for column in columns]
    for at in starts:
        for add in add_to:
            length = data[at]
            at += 1
            if length > _NULL:
                width = _WIDTHS[length]
                length = int.from_bytes(data[at : at + width], "little")
                at += width
            elif length == _NULL:
                add(None)
                continue
            end = at + length
            add(data[at:end])
            at = end


def _packets(file: _File, warnings: list[int]) -> Iterator[tuple[bytes, list[int]]]:
    """Bytes, and where in them rows begin, until the end of the result, which counts warnings."""
    data, at = b"", 0
    while True:
        starts: list[int] = []
        wanted = 4
        while (have := len(data) - at) >= wanted:
            length = int.from_bytes(data[at : at + 3], "little")
            if length == _LONGEST:
                break
            if have < (wanted := 4 + length):
                break
            first = data[at + 4]
            if first == _ERROR:
                raise_mysql_exception(data[at + 4 : at + wanted])
            if first == _END and length < 9:
                warnings.append(int.from_bytes(data[at + 5 : at + 7], "little"))
                yield data, starts
                return
            starts.append(at + 4)
            at += wanted
            wanted = 4
        yield data, starts
        data, at = data[at:], 0
        if len(data) >= 4 and data[:3] == b"\xff\xff\xff":
            row, data = _long(file, data)
            yield row, [0]
        else:
            data += _more(file, wanted - len(data))


def _more(file: _File, wanted: int) -> bytes:
    """At least some bytes; of a long row all at once, for it would be copied again and again."""
    try:
        found = file.read(wanted) if wanted > _CHUNK else file.read1(_CHUNK)
    except OSError as error:
        raise pymysql.OperationalError(_GONE[0], f"{_GONE[1]} ({error})") from None
    if len(found) < (wanted if wanted > _CHUNK else 1):
        raise pymysql.OperationalError(*_GONE)
    return found


def _long(file: _File, data: bytes) -> tuple[bytes, bytes]:
    """A row in several packets, and what was read beyond it."""
    pieces: list[bytes] = []
    while True:
        while len(data) < 4:
            data += _more(file, 4 - len(data))
        length = int.from_bytes(data[:3], "little")
        while len(data) < 4 + length:
            data += _more(file, max(4 + length - len(data), 1))
        pieces.append(data[4 : 4 + length])
        data = data[4 + length :]
        if length < _LONGEST:
            return b"".join(pieces), data
