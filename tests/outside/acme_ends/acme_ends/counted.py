"""Made-up rows as a stream: nothing is written before the stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from msgspec import Meta

from factory.ends.handover import BATCHES, Batches
from factory.fields import Strict
from factory.plan.kind import Step
from factory.problem import Problem

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Annotated[int, Meta(ge=1)]


class Counted(Strict, frozen=True, kw_only=True, tag="acme_counted", tag_field="type"):
    """Numbers from 1 on, with a word beside each."""

    gives: ClassVar[tuple[str, ...]] = (BATCHES,)

    word: Annotated[str, Meta(description="The word. Jinja templates are filled in.")]
    rows: Annotated[Rows, Meta(description="So many rows.")] = 10

    def reads(self) -> tuple[str, ...]:
        """Nothing: the rows are made up."""
        return ()

    def hand_over(self, step: Step, way: str) -> Batches:
        """A task calls `batches` and stages what that gives."""
        arguments = {"word": self.word, "rows": self.rows}
        columns = frozenset({"number", "word"})
        return Batches(stream="acme_ends.counted:batches", arguments=arguments, columns=columns)

    def problems(self) -> Iterator[Problem]:
        """None but what the JSON Schema says."""
        yield from ()


def batches(word: str, rows: int, at_once: int = 1000) -> pa.RecordBatchReader:
    """The rows, a few at a time."""
    import pyarrow as pa

    schema = pa.schema({"number": pa.int64(), "word": pa.string()})

    def each() -> Iterator[pa.RecordBatch]:
        for start in range(1, rows + 1, at_once):
            numbers = range(start, min(start + at_once, rows + 1))
            yield pa.record_batch([pa.array(numbers), [word] * len(numbers)], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, each())
