"""Enums of a source that is PostgreSQL, found again in the database of the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from factory.transfer.postgres.table import Connection, Existing
from factory.transfer.warehouse.parts import Column

NOTE = b"factory.postgres.enum"
"""Of a field that was read from an enum: a JSON object with `schema`, `name` and `labels`."""

NOTED = (
    "CASE WHEN t.typtype = 'e' THEN json_build_object('schema', t.typnamespace::regnamespace::name,"
    " 'name', t.typname, 'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder)"
    " FROM pg_enum WHERE enumtypid = t.oid))::text ELSE '' END"
)
"""The note of the type `t`, of pg_type, as SQL; empty for others."""

# It may have more labels: what is read is one of those that the source has.
_FOUND = """
SELECT format_type(t.oid, NULL),
       has_schema_privilege(n.oid, 'USAGE') AND has_type_privilege(t.oid, 'USAGE')
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
 WHERE t.typtype = 'e' AND n.nspname = %(note)s::json ->> 'schema'
   AND t.typname = %(note)s::json ->> 'name'
   AND NOT EXISTS (SELECT FROM json_array_elements_text(%(note)s::json -> 'labels') label
        WHERE label NOT IN (SELECT enumlabel FROM pg_enum WHERE enumtypid = t.oid))
"""


def found(
    connection: Connection, schema: pa.Schema, existing: Existing | None, columns: Sequence[Column]
) -> tuple[Column, ...]:
    """The columns of the rows in `schema`, with the enums that are here, too.

    COPY takes a label for one, so that nothing has to be made of a text. A new column is none where
    the role may not use the type.
    """
    there = {} if existing is None else existing.columns
    kinds = {
        field.name: found
        for field in schema
        if (note := (field.metadata or {}).get(NOTE)) and (found := _found(connection, note))
    }
    here = {
        name: kind
        for name, (kind, usable) in kinds.items()
        if (there[name] == kind if name in there else usable)
    }
    return tuple(
        replace(column, type=here[column.name], plain=column.type)
        if column.name in here
        else column
        for column in columns
    )


def _found(connection: Connection, note: bytes) -> tuple[str, bool] | None:
    """The type, and whether the role may use it for a column."""
    return connection.execute(_FOUND, {"note": note.decode()}).fetchone()
