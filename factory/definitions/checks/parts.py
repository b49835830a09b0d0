"""What the checks share: field types, what one provides, what it may ask of the rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol

from msgspec import Meta

from factory import literals
from factory.amounts import counted
from factory.definitions.errors import BadOption, unknown
from factory.diagnostics import Path
from factory.fields import Strict, word_of
from factory.problem import Problem

if TYPE_CHECKING:
    from sqlglot.expressions import Expr, Select

Severity = Annotated[
    Literal["error", "warn"],
    Meta(description="`error` fails the task; `warn` is a warning in its log and in its result."),
]
EXAMPLES = ", for example "
"""What stands before values of rows in the message of a check."""

# What a template leaves is looked at when the task runs: only what is typed is held to these, by
# the schema. A `${…}` becomes a number before.
Template = Annotated[str, Meta(extra_json_schema={"pattern": r"\{\{|\$\{"}, title="template")]
Text = Annotated[str, Meta(extra_json_schema={"minLength": 1})]
Count = Annotated[int, Meta(ge=0)]
Share = Annotated[float, Meta(ge=0)]
Column = Annotated[Text, Meta(description="Name of a column.", examples=["fare_amount"])]
Columns = Annotated[
    list[Text],
    Meta(description="Names of columns.", examples=[["pickup_at", "fare_amount"]], min_length=1),
]
Bound = int | float | Text


class Answers(NamedTuple):
    """What a query gave: the types of its columns, in the warehouse's words, and its rows."""

    types: Sequence[str]
    rows: Sequence[tuple[Any, ...]]


class Rows(Protocol):
    """The rows that are checked, in whichever warehouse they stand.

    Expressions are sqlglot's, and said in the warehouse's own dialect.
    """

    @property
    def types(self) -> Mapping[str, str]:
        """Each column's type, in the warehouse's words, without its modifiers."""

    @property
    def as_of(self) -> datetime:
        """The moment that ages are told from; it has a time zone."""

    @property
    def previous_rows(self) -> int | None:
        """Rows of the previous load; None: there was none."""

    def select(self, *wanted: Expr, also: Expr | None = None) -> Select:
        """A query over the rows, or over those that meet a condition, too."""

    def ask(self, query: Expr, most: int | None = None) -> Answers:
        """Run a query, and give so many rows of its answer at most."""

    def understood(self, what: str, query: Expr) -> Sequence[str]:
        """Let the warehouse read a query that yields no rows: the types of its columns.

        Raises `BadOption`, which says that it is `what` that the warehouse refuses.
        """

    def value(self, column: str, text: str) -> Expr:
        """A value in the type of a column."""

    def text(self, column: str) -> Expr:
        """A column as text, no longer than what is shown of it."""

    def whole_text(self, value: Expr) -> Expr:
        """A value as text."""

    def matches(self, column: str, pattern: str) -> Expr:
        """The condition that a column's value holds a match of a regular expression."""

    def pattern(self, pattern: str) -> Expr:
        """Something that the warehouse refuses when this is no regular expression."""

    def mostly(self, column: str, good: Expr, bad: Expr) -> Expr:
        """`bad`, perhaps in a form that is faster where most values are `good`."""

    def moment(self, column: str, value: Expr) -> Expr | None:
        """A value of a column as a moment; what has no zone is UTC. None: it is no time."""

    def instant(self, moment: datetime) -> Expr:
        """A moment, to be compared with others."""

    def age(self, since: Expr, moment: Expr) -> Expr:
        """Seconds from one moment to another, as a float; null where there is no number."""

    def filled(self, sql: str) -> Expr:
        """A person's SQL, with the table's name in place of each `{table}`."""


class Finding(NamedTuple):
    """What a check makes of its numbers."""

    passed: bool
    message: str
    measured: dict[str, Any]
    bad: Expr | None = None  # the condition that failing rows meet
    shown: str = ""  # the column whose values are shown when rows have no key


class Plain(Strict, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """A check. Its fields are what a person writes; most have none of the rest but `judge`."""

    if TYPE_CHECKING:
        severity: Severity

    @property
    def word(self) -> str:
        """Its `type`."""
        return word_of(self)

    def problems(self, place: Path) -> Iterator[Problem]:
        """What is wrong whatever the rows are."""
        yield from ()

    def named(self, place: Path) -> Iterator[tuple[Path, str]]:
        """The columns that it names, with their places."""
        yield from ()

    @property
    def about(self) -> tuple[str, ...]:
        """The columns that it is about."""
        return tuple(dict.fromkeys(name for _, name in self.named(())))

    def prepare(self, columns: Sequence[str]) -> None:
        """What `problems` says, of what templates left. Raises `BadOption`."""

    def verify(self, rows: Rows) -> None:
        """Ask the warehouse whether this makes sense. Raises `BadOption`."""

    def aggregates(self, rows: Rows) -> dict[str, Expr]:
        """Name → aggregate, measured for all checks in one pass over the table."""
        return {}

    def measure(self, rows: Rows, measured: Mapping[str, Any]) -> dict[str, Any]:
        """What takes a query of its own, given what the pass measured and the number of `rows`."""
        return {}

    @abstractmethod
    def judge(self, rows: Rows, measured: Mapping[str, Any]) -> Finding:
        """Judge all that was measured."""


class OfColumn(Plain, frozen=True, kw_only=True):
    """A check of one column."""

    column: Column

    def problems(self, place: Path) -> Iterator[Problem]:
        """A name that no column has."""
        yield from literals.column(self.column, (*place, "column"), filled=True)

    def named(self, place: Path) -> Iterator[tuple[Path, str]]:
        """The one."""
        yield (*place, "column"), self.column

    def prepare(self, columns: Sequence[str]) -> None:
        """It is there."""
        if not self.column:
            raise BadOption(f"the check {self.word} needs a `column`")
        _require(self, columns)


class OfColumns(Plain, frozen=True, kw_only=True):
    """A check of some columns."""

    columns: Columns

    def problems(self, place: Path) -> Iterator[Problem]:
        """Names that no column has, or that stand twice."""
        place = (*place, "columns")
        yield from literals.columns(self.columns, place, filled=True)
        for index, name in literals.repeated(self.columns):
            message = f"the column {name!r} stands here twice"
            yield Problem((*place, index), "one-of", message, expected="each column once")

    def named(self, place: Path) -> Iterator[tuple[Path, str]]:
        """Each of them."""
        yield from (((*place, "columns", index), name) for index, name in enumerate(self.columns))

    def prepare(self, columns: Sequence[str]) -> None:
        """They are there."""
        _require(self, columns)


def _require(check: Plain, columns: Sequence[str]) -> None:
    for name in check.about:
        if name not in columns:
            raise unknown(f"column in the check {check.word}", name, columns)


def crossed(least: float | str | None, most: float | str | None, place: Path) -> Iterator[Problem]:
    """A least value above the greatest."""
    low, high = _comparable(least), _comparable(most)
    numbers = isinstance(low, float) and isinstance(high, float) and low > high
    moments = isinstance(low, datetime) and isinstance(high, datetime) and low > high
    if numbers or moments:
        message, expected = "min is above max", f"at most {most}"
        yield Problem((*place, "min"), "out-of-bounds", message, expected=expected)


def _comparable(value: float | str | None) -> float | datetime | None:
    """What can be compared here; of texts, dates and timestamps without a zone."""
    if not isinstance(value, str):
        return None if value is None else float(value)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo else moment


def castable(rows: Rows, check: str, column: str, texts: Iterable[str]) -> None:
    """Are these values of the column's type? Raises `BadOption` for the first that is not."""
    from sqlglot import exp

    for text in texts:  # one by one: the warehouse's message alone does not tell which column's
        kind = rows.types[column]
        what = f"{shown(text)!r} in the check {check} is no {kind}, which the column {column} is"
        rows.understood(what, exp.select(rows.value(column, text)))


def name_of(column: str) -> Expr:
    """A column, its name quoted."""
    from sqlglot import exp

    return exp.column(column, quoted=True)


def count_of(bad: Expr | None = None) -> Expr:
    """How many rows there are, or how many meet a condition."""
    from sqlglot import exp

    count = exp.Count(this=exp.Star())
    return exp.Filter(this=count, expression=exp.Where(this=bad)) if bad is not None else count


def either(conditions: Iterable[Expr]) -> Expr:
    """One of them holds."""
    from sqlglot import exp

    return exp.or_(*conditions)


SAMPLES = 5
"""So many failing rows, or values, are shown."""
LONGEST = 60
"""So many characters of a value are shown."""


def text_of(value: object) -> str:
    """A value of YAML, as a warehouse reads it in any type."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return str(value)


def many(count: int, what: str = "row") -> str:
    """`1 row`, `1,203 rows`."""
    return counted(count, what)


def named(columns: Sequence[str], texts: Sequence[str | None]) -> str:
    """`id = 5, day = 2024-01-01`"""
    return ", ".join(
        f"{name} = {'null' if text is None else shown(text)}"
        for name, text in zip(columns, texts, strict=True)
    )


def shown(text: str) -> str:
    """Cut a text to a sane length and escape what would disturb a log."""
    cut = text if len(text) <= LONGEST else text[:LONGEST] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)
