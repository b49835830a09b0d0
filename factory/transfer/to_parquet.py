"""Source files of any format → one Parquet file on the stage."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq

from factory.transfer import formats
from factory.transfer.errors import Missing
from factory.transfer.staged import whole

log = logging.getLogger(__name__)

ROW_GROUP = 128 * 1024


@dataclass(frozen=True)
class Converted:
    """A Parquet file and what is in it."""

    path: str
    rows: int
    bytes: int
    columns: dict[str, str]  # name → Arrow type, as text


def to_parquet(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    target_fs: fsspec.AbstractFileSystem,
    target: str,
    *,
    format: Mapping[str, object],
) -> Converted:
    """Stream `sources` of one `format` (`{type: csv, delimiter: ";", …}`) into `target`.

    Memory is bounded by a block of the source and a row group of the target.
    Raises `TransferError`; no file is left behind then.
    """
    if not sources:
        raise Missing("there is no source file")
    started = time.monotonic()
    data = formats.find(format).read(fs, sources, format)
    rows = 0
    with whole(target_fs, target) as temporary:
        with (
            target_fs.open(temporary, "wb") as out,
            pq.ParquetWriter(out, data.schema) as writer,
        ):
            for batch in data.batches:
                writer.write_batch(batch, row_group_size=ROW_GROUP)
                rows += batch.num_rows
        size = int(target_fs.size(temporary))
    seconds = time.monotonic() - started
    log.info("converted %d files: %d rows, %d bytes in %.2f s", len(sources), rows, size, seconds)
    return Converted(target, rows, size, _columns(data.schema))


def _columns(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}
