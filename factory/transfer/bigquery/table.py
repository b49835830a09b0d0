"""Tables: their names, what they have, how one is made."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from factory.definitions import identifiers
from factory.definitions.warehouses import BIGQUERY
from factory.transfer.bigquery.api import Api, Facts, path
from factory.transfer.bigquery.errors import CHANGED, NOT_FOUND, TAKEN, Refused
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.warehouse import parts
from factory.transfer.warehouse.parts import Column
from factory.transfer.warehouse.warehouse import not_found

OURS = "_factory_"
EXPIRES = 86_400
"""Seconds that a table stays which a killed load has left."""
UNPUBLISHED = "A load makes this table. If it is killed before it publishes, the table vanishes."
_LOADED_AT = "_PARTITIONTIME"
_LEAST = {
    "INT64": str(-(2**63)),
    "DATE": "DATE '0001-01-01'",
    "DATETIME": "DATETIME '0001-01-01T00:00:00'",
    "TIMESTAMP": "TIMESTAMP '0001-01-01T00:00:00+00:00'",
}


@dataclass(frozen=True)
class Table(parts.Table):
    """A table; without a project, one of the project whose jobs are begun."""

    project: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.project, self.schema, self.name) if part)

    @property
    def sql(self) -> str:
        """Its name, quoted."""
        return expression(self).sql(dialect=BIGQUERY.dialect)

    def noted(self, name: str, dialect: str) -> str:
        """See `parts.Table`."""
        return self.beside(name).sql

    def beside(self, name: str) -> Table:
        """Another table of its dataset."""
        return Table(self.schema, name, self.project)

    def dataset(self, api: Api) -> str:
        """The address of its dataset."""
        return path(self.project or api.project, "datasets", self.schema)

    def address(self, api: Api) -> str:
        """Its address."""
        return f"{self.dataset(api)}/{path('tables', self.name)}"

    def reference(self, api: Api) -> dict[str, str]:
        """As the API names it."""
        project = self.project or api.project
        return {"projectId": project, "datasetId": self.schema, "tableId": self.name}


def expression(table: parts.Table) -> exp.Table:
    """A table in SQL; `Table` says its project, too."""
    project = getattr(table, "project", "") or None
    return exp.table_(table.name, db=table.schema or None, catalog=project, quoted=True)


def parse(name: str) -> Table:
    """Read a table's name. Raises `BadOption`."""
    project, schema, table = parts.split(name, BIGQUERY)
    if wrong := identifiers.wrong_letter((schema, table), BIGQUERY):
        raise BadOption(wrong[0], f"Write {wrong[1]}")
    return Table(schema, table, project)


def quoted(name: str) -> str:
    """A column's name in SQL."""
    return exp.to_identifier(name, quoted=True).sql(dialect=BIGQUERY.dialect)


def literal(text: str) -> str:
    """A text in SQL."""
    return exp.Literal.string(text).sql(dialect=BIGQUERY.dialect)


@dataclass(frozen=True)
class Existing(parts.Existing):
    """A target that is there."""

    made_at: int = 0  # milliseconds since 1970: another one for a table that is made anew
    relaxed: frozenset[str] = frozenset()  # columns that may be given nulls, and take none yet
    facts: Facts = field(default_factory=dict)

    @property
    def unpublished(self) -> bool:
        """Whether it was made for a load that has not been published: it vanishes by itself."""
        return self.facts.get("description") == UNPUBLISHED

    def every(self, alias: str = "") -> str:
        """A condition that all rows meet, where no query runs without one on the partitions."""
        by = self.facts.get("timePartitioning") or self.facts.get("rangePartitioning") or {}
        told = self.facts.get("requirePartitionFilter") or by.get("requirePartitionFilter")
        if not (by and told):
            return ""
        name = by.get("field")
        kinds = {column.casefold(): kind for column, kind in self.columns.items()}
        kind = kinds[name.casefold()] if name else "TIMESTAMP"
        column = f"{alias}.{quoted(name or _LOADED_AT)}" if alias else quoted(name or _LOADED_AT)
        return f"({column} IS NULL OR {column} >= {_LEAST[kind]})"


def location(api: Api, table: Table) -> str:
    """Where its dataset is. Raises `Missing`."""
    try:
        return str(api.ask("GET", table.dataset(api))["location"])
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
    known = api.ask("GET", path(table.project or api.project, "datasets")).get("datasets", ())
    names = [each["datasetReference"]["datasetId"] for each in known]
    raise not_found(f"there is no dataset {table.schema!r} for {table}", table.schema, names)


def look(api: Api, table: Table) -> Facts | None:
    """What BigQuery says of a table or a view; None: there is none."""
    try:
        return api.ask("GET", table.address(api))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise
        return None


def existing(api: Api, table: Table, names: Sequence[str] = ()) -> Existing | None:
    """The target. A column is called as in `names`, where only the case differs.

    Raises `TransferError` for what no rows can be loaded into.
    """
    facts = look(api, table)
    if facts is None:
        return None
    if facts["type"] != "TABLE":
        raise TransferError(f"{table} is a {facts['type']}, not a table")
    return existing_of(facts, names)


def existing_of(facts: Facts, names: Sequence[str] = ()) -> Existing:
    """A target that is there; see `existing`."""
    spelled = {name.casefold(): name for name in names}
    fields: dict[str, Facts] = {
        spelled.get(f["name"].casefold(), str(f["name"])): f for f in fields_of(facts)
    }
    filled = frozenset(name for name, f in fields.items() if f.get("defaultValueExpression"))
    required = frozenset(name for name, f in fields.items() if f.get("mode") == "REQUIRED")
    return Existing(
        {name: type_of(field) for name, field in fields.items()},
        optional=filled,
        generated=frozenset(),
        required=required - filled,
        never_null=required,
        owned=True,
        made_at=int(facts["creationTime"]),
        facts=facts,
    )


def fields_of(facts: Facts) -> Sequence[Facts]:
    """The columns."""
    found: Sequence[Facts] = facts.get("schema", {}).get("fields", ())
    return found


_WORDS = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_FIELDS = {word: name for name, word in _WORDS.items()}
_SIZED = re.compile(r"(\w+)\((\d+)(?:, (\d+))?\)")


def type_of(field: Mapping[str, Any]) -> str:
    """A column's type, as SQL writes it."""
    kind = _WORDS.get(field["type"], field["type"])
    if kind in ("RECORD", "STRUCT"):
        inner = ", ".join(f"{quoted(f['name'])} {type_of(f)}" for f in field["fields"])
        kind = f"STRUCT<{inner}>"
    elif digits := [field[name] for name in ("maxLength", "precision", "scale") if name in field]:
        kind = f"{kind}({', '.join(map(str, digits))})"
    elif "range" in kind.lower():
        kind = f"RANGE<{field['rangeElementType']['type']}>"
    return f"ARRAY<{kind}>" if field.get("mode") == "REPEATED" else kind


def field_of(name: str, kind: str, description: str = "") -> Facts:
    """A column as the API has it, of a type that is no STRUCT."""
    found: Facts = {"name": name, "mode": "NULLABLE"}
    if kind.startswith("ARRAY<"):
        kind, found["mode"] = kind[len("ARRAY<") : -1], "REPEATED"
    if sized := _SIZED.fullmatch(kind):
        kind = sized[1]
        if kind in ("STRING", "BYTES"):
            found["maxLength"] = sized[2]
        else:
            found |= {"precision": sized[2], **({"scale": sized[3]} if sized[3] else {})}
    if description:
        found["description"] = description
    return {**found, "type": _FIELDS.get(kind, kind)}


@dataclass(frozen=True)
class Options:
    """What a table is made with.

    :param partition_by: a column, whose days are partitions unless `granularity` says others.
    :param expires_after: seconds.
    """

    partition_by: str = ""
    granularity: str = "DAY"
    cluster_by: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    descriptions: Mapping[str, str] = field(default_factory=dict)
    expires_after: float | None = None

    def unpublished(self, now: float) -> Facts:
        """As the API has them, of a table that vanishes unless a load is published."""
        until = str(round((now + EXPIRES) * 1000))
        return {**self._facts(), "description": UNPUBLISHED, "expirationTime": until}

    def published(self, table: Table, now: float) -> str:
        """The statement that makes it what it is to be."""
        until = "NULL"
        if self.expires_after is not None:
            until = f"TIMESTAMP_MILLIS({round((now + self.expires_after) * 1000)})"
        said = literal(self.description) if self.description else "NULL"
        options = f"description = {said}, expiration_timestamp = {until}"
        return f"ALTER TABLE {table.sql} SET OPTIONS ({options})"

    def _facts(self) -> Facts:
        found: Facts = {}
        if self.partition_by:
            found["timePartitioning"] = {"type": self.granularity, "field": self.partition_by}
        if self.cluster_by:
            found["clustering"] = {"fields": list(self.cluster_by)}
        if self.labels:
            found["labels"] = dict(self.labels)
        return found


def make(api: Api, table: Table, fields: Sequence[Facts], more: Facts) -> Facts | None:
    """Make a table; None when there was one already."""
    body = {"tableReference": table.reference(api), "schema": {"fields": list(fields)}, **more}
    try:
        return api.ask("POST", f"{table.dataset(api)}/tables", body=body)
    except Refused as error:
        if error.status != TAKEN:
            raise
        return None


def unpublish(api: Api, table: Table, facts: Facts) -> None:
    """Let a table vanish whose first publish has failed, unless it has changed since `facts`."""
    until = str(round((time.time() + EXPIRES) * 1000))
    given = {"description": UNPUBLISHED, "expirationTime": until}
    try:
        api.ask("PATCH", table.address(api), body=given, match=facts.get("etag", ""))
    except Refused as error:
        if error.status not in (NOT_FOUND, CHANGED):
            raise


def drop(api: Api, table: Table) -> None:
    """Remove a table, if there is one."""
    try:
        api.ask("DELETE", table.address(api))
    except Refused as error:
        if error.status != NOT_FOUND:
            raise


def grow(api: Api, table: Table, columns: Sequence[Column]) -> None:
    """Add columns, which take nulls.

    Raises `Refused` when others were added meanwhile: BigQuery takes no schema that lacks some.
    """
    add(api, table, [field_of(column.name, column.type) for column in columns])


def add(api: Api, table: Table, fields: Sequence[Facts]) -> None:
    """Add those of the columns that are not there; see `grow`."""
    there = fields_of(look(api, table) or {})
    known = {field["name"].casefold() for field in there}
    if new := [field for field in fields if field["name"].casefold() not in known]:
        api.ask("PATCH", table.address(api), body={"schema": {"fields": [*there, *new]}})


def relax(api: Api, table: Table, names: Collection[str]) -> None:
    """Let these columns take nulls."""
    there = look(api, table) or {}
    fields = [
        {**field, "mode": "NULLABLE"} if field["name"] in names else field
        for field in fields_of(there)
    ]
    if fields != [*fields_of(there)]:
        api.ask("PATCH", table.address(api), body={"schema": {"fields": fields}})
