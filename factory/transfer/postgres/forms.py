"""Texts of PostgreSQL's own → the bytes that COPY takes for their type, a whole column at a time.

So the column of such a type is filled at once. A text that is staged as one is altered once it is
there, by which the server writes all rows again.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from factory.transfer.errors import BadRow
from factory.transfer.postgres import columns as cols
from factory.transfer.warehouse.parquet import OnWire
from factory.transfer.warehouse.parts import Column

Form = Callable[[pa.Array], pa.Array]
"""Texts as PostgreSQL writes them, and nulls → binary. Raises `ArrowInvalid` for another text."""

_KNOWS_INFINITY = 170000
"""The version from which an interval may be infinite: before it, its bytes are a finite one."""

_NO_UUID = "00000000-0000-0000-0000-000000000000"
_HOUR, _MINUTE, _SECOND = 3_600_000_000, 60_000_000, 1_000_000  # microseconds
_INTERVAL = (
    r"^(?:(?P<years>[+-]?\d+) years? ?)?(?:(?P<months>[+-]?\d+) mons? ?)?"
    r"(?:(?P<days>[+-]?\d+) days? ?)?(?:(?P<sign>[+-]?)(?P<hours>\d+):(?P<minutes>\d\d)"
    r":(?P<seconds>\d\d)(?:\.(?P<fraction>\d{1,6}))?)?$"
)
_PACKED = struct.Struct(">qii")  # microseconds, days, months
_INFINITE = {
    "infinity": _PACKED.pack(2**63 - 1, 2**31 - 1, 2**31 - 1),
    "-infinity": _PACKED.pack(-(2**63), -(2**31), -(2**31)),
}


def of(kind: str) -> Form | None:
    """The form of a type, as format_type() writes it; None: it has none here."""
    return None if kind.endswith("[]") else _FORMS.get(re.split(r"[ (]", kind, maxsplit=1)[0])


def at_once(columns: Sequence[Column], version: int) -> tuple[Column, ...]:
    """Columns whose texts a PostgreSQL wrote: those of a form are not staged as texts.

    `version` is the server's. A text of another origin may be written otherwise.
    """
    return tuple(
        replace(column, sent="")
        if column.plain and column.sent == "text" and _has_form(column.type, version)
        else column
        for column in columns
    )


def _has_form(kind: str, version: int) -> bool:
    return of(kind) is not None and (of(kind) is not _interval or version >= _KNOWS_INFINITY)


def wired(columns: Sequence[Column]) -> tuple[list[Column], OnWire]:
    """The columns as COPY is given them, and how their batches are made."""
    forms = {column.name: form for column in columns if (form := of(column.sent or column.type))}

    def on_wire(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        names = batch.schema.names
        arrays = [
            _formed(array, name, forms[name]) if name in forms else array
            for name, array in zip(names, batch.columns, strict=True)
        ]
        return cols.on_wire(pa.RecordBatch.from_arrays(arrays, names=names), schema)

    sent = [replace(c, wire=pa.binary()) if c.name in forms else c for c in columns]
    return sent, on_wire


def _formed(texts: pa.Array, name: str, form: Form) -> pa.Array:
    if texts.null_count == len(texts):
        return pa.nulls(len(texts), pa.binary())
    try:
        return form(texts)
    except pa.ArrowInvalid as error:
        raise BadRow(f"column {name!r} holds {error}") from None


def _uuid(texts: pa.Array) -> pa.Array:
    whole = pc.fill_null(texts, _NO_UUID)
    if pc.any(pc.not_equal(pc.binary_length(whole), len(_NO_UUID))).as_py():
        raise pa.ArrowInvalid("a text that is no uuid")
    # without nulls, and of one length: their bytes stand one behind the other
    written = b"".join(whole.cast(pa.binary()).to_pylist()).replace(b"-", b"")
    try:
        data = bytes.fromhex(written.decode())
    except ValueError:
        raise pa.ArrowInvalid("a text that is no uuid") from None
    plain = pa.Array.from_buffers(pa.binary(16), len(texts), [None, pa.py_buffer(data)])
    return pc.if_else(pc.is_valid(texts), plain.cast(pa.binary()), None)


def _jsonb(texts: pa.Array) -> pa.Array:
    version = pa.scalar(b"\x01", pa.binary())
    return pc.binary_join_element_wise(version, texts.cast(pa.binary()), pa.scalar(b""))


def _interval(texts: pa.Array) -> pa.Array:
    infinite = pc.is_in(texts, value_set=pa.array([*_INFINITE]))
    parts = pc.extract_regex(pc.if_else(infinite, None, texts), _INTERVAL)
    if pc.any(pc.and_(pc.xor(pc.is_valid(texts), infinite), pc.is_null(parts))).as_py():
        raise pa.ArrowInvalid("a text that is no interval")
    found = dict(zip([field.name for field in parts.type], parts.flatten(), strict=True))
    sign = pc.if_else(pc.equal(found["sign"], "-"), -1, 1)
    fraction = pc.utf8_rpad(found["fraction"], 6, "0")
    units = ("hours", _HOUR), ("minutes", _MINUTE), ("seconds", _SECOND)
    time = pc.multiply_checked(sign, _number(fraction))
    for name, unit in units:
        signed = pc.multiply_checked(sign, _number(found[name]))
        time = pc.add_checked(time, pc.multiply_checked(signed, unit))
    years = pc.multiply_checked(_number(found["years"]), 12)
    months = pc.add_checked(years, _number(found["months"])).cast(pa.int32())
    days = _number(found["days"]).cast(pa.int32())
    rows = zip(*(part.to_pylist() for part in (time, days, months)), strict=True)
    packed = [None if row[0] is None else _PACKED.pack(*row) for row in rows]
    return pc.coalesce(pa.array(packed, pa.binary()), _infinities(texts))


def _infinities(texts: pa.Array) -> pa.Array:
    """Those that are infinite; the others are null."""
    places = pc.index_in(texts, value_set=pa.array([*_INFINITE]))
    return pa.array([*_INFINITE.values()], pa.binary()).take(places)


def _number(digits: pa.Array) -> pa.Array:
    plain = pc.replace_substring(digits, "+", "")
    return pc.if_else(pc.equal(plain, ""), "0", plain).cast(pa.int64())


_FORMS: Mapping[str, Form] = {"uuid": _uuid, "jsonb": _jsonb, "interval": _interval}
