"""What statements would read: BigQuery tells, runs none of them, and asks nothing for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from factory.definitions.reads import Rows
from factory.transfer.bigquery import table as tables
from factory.transfer.bigquery.api import Api, Facts
from factory.transfer.bigquery.jobs import Done, Jobs
from factory.transfer.bigquery.warehouse import BigQuery
from factory.transfer.errors import TransferError


@dataclass(frozen=True)
class Estimate:
    """A statement, and the bytes that it would read; `accuracy` is BigQuery's word."""

    statement: str
    bytes: int
    accuracy: str = ""


class DryRun(Jobs):
    """Jobs that are asked for and not run: each gives one row of zeros, as of an empty table."""

    def __init__(self, api: Api) -> None:
        super().__init__(api, None)
        self.estimates: list[Estimate] = []

    def run(self, name: str, configuration: Mapping[str, Any], *, leave: bool = False) -> Done:
        """Ask. Raises `Refused`, and `TransferError` when BigQuery tells no number."""
        more = dict(configuration["query"])
        text = more.pop("query")
        facts = self.planned(text, **more)
        if (read := facts.get("totalBytesProcessed")) is None:
            raise TransferError("BigQuery does not tell how much it would read, as of some scripts")
        accuracy = facts.get("totalBytesProcessedAccuracy", "")
        self.estimates.append(Estimate(text, int(read), accuracy))
        return Done({"statistics": {"query": facts}})

    def rows(
        self, done: Done, most: int | None = None
    ) -> tuple[Sequence[Facts], list[tuple[Any, ...]]]:
        """The fields, and zeros."""
        schema = done.facts["statistics"]["query"].get("schema", {})
        fields: Sequence[Facts] = schema.get("fields", ())
        return fields, [(0,) * len(fields)]


@dataclass(frozen=True)
class DryBigQuery(BigQuery):
    """BigQuery, whose address is a session that runs nothing."""

    @contextmanager
    def connected(self, address: Any, seconds: float) -> Iterator[DryRun]:
        """It is open."""
        yield address


def located(session: DryRun, rows: Rows) -> DryRun:
    """The session, where the table is that is read. Raises `Missing`."""
    if rows.table:
        session.location = tables.location(session.api, tables.parse(rows.table))
    return session
