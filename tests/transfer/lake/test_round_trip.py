"""Any table that is written is read again by our own readers as it was."""

from __future__ import annotations

import datetime as dt
import itertools
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factory.definitions import formats
from factory.definitions.output import CsvFiles, JsonLinesFiles, Output, ParquetFiles
from factory.fields import word_of
from factory.stores.disk import Disk
from factory.transfer.to_parquet import to_parquet
from factory.transfer.values.types import arrow_type

from ..test_round_trip import Column, exactly, sayable, tables
from .conftest import on_disk

FORMATS: list[Output] = [
    ParquetFiles(),
    ParquetFiles(compression="snappy"),
    CsvFiles(),
    CsvFiles(delimiter="tab", null_text="\\N", compression="gzip"),
    CsvFiles(header=False, delimiter=";"),
    JsonLinesFiles(),
    JsonLinesFiles(compression="zstd"),
]
_runs = itertools.count()


def reader(format: Output, columns: dict[str, str]) -> formats.Format:
    options: dict[str, Any] = {"type": word_of(format), "names": "as_is", "columns": columns}
    if isinstance(format, CsvFiles):
        options |= {"delimiter": format.delimiter, "header": format.header, "multiline": True}
        options |= {"nulls": [format.null_text]}
    return formats.of(options)


def moved(table: pa.Table, words: dict[str, str], format: Output, folder: Path) -> pa.Table:
    """Written, and read again."""
    lake = on_disk(folder / str(next(_runs)))
    lake.load(table, format=format)
    sources = [lake.place.below(path).path for path in lake.files()]
    to_parquet(
        *(Disk(), sources, Disk(), f"{lake.place.path}/again.parquet"),
        format=reader(format, words),
    )
    return pq.read_table(f"{lake.place.path}/again.parquet")


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(columns=tables(), format=st.sampled_from(FORMATS))
def test_any_table(columns: list[Column], format: Output, tmp_path: Path) -> None:
    columns = [column for column in columns if not column.type.word.startswith("decimal(7")]
    if isinstance(format, JsonLinesFiles):
        columns = [c for c in map(sayable, columns) if c.type.word != "binary"]
    words = {"n ": "bigint"} | {column.name: column.type.word for column in columns}
    arrays = {"n ": pa.array(range(9), pa.int64())[: len(columns[0].values) if columns else 1]}
    arrays |= {c.name: pa.array(c.values, arrow_type(c.type.word)) for c in columns}
    found = moved(pa.table(arrays), words, format, tmp_path)
    assert found.schema.names == list(words)
    for column in columns:
        read = found[column.name].to_pylist()
        assert list(map(exactly, read)) == list(map(exactly, column.values)), column


@pytest.mark.parametrize("format", FORMATS, ids=str)
def test_the_far_ends_of_types(format: Output, tmp_path: Path) -> None:
    words = {
        "whole": "decimal(76, 0)",
        "small": "decimal(38, 38)",
        "at": "timestamptz",
        "text": "text",
        "double": "double",
        "lists": "bigint[]",
    }
    first, last = dt.datetime(1, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(9999, 12, 31, 23)
    values: dict[str, list[Any]] = {
        "whole": [Decimal(10**76 - 1), None],
        "small": [Decimal(1).scaleb(-38), Decimal(-1).scaleb(-38)],
        "at": [first, last.replace(tzinfo=dt.timezone.utc)],
        "text": ["".join(map(chr, range(1, 300))) + "\u2028😀", ""],
        "double": [5e-324, 1.7976931348623157e308],
        "lists": [[1, None, -(2**63)], []],
    }
    if isinstance(format, CsvFiles):
        del words["lists"], values["lists"]
    table = pa.table(
        {name: pa.array(values[name], arrow_type(word)) for name, word in words.items()}
    )
    assert moved(table, words, format, tmp_path).to_pydict() == table.to_pydict()
