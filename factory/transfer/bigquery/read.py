"""A table or a query of BigQuery → Parquet on the stage, as of one moment.

Rows come by the Storage Read API, as Arrow. A query has first become a table of its own, which
BigQuery keeps for a day and asks nothing for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from factory.amounts import size
from factory.definitions import statements
from factory.definitions.reads import Bound, Part, Rows, parts
from factory.definitions.tables import STATEMENT_SECONDS
from factory.definitions.warehouses import BIGQUERY
from factory.stores.model import Store
from factory.transfer import choosing
from factory.transfer.bigquery import columns as cols
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api, Facts
from factory.transfer.bigquery.errors import translated
from factory.transfer.bigquery.jobs import Done, Jobs, Limits
from factory.transfer.bigquery.table import Table, literal, quoted
from factory.transfer.errors import TransferError
from factory.transfer.formats import Reader
from factory.transfer.lineage import NONE, Lineage
from factory.transfer.progress import Progress
from factory.transfer.to_parquet import Converted, staged
from factory.transfer.warehouse.warehouse import not_found, require_columns

log = logging.getLogger(__name__)

_SECONDS = 60.0  # of a call
_OPTIONS = [("grpc.max_receive_message_length", 128 << 20)]
_WINDOWS = {"DATE": "date", "DATETIME": "timestamp", "TIMESTAMP": "timestamptz"}
_SPLIT = ("INT64", "DATE")
_TEXTS = ("JSON", "GEOGRAPHY")
_HOW = "Select what is in it, or make a text of it by TO_JSON_STRING"


def read(
    api: Api,
    rows: Rows,
    store: Store,
    path: str,
    *,
    lineage: Lineage = NONE,
    statement_timeout: float = STATEMENT_SECONDS,
    maximum_bytes_billed: int | None = None,
) -> Converted:
    """Stream the rows into `path`, in bounded memory; there is no file when it fails.

    `statement_timeout` is in seconds, 0 for none. Raises `TransferError`, `Missing`, `BadRow`.
    """
    with translated(rows.label):
        jobs = Jobs(api, None, Limits(statement_timeout, maximum_bytes_billed))
        found = _found(jobs, rows)
        schema = pa.schema([(f["name"], arrow_of(f)) for f in found.fields])
        done = staged(
            *(
                lambda bad: Reader(schema, lambda source: _batches(jobs, found, schema)),
                *([rows.label], store, path),
            ),
            lineage=lineage,
            progress=Progress("reading", rows.label),
            done=f"read {rows.label}",
        )
    log.info("BigQuery: %s billed, %d ms of slots", size(jobs.billed), jobs.slot_ms)
    return done


@dataclass(frozen=True)
class Found:
    """A table to read as it is, or the query whose rows are in it."""

    table: dict[str, str]
    fields: Sequence[Facts]
    done: Done | None = None
    selected: Sequence[str] = ()  # none: all of its columns
    every: str = ""  # a condition that all rows meet, where a table is not read without one


def _found(jobs: Jobs, rows: Rows) -> Found:
    if rows.table:
        table = tables.parse(rows.table)
        jobs.location = tables.location(jobs.api, table)
        facts = _facts(jobs.api, table)
        fields = _chosen(facts, rows, table)
        if facts["type"] == "TABLE" and not (rows.where or rows.window or rows.part):
            every = tables.existing_of(facts).every()
            return Found(table.reference(jobs.api), fields, selected=rows.columns, every=every)
    done = jobs.query(select(jobs, rows))
    target: dict[str, str] = done.facts["configuration"]["query"].get("destinationTable") or {}
    return Found(target, jobs.rows(done, 0)[0], done)


def _facts(api: Api, table: Table) -> Facts:
    facts = tables.look(api, table)
    if facts is None:
        found = api.ask("GET", f"{table.dataset(api)}/tables", query={"maxResults": 1000})
        names = [each["tableReference"]["tableId"] for each in found.get("tables", ())]
        raise not_found(f"there is no table or view {table}", table.name, names)
    return facts


def _chosen(facts: Facts, rows: Rows, table: Table) -> list[Facts]:
    fields = tables.fields_of(facts)
    names = [field["name"] for field in fields]
    require_columns(names, rows.columns, str(table))
    wanted = rows.columns or names
    return [field for field in fields if field["name"] in wanted]


def select(jobs: Jobs, rows: Rows) -> str:
    """The query of the rows. Raises `Missing`."""
    chosen = ", ".join(map(quoted, rows.columns)) or "*"
    conditions = [*_every(jobs, rows), *_conditions(jobs, rows)]
    return f"SELECT {chosen} FROM {_from(rows)}{choosing.where(conditions)}"


def _every(jobs: Jobs, rows: Rows) -> Iterator[str]:
    """A condition that all rows of the table meet, where no query of it is without one."""
    if rows.table:
        facts = tables.look(jobs.api, tables.parse(rows.table))
        if facts is not None and (every := tables.existing_of(facts).every()):
            yield every


def _from(rows: Rows) -> str:
    if rows.table:
        return tables.parse(rows.table).sql
    # its last line may be a comment
    return f"({statements.query(rows.query or '', BIGQUERY.dialect)}\n)"


def _conditions(jobs: Jobs, rows: Rows) -> Iterator[str]:
    def look(column: str) -> choosing.Column:
        kind = _type_of(jobs, rows, column)
        return choosing.Column(quoted(column), kind, _WINDOWS.get(kind, kind))

    return choosing.conditions(rows, BIGQUERY.dialect, look, _literal)


def _literal(bound: Bound, kind: str) -> str:
    return str(bound) if isinstance(bound, int) else f"{kind} {literal(_written(bound))}"


def _written(bound: Any) -> str:
    return bound.isoformat(" ") if isinstance(bound, datetime) else str(bound)


def _type_of(jobs: Jobs, rows: Rows, column: str) -> str:
    """A column's type; nothing is run for it. Raises `Missing`."""
    query = f"SELECT * FROM {_from(rows)}{choosing.where([*_every(jobs, rows)])}"
    fields = {field["name"]: field for field in jobs.read(query)}
    require_columns(fields, [column], rows.label)
    return tables.type_of(fields[column])


def arrow_of(field: Facts) -> pa.DataType:
    """What a column is read as. Raises `TransferError` for what no file of ours holds."""
    kind = tables.type_of(field)
    if inner := re.fullmatch("ARRAY<(.*)>", kind):
        return pa.list_(_plain(field["name"], inner[1]))
    return _plain(field["name"], kind)


def _plain(name: str, kind: str) -> pa.DataType:
    word = cols.bare(kind)
    if word in _TEXTS:
        return pa.string()
    if (found := cols.PLAIN.get(word)) is None:
        raise TransferError(f"the column {name!r} is {kind}, which is not read as it is", _HOW)
    return found


def _batches(jobs: Jobs, found: Found, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    from google.api_core.exceptions import GoogleAPICallError, PermissionDenied

    if not found.table:  # BigQuery has kept no table of its rows
        yield from _by_rest(jobs, found, schema)
        return
    try:
        for batch in _streamed(jobs, found):
            yield batch.select(schema.names).cast(schema)
    except PermissionDenied as error:
        log.warning(
            "the Storage Read API is refused (%s): rows are read by the slower REST API. Give the "
            "login `roles/bigquery.readSessionUser`",
            error.message,
        )
        yield from _by_rest(jobs, found, schema)
    except GoogleAPICallError as error:
        raise TransferError(f"the Storage Read API said: {error.message}") from None


def _streamed(jobs: Jobs, found: Found) -> Iterator[pa.RecordBatch]:
    """One session, which sees one moment."""
    from google.cloud.bigquery_storage import DataFormat, ReadSession

    client = _client(jobs.api)
    try:
        reference = found.table
        table = "projects/{projectId}/datasets/{datasetId}/tables/{tableId}".format(**reference)
        options = ReadSession.TableReadOptions(
            selected_fields=list(found.selected), row_restriction=found.every
        )
        wanted = ReadSession(table=table, data_format=DataFormat.ARROW, read_options=options)
        session = client.create_read_session(
            parent=f"projects/{jobs.api.project}",
            read_session=wanted,
            max_stream_count=1,
            timeout=_SECONDS,
        )
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        for stream in session.streams:
            for message in client.read_rows(stream.name, timeout=jobs.limits.seconds or None):
                data = message.arrow_record_batch.serialized_record_batch
                yield pa.ipc.read_record_batch(pa.py_buffer(data), schema)
    finally:
        client.transport.close()


def _client(api: Api) -> Any:
    from google.cloud.bigquery_storage import BigQueryReadClient

    client: Any = BigQueryReadClient
    if not api.storage:
        return client(credentials=api.credentials)
    import grpc  # type: ignore[import-untyped]

    channel = grpc.insecure_channel(api.storage, options=_OPTIONS)
    return client(transport=client.get_transport_class("grpc")(channel=channel))


def _by_rest(jobs: Jobs, found: Found, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    done = found.done
    if done is None:
        table = Table(found.table["datasetId"], found.table["tableId"], found.table["projectId"])
        chosen = ", ".join(map(quoted, schema.names))
        every = choosing.where([found.every] if found.every else [])
        done = jobs.query(f"SELECT {chosen} FROM {table.sql}{every}")
    for page in jobs.pages_of_rows(done):
        columns = list(zip(*page, strict=True))
        arrays = [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def split(
    api: Api,
    rows: Rows,
    column: str,
    number: int,
    *,
    statement_timeout: float = STATEMENT_SECONDS,
) -> list[Part]:
    """Parts of the rows, by the least and the greatest value of `column`; at least one.

    Raises as `read` does.
    """
    with translated(rows.label):
        jobs = Jobs(api, None, Limits(statement_timeout))
        if rows.table:
            jobs.location = tables.location(api, tables.parse(rows.table))
        ((least, most),) = jobs.asked(bounds(jobs, rows, column))
    return [Part(column)] if least is None else parts(column, least, most, number)


def bounds(jobs: Jobs, rows: Rows, column: str) -> str:
    """The query of the least and the greatest value. Raises `Missing`, `BadOption`."""
    kind = _type_of(jobs, rows, column)
    if kind not in _SPLIT:
        raise choosing.unsplittable(rows, column, kind)
    name = quoted(column)
    return f"SELECT MIN({name}), MAX({name}) FROM ({select(jobs, rows)}\n)"
