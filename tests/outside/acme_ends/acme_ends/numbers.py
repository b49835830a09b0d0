"""Made-up rows: to try a pipeline out before its data is there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

from msgspec import Meta

from factory.definitions.formats import Csv
from factory.ends.handover import FILES, Files
from factory.fields import Strict
from factory.plan.kind import Step, task
from factory.plan.model import Output
from factory.problem import Problem

FORMAT = Csv(columns={"number": "bigint", "square": "bigint"}, select=["number", "square"])
FileUri = Annotated[str, Meta(pattern=r"^file:///.*\.csv$", title="file URI")]
Rows = Annotated[int, Meta(ge=1)]


class Numbers(Strict, frozen=True, kw_only=True, tag="acme_numbers", tag_field="type"):
    """Numbers from 1 on, each with its square, written into a CSV file."""

    gives: ClassVar[tuple[str, ...]] = (FILES,)

    path: Annotated[
        FileUri,
        Meta(
            description="The file that is written. Jinja templates are filled in.",
            examples=["file:///data/numbers-{{ interval.day }}.csv"],
        ),
    ]
    rows: Annotated[Rows, Meta(description="So many rows.")] = 10

    def reads(self) -> tuple[str, ...]:
        """Nothing: the rows are made up."""
        return ()

    def hand_over(self, step: Step, way: str) -> Files:
        """A task writes the file, and hands its URI on."""
        arguments = {"path": self.path, "rows": self.rows}
        made = task(step, "make", "acme_ends.make_numbers.MakeNumbers", arguments)
        return Files(format=FORMAT, tasks=(made,), files=Output(made.id))

    def problems(self) -> Iterator[Problem]:
        """What a person may have got wrong; places are those in the step's arguments."""
        if self.rows > 3_037_000_499:
            message = f"the square of {self.rows} is too large for a column"
            yield Problem(("source", "rows"), "out-of-bounds", message, "at most 3037000499")
