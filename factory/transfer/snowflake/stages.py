"""Where the files of a load lie while COPY reads them: a stage of ours, or one over a bucket.

The stage of ours lives as long as the session, and takes a PUT. One over a bucket is a person's: it
has the integration by which Snowflake reads there, so that no secret is in a statement; the files
are written by our own store.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import IO, Any, Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from factory import stores
from factory.stores.model import File, Place, Store
from factory.transfer.errors import BadOption, TransferError
from factory.transfer.snowflake.names import OURS, Table, literal, quoted
from factory.transfer.snowflake.session import Connection, ask, asked
from factory.transfer.warehouse.warehouse import not_found

LEFT = timedelta(days=1)
"""What is older is of a killed load, of whatever run."""
Batches = Iterable[pa.RecordBatch]
_AT_ONCE = 4  # pieces of a file
_PLAIN = re.compile(r"[\w./=-]*", re.ASCII)
_SCHEMES = {"gcs": "gs", "s3gov": "s3", "s3china": "s3", "s3compat": "s3"}
"""What Snowflake calls those that our stores call otherwise."""


class Stage(Protocol):
    """A place for the files of a load."""

    def sweep(self, of_target: str, of_load: str) -> None:
        """Remove what killed tries of this load left, and what is old of the target's loads."""

    def filled(
        self, connection: Connection, name: Table, files: Iterable[Batches]
    ) -> AbstractContextManager[str]:
        """Put the files of a try there; the folder as SQL names it. They are gone at the end.

        `name` is that of the staging table: of this load and try alone, since a stage knows what
        was loaded.
        """


@dataclass(frozen=True)
class Own:
    """A temporary stage beside the target."""

    def sweep(self, of_target: str, of_load: str) -> None:
        """It went with its session."""

    @contextmanager
    def filled(
        self, connection: Connection, name: Table, files: Iterable[Batches]
    ) -> Iterator[str]:
        """By files of this disk, one at a time."""
        ask(connection, f"CREATE OR REPLACE TEMPORARY STAGE {quoted(name)}")
        place = f"@{quoted(name)}/{name.name.lower()}/"
        with tempfile.TemporaryDirectory(prefix="factory-snowflake-") as folder:
            for number, batches in enumerate(files):
                file = Path(folder) / _called(number)
                with file.open("wb") as out:
                    _write(out, batches)
                _put(connection, place, file)
                file.unlink()
        yield place


def _put(connection: Connection, place: str, file: Path) -> None:
    local = literal(f"file://{file}")
    (done,) = asked(
        connection,
        f"PUT {local} {place.rstrip('/')} AUTO_COMPRESS = FALSE"
        f" SOURCE_COMPRESSION = NONE OVERWRITE = TRUE PARALLEL = {_AT_ONCE}",
    )
    if done["STATUS"] != "UPLOADED":
        raise TransferError(f"{file.name} was not uploaded: {done['STATUS']} {done['MESSAGE']}")


@dataclass(frozen=True)
class External:
    """A folder of a bucket, in a stage that is there.

    :param path: of the folder, below the stage; empty, or ends in `/`.
    :param account: others may have a table of the same name, and files in the same bucket.
    """

    stage: Table
    path: str
    folder: Place
    account: str

    def sweep(self, of_target: str, of_load: str) -> None:
        """By the names of folders."""
        self.folder.store.delete_below(self.folder.below(self._named(of_load)).path)
        before = (datetime.now(timezone.utc) - LEFT).timestamp()
        for file in _files(self.folder, self._named(of_target)):
            if file.changed < before:
                self.folder.store.delete(file.path)

    @contextmanager
    def filled(
        self, connection: Connection, name: Table, files: Iterable[Batches]
    ) -> Iterator[str]:
        """By the bucket's store, in pieces."""
        own, _, attempt = name.name.rpartition("_")
        below = (self._named(own), attempt.lower())
        folder = self.folder.below(*below)
        try:
            for number, batches in enumerate(files):
                with folder.store.writer(folder.below(_called(number)).path) as out:
                    _write(out, batches)
            yield f"@{quoted(self.stage)}/{self.path}{'/'.join(below)}/"
        finally:
            with suppress(OSError):  # what stays, the next load removes
                folder.store.delete_below(folder.path)

    def _named(self, name: str) -> str:
        """The folder of loads; others who read the bucket pass it by: it begins with `_`."""
        digest = hashlib.sha256(self.account.encode()).hexdigest()[:8]
        return f"{OURS}{digest}_{name.removeprefix(OURS)}".lower()


def _files(folder: Place, prefix: str) -> Iterator[File]:
    store: Store = folder.store
    for page in store.list(folder.path.rstrip("/"), deep=True, prefix=prefix):
        yield from page.files


def _called(number: int) -> str:
    return f"{number:05}.parquet"


def _write(out: IO[Any] | Any, batches: Batches) -> None:
    writer: pq.ParquetWriter | None = None
    for batch in batches:
        writer = writer or pq.ParquetWriter(out, batch.schema, compression="zstd")
        writer.write_batch(batch)
    assert writer is not None
    writer.close()


def external(connection: Connection, stage: Table, via: Place, account: str) -> External:
    """The stage of a bucket in which the folder `via` is.

    Raises `Missing` where there is none of the name, `BadOption` where its bucket is another.
    """
    url = _url(connection, stage)
    if not url:
        raise BadOption(
            f"the stage {stage} is Snowflake's own, and not over a bucket",
            "Leave out `via` and `external_stage`: rows go through a stage of the load's then",
        )
    path = below(url, stores.without_connection(via.uri), f"the stage {stage}")
    return External(stage, path, via, account)


def below(url: str, folder: str, label: str = "the stage") -> str:
    """The path of a folder in a stage over `url`; empty, or ends in `/`. Raises `BadOption`."""
    whole, own = _ended(_plain(url)), _ended(folder)
    if not own.startswith(whole):
        raise BadOption(
            f"`via` is {own}, and {label} is over {whole}",
            f"Let `via` be {whole}, with the connection of the bucket, or a folder below it",
        )
    path = own.removeprefix(whole)
    if not _PLAIN.fullmatch(path):
        raise BadOption(
            f"the folder {path} of `via` has characters that no path of a stage has as it stands",
            "Name one of letters without accents, digits, `_`, `-`, `.` and `=`",
        )
    return path


def _url(connection: Connection, stage: Table) -> str:
    """What a stage is over; empty: it is Snowflake's own. Raises `Missing`."""
    place = Table(stage.schema, "", stage.database)
    where = quoted(place) if stage.schema else ""
    found = asked(connection, f"SHOW STAGES{f' IN SCHEMA {where}' if where else ''}")
    urls = {str(each["NAME"]): str(each["URL"] or "") for each in found}
    if stage.name not in urls:
        known = [name for name in urls if not name.startswith("_FACTORY_")]
        raise not_found(f"there is no stage {stage}", stage.name, known)
    return urls[stage.name]


def _plain(url: str) -> str:
    """As our stores write it."""
    scheme, _, rest = url.partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}"


def _ended(uri: str) -> str:
    return f"{uri.rstrip('/')}/"
