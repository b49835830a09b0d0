"""A file of some format, as the table that comes out."""

from typing import Any

import pyarrow as pa

from factory.definitions.formats import Csv, Json, Jsonl, Parquet, Xlsx
from factory.definitions.warehouses import POSTGRES, Holds
from factory.transfer import formats
from factory.transfer.bad_rows import BadRows
from factory.transfer.target import Target

from ...stores.folders import Folder

STRUCTS = {"csv": Csv, "jsonl": Jsonl, "json": Json, "parquet": Parquet, "xlsx": Xlsx}


def read(
    kind: str,
    path: Folder | list[Folder],
    content: bytes | None = None,
    bad: BadRows | None = None,
    holds: Holds = POSTGRES,
    **options: Any,
) -> pa.Table:
    """The rows of these files; the first is made of `content` when that is given."""
    paths = path if isinstance(path, list) else [path]
    if content is not None:
        paths[0].write_bytes(content)
    sources = [str(path) for path in paths]
    store = paths[0].store
    into = Target(holds=holds)
    reader = formats.open(store, sources, STRUCTS[kind](**options), bad or BadRows.fail(), into)
    batches = (batch for source in sources for batch in reader.batches(source))
    return pa.Table.from_batches(batches, reader.schema)


def column(table: pa.Table, name: str = "a") -> list[object]:
    values: list[object] = table.column(name).to_pylist()
    return values
