"""Parquet files → an external table of BigQuery, whose rows stay in a folder of a person's own.

New files are written first. BigQuery reads them into a staging table, which shows that it can, and
which the checks are asked of. One statement lets the table be of these files; those that it was of
go then. So a query sees the rows of before or those of now, unless it is at work meanwhile: for it
BigQuery keeps no files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import pyarrow as pa

from factory import stores
from factory.stores.model import Place
from factory.transfer.bigquery import columns as cols
from factory.transfer.bigquery import ledger, staging
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Facts
from factory.transfer.bigquery.columns import PLAIN_NAME, bare
from factory.transfer.bigquery.errors import Refused
from factory.transfer.bigquery.jobs import Running
from factory.transfer.bigquery.load import Session
from factory.transfer.bigquery.modes import Staged
from factory.transfer.bigquery.table import Existing, literal, quoted
from factory.transfer.errors import TransferError
from factory.transfer.warehouse.load import Again
from factory.transfer.warehouse.parts import Changed, Column

log = logging.getLogger(__name__)

_NONE = Existing({}, frozenset(), frozenset(), frozenset(), owned=True)


@dataclass(frozen=True)
class External(Session):
    """One load's session; the folder of its `source` is that of the table's files."""

    unsure: set[str] = field(default_factory=set)
    """Paths of files whose publish has begun, and may end with a table of them, whoever waits."""

    def existing(self) -> Existing | None:
        """Ask for the table. Raises `TransferError` for one that holds rows itself."""
        facts = self._facts()
        if facts is None:
            return None
        if facts["type"] != "EXTERNAL":
            raise TransferError(
                f"{self.job.target} is a {facts['type']}, and an external table cannot take its "
                "place",
                "Name another table, or drop this one",
            )
        found = tables.existing_of(facts, [column.name for column in self.job.columns])
        return replace(found, made_at=0)  # it is made anew with each load

    def _facts(self) -> Facts | None:
        return tables.look(self.jobs.api, self.job.target)

    def published_before(self, existing: Existing | None, rows: int) -> bool:
        """The same rows again are the same table."""
        return False

    def _entry(self, existing: Existing) -> ledger.Entry | None:
        """The ledger does not note what is replaced: the table tells."""
        found = super()._entry(existing)
        return found if found and found.digest in self._files_of_the_table() else None

    def _content(self, staged: Staged) -> str:
        return self._file(staged).name

    def _publish(self, existing: Existing, staged: Staged) -> str:
        return self._job(staged, "publish")

    def taken_up(self, existing: Existing | None, staged: Staged) -> Changed | None:
        """Its job, at its end, where the table is of the file that it was to be of."""
        for name in self._publishes(existing or _NONE, staged):
            with self._unsure_of(staged):
                done = self.jobs.find(name, leave=True, refuse=False)
            if done is None:
                return None
            if self._is_of(staged):
                self._clear(self._published_files())
                return Changed(staged.rows)
        return None

    def turned(self, existing: Existing | None, columns: Sequence[Column]) -> tuple[Column, ...]:
        """As files have them: no document, and nulls of the table's type."""
        for column in columns:
            if not PLAIN_NAME.fullmatch(column.name):
                raise TransferError(
                    f"the column name {column.name!r} is none of an external table, which takes "
                    "letters without accents, digits and `_`",
                    "Give it another with `rename`",
                )
        kinds: Mapping[str, str] = {} if existing is None else existing.columns
        return tuple(_in_a_file(each, kinds) for each in cols.turned(existing, columns))

    def staging(self, staged: Staged) -> AbstractContextManager[None]:
        """The file of a load that fails goes with its staging table."""
        return self._staging_and_file(staged)

    @contextmanager
    def _staging_and_file(self, staged: Staged) -> Iterator[None]:
        with staging.staging(self.jobs, *self._tables):
            try:
                yield
            except Running:
                raise
            except BaseException:
                file = self._file(staged)
                if file.path not in self.unsure and not self._is_of(staged):
                    file.store.delete(file.path)
                raise

    def _file(self, staged: Staged) -> Place:
        return self.source.via.below(f"{self._job(staged, 'load')}.parquet")

    def copy(self, staged: Staged) -> float:
        """The file stays; a load job shows that BigQuery reads it."""
        started, files = time.monotonic(), self.source.files

        def batches() -> Iterable[pa.RecordBatch]:
            return files.batches(staged.given, cols.on_wire(staged.given), staged.number)

        job = self._job(staged, "load")
        staging.fill_from(self.jobs, self._file(staged), staged, job, batches, keeps=True)
        return time.monotonic() - started

    def write(self, existing: Existing | None, staged: Staged, *, swaps: bool) -> Changed:
        """The table is of the new file; those that it was of go."""
        before = self._files_of_the_table()
        existing = existing or _NONE
        text = ";\n".join([self._made_of(staged), self._record(staged), "SELECT 1;"])
        for name in self._publishes(existing, staged):
            with self._unsure_of(staged):
                done = self.jobs.query(text, name, leave=True)
            if not done.found or self._is_of(staged):
                self._clear({*before, *self._published_files()})
                return Changed(staged.rows)
        raise Again

    @contextmanager
    def _unsure_of(self, staged: Staged) -> Iterator[None]:
        """Whoever is stopped before the end of a publish does not know what will come of it."""
        path = self._file(staged).path
        self.unsure.add(path)
        try:
            yield
        except Refused as error:
            if error.in_vain:  # it has failed, or was not taken
                self.unsure.discard(path)
            raise
        self.unsure.discard(path)

    def _made_of(self, staged: Staged) -> str:
        """The statement by which the table is of the file alone."""
        options, file = self.job.options, self._uri(self._file(staged))
        fields = ", ".join(self._field(column) for column in staged.given)
        said = ["format = 'PARQUET'", f"uris = [{literal(file)}]", "enable_list_inference = true"]
        said.append("decimal_target_types = ['NUMERIC', 'BIGNUMERIC']")
        if options.description:
            said.append(f"description = {literal(options.description)}")
        if options.labels:
            pairs = (f"({literal(k)}, {literal(v)})" for k, v in options.labels.items())
            said.append(f"labels = [{', '.join(pairs)}]")
        table = f"CREATE OR REPLACE EXTERNAL TABLE {self.job.target.sql} ({fields})"
        return f"{table} OPTIONS ({', '.join(said)})"

    def _field(self, column: Column) -> str:
        told = self.job.options.descriptions.get(column.name)
        more = f" OPTIONS (description = {literal(told)})" if told else ""
        return f"{quoted(column.name)} {column.type}{more}"

    def _record(self, staged: Staged) -> str:
        """Note the load, and its file, which may go once the table is of another."""
        noted = (self.job.load_id, self.job.mode.name, staged.rows, self._content(staged))
        checks = ledger.to_keep(self.jobs.api, self.job.target, staged.checked)
        return ledger.record(self.job.target, _NONE, *noted, checks)

    def _uri(self, file: Place) -> str:
        return stores.without_connection(file.uri)

    def _is_of(self, staged: Staged) -> bool:
        """Whether the table is of the file of these rows."""
        return self._uris() == [self._uri(self._file(staged))]

    def _uris(self) -> list[str]:
        facts = self._facts() or {}
        return [*facts.get("externalDataConfiguration", {}).get("sourceUris", ())]

    def _files_of_the_table(self) -> list[str]:
        """The names of files of the folder that the table is of."""
        folder = self._uri(self.source.via.below(""))
        return [uri[len(folder) :] for uri in self._uris() if uri.startswith(folder)]

    def _published_files(self) -> list[str]:
        """The names of files that it was of once, by the ledger."""
        return ledger.digests(self.jobs, self.job.target)

    def _clear(self, known: Collection[str]) -> None:
        """Files of loads before this one go: those alone that were published, and no others."""
        folder, current = self.source.via, {*self._files_of_the_table()}
        try:
            for page in folder.store.list(folder.path.rstrip("/")):
                for file in page.files:
                    name = file.path.rpartition("/")[2]
                    if name in known and name not in current:
                        folder.store.delete(file.path)
        except OSError as error:
            said = error.strerror or error
            log.warning("files of loads before this one stay in %s: %s", folder.uri, said)


def _in_a_file(column: Column, kinds: Mapping[str, str]) -> Column:
    if column.empty:
        kind = kinds.get(column.name, "STRING")
        return replace(column, type=kind, wire=_wire(kind), empty=False, sent="")
    return replace(column, type="STRING", sent="") if column.sent else column


def _wire(kind: str) -> pa.DataType:
    if kind.startswith("ARRAY<"):
        return pa.list_(_wire(kind[len("ARRAY<") : -1]))
    return cols.PLAIN.get(bare(kind), pa.string())


__all__ = ["External"]
