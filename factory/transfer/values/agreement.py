"""One type for a column that files have as several: every value of each keeps what it says.

Used wherever files meet: by the reader of one task, and for what several tasks staged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer.errors import BadRow

AS_WRITTEN = b"factory.as_written"
"""Of a field whose type was inferred: a value, as text, is what stands in the file."""

GUESSED = b"factory.guessed"
"""Of a field whose type the values of the day, or the table of the day, told."""

SOURCE_TYPE = b"factory.postgres"
"""Of a field that was read from a database: what it is in PostgreSQL."""

_WHOLE = ("int8", "int16", "int32", "int64")
_UNITS = ("s", "ms", "us", "ns")
_TEXTS = (pa.string(), pa.string_view(), pa.large_string())


def as_written(field: pa.Field) -> pa.Field:
    """Mark a field."""
    return field.with_metadata({**(field.metadata or {}), AS_WRITTEN: b"true"})


def is_as_written(field: pa.Field) -> bool:
    """Is it marked?"""
    return AS_WRITTEN in (field.metadata or {})


def guessed(schema: pa.Schema, declared: Collection[str]) -> pa.Schema:
    """Mark the fields that are not declared."""
    return pa.schema(
        field
        if field.name in declared
        else field.with_metadata({**(field.metadata or {}), GUESSED: b"true"})
        for field in schema
    )


def has_guesses(schema: pa.Schema) -> bool:
    """Is a field marked? The same values may have other types on another day then."""
    return any(GUESSED in (field.metadata or {}) for field in schema)


def is_bytes(kind: pa.DataType) -> bool:
    """Is it a text, or binary?"""
    t = pa.types
    return bool(
        kind in _TEXTS
        or t.is_binary(kind)
        or t.is_large_binary(kind)
        or t.is_binary_view(kind)
        or t.is_fixed_size_binary(kind)
    )


def decoded(kind: pa.DataType) -> pa.DataType:
    """Without dictionaries, whose small indexes have no room for the values of several files."""
    t = pa.types
    if t.is_dictionary(kind):
        return decoded(kind.value_type)
    if t.is_list(kind) or t.is_large_list(kind):
        field = kind.value_field
        made = pa.list_ if t.is_list(kind) else pa.large_list
        return made(field.with_type(decoded(field.type)))
    if t.is_struct(kind):
        return pa.struct([field.with_type(decoded(field.type)) for field in kind])
    return kind


def common(one: pa.Field, other: pa.Field) -> pa.Field | None:
    """A field that takes the values of both, each as it is or refused where it stands."""
    kind = _common(one.type, other.type)
    if kind is not None:
        return _better(one, other).with_type(kind)
    for text, inferred in ((one, other), (other, one)):
        if text.type in _TEXTS and is_as_written(inferred):
            return text
    return None


def _better(one: pa.Field, other: pa.Field) -> pa.Field:
    """What is said of a column, by the file that has values in it; a mark only if both have it."""
    if pa.types.is_null(one.type):
        return other
    if pa.types.is_null(other.type) or is_as_written(other):
        return one
    kept = {key: value for key, value in (one.metadata or {}).items() if key != AS_WRITTEN}
    return one.with_metadata(kept or None)


def _common(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    t = pa.types
    if one == other or t.is_null(other):
        return one
    if t.is_null(one):
        return other
    if t.is_dictionary(one) or t.is_dictionary(other):
        plain = (kind.value_type if t.is_dictionary(kind) else kind for kind in (one, other))
        return _common(*plain)
    if one in _TEXTS and other in _TEXTS:
        return pa.large_string()
    if t.is_timestamp(one) and t.is_timestamp(other):
        return _finer(one, other)
    if t.is_decimal(one) and t.is_decimal(other):
        return _wider(one, other)
    return _numbers(one, other)


def _numbers(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    both = {one, other}
    if all(str(kind) in _WHOLE for kind in both):
        return max(both, key=lambda kind: kind.bit_width)
    if all(str(kind) in _WHOLE or pa.types.is_floating(kind) for kind in both):
        return pa.float64()  # the cast refuses a whole number that no double is
    return None


def _finer(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    if (one.tz is None) != (other.tz is None):
        return None
    return max(one, other, key=lambda kind: _UNITS.index(kind.unit))


def _wider(one: pa.DataType, other: pa.DataType) -> pa.DataType | None:
    scale = max(one.scale, other.scale)
    digits = scale + max(one.precision - one.scale, other.precision - other.scale)
    if digits > 76:
        return None
    return pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(digits, scale)


def cast(column: pa.Array, field: pa.Field, source: str) -> pa.Array:
    """The values as the agreed type. Raises `BadRow` for one that would change."""
    if column.type == field.type:
        return column
    if column.null_count == len(column):
        return pa.nulls(len(column), field.type)
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid as error:
        raise BadRow(
            f"{source}: column {field.name!r} is {column.type} here and {field.type} in other "
            f"files, and a value would change: {error}"
        ) from None


def agreed(found: Mapping[str, pa.Schema], nulls: Mapping[str, frozenset[str]]) -> pa.Schema:
    """One schema for files of the same names, in the order of the first.

    `nulls` are a file's columns without a value: they have the others' type. Raises `BadRow`.
    """
    first, *_ = found.values()
    fields = {}
    for name in first.names:
        told = {path: schema.field(name) for path, schema in found.items()}
        full = {path: field for path, field in told.items() if name not in nulls.get(path, ())}
        fields[name] = _one(name, full or told)
    return pa.schema(list(fields.values()))


def _one(name: str, told: Mapping[str, pa.Field]) -> pa.Field:
    (owner, field), *others = told.items()
    for path, other in others:
        _refuse_altered(field, owner, other, path)
        both = common(field, other)
        if both is None:
            raise BadRow(
                f"the column {name!r} is {field.type} in {owner}, but {other.type} in {path}",
                "Declare its type under `columns` of the format",
            )
        if both.type != field.type:
            owner = path
        field = both
    return field


def _refuse_altered(one: pa.Field, owner: str, other: pa.Field, path: str) -> None:
    """The type of one would round or cut what is of the other, or be another than the table's."""
    was, now = ((field.metadata or {}).get(SOURCE_TYPE, b"").decode() for field in (one, other))
    if was != now:
        raise BadRow(
            f"the column {one.name!r} was {was or 'of another type'} when {owner} was read, and "
            f"{now or 'of another type'} when {path} was: somebody altered the table meanwhile",
            "Clear the whole group of the step: it reads all of the table again",
        )


def empty_columns(parquet: pq.ParquetFile) -> frozenset[str]:
    """The columns of a file that hold nothing but nulls, as far as its statistics tell."""
    metadata = parquet.metadata
    # once for all: a file may have thousands of columns
    places = {metadata.schema.column(n).path: n for n in reversed(range(metadata.num_columns))}
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return frozenset(
        field.name
        for field in parquet.schema_arrow
        if metadata.num_rows == 0 or _is_empty(field, groups, places)
    )


def _is_empty(
    field: pa.Field, groups: Sequence[pq.RowGroupMetaData], places: Mapping[str, int]
) -> bool:
    if pa.types.is_null(field.type):
        return True
    if field.type.num_fields:  # its leaves are the columns of the file
        return False
    for group in groups:
        chunk = group.column(places[field.name])
        found = chunk.statistics
        if found is None or not found.has_null_count or found.null_count != chunk.num_values:
            return False
    return True
