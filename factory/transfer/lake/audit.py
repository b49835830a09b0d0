"""The checks of a load into files: measured on its staged batches, judged as a warehouse's are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Protocol, cast

import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions import checks as defined
from factory.definitions.checks import Check
from factory.definitions.checks.parts import EXAMPLES, SAMPLES, named, text_of
from factory.definitions.formats import Csv
from factory.fields import seconds
from factory.transfer.errors import BadOption
from factory.transfer.lake.rows import batches
from factory.transfer.progress import Progress
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import spelling
from factory.transfer.values.types import type_word
from factory.transfer.warehouse.audit import Result, prepare, tell
from factory.transfer.warehouse.parquet import Files

if TYPE_CHECKING:
    from sqlglot.expressions import Expr


def audit(
    files: Files,
    schema: pa.Schema,
    checks: Sequence[Check],
    as_of: datetime | None = None,
    previous: int | None = None,
) -> list[Result]:
    """Every check's result, each of them logged; one pass over the columns that they name.

    :param previous: rows of the load before this one.

    Raises `BadOption` for a check that makes no sense here, `ChecksFailed` for one that failed.
    """
    prepare(checks, schema.names)
    moment = as_of or datetime.now(timezone.utc)
    measures = [_MEASURES[type(check)](check, schema, moment) for check in checks]
    names = sorted({name for check in checks for name in check.about})
    with Progress("checking the rows", rows=files.rows) as progress:
        for batch in batches(files, schema, names) if names else ():
            for measure in measures:
                measure.see(batch)
            progress.add(rows=batch.num_rows)
    rows = _Rows({f.name: type_word(f.type) for f in schema}, previous)
    results = [
        _judged(check, rows, {"rows": files.rows, **measure.measured()}, measure.samples)
        for check, measure in zip(checks, measures, strict=True)
    ]
    tell(files.rows, results)
    return results


def _judged(
    check: Check, rows: _Rows, measured: Mapping[str, Any], samples: Sequence[str]
) -> Result:
    found = check.judge(cast(Any, rows), measured)
    message = found.message
    if samples and not found.passed:
        shown = ("; ").join(named(check.about, [text]) for text in samples)
        message = f"{message}{EXAMPLES}{shown}"
    return Result(check.word, check.severity, found.passed, message, found.measured, check.about)


@dataclass(frozen=True)
class _Rows:
    """What a verdict asks of the rows, beside what was measured."""

    types: Mapping[str, str]
    previous_rows: int | None

    def value(self, column: str, text: str) -> Expr:
        """A value, for a condition that nobody runs here."""
        from sqlglot import exp

        return exp.Literal.string(text)


class _Measure(Protocol):
    samples: list[str]

    def see(self, batch: pa.RecordBatch) -> None:
        """Count these rows, too."""

    def measured(self) -> dict[str, Any]:
        """All of it, by the names that the check's verdict has for it."""


@dataclass
class _Nothing:
    """The number of rows is known."""

    samples: list[str] = field(default_factory=list)

    def see(self, batch: pa.RecordBatch) -> None: ...

    def measured(self) -> dict[str, Any]:
        return {}


@dataclass
class _Nulls:
    nulls: dict[str, int]
    samples: list[str] = field(default_factory=list)

    def see(self, batch: pa.RecordBatch) -> None:
        for name in self.nulls:
            self.nulls[name] += batch.column(name).null_count

    def measured(self) -> dict[str, Any]:
        return self.nulls


@dataclass
class _Bad:
    """Values of one column that are not as they should be."""

    column: str
    wrong: Callable[[pa.Array], pa.BooleanArray]
    count: int = 0
    samples: list[str] = field(default_factory=list)

    def see(self, batch: pa.RecordBatch) -> None:
        values = batch.column(self.column)
        found = values.filter(pc.fill_null(self.wrong(values), False))
        self.count += len(found)
        if len(self.samples) < SAMPLES:
            texts = [text for text in _texts(pc.unique(found)) if text not in self.samples]
            self.samples += texts[: SAMPLES - len(self.samples)]

    def measured(self) -> dict[str, Any]:
        return {"bad": self.count}


@dataclass
class _Within(_Bad):
    """The same, with the least and the greatest value."""

    least: pa.Scalar | None = None
    most: pa.Scalar | None = None

    def see(self, batch: pa.RecordBatch) -> None:
        super().see(batch)
        found = pc.min_max(batch.column(self.column))
        ends = (self.least, self.most, found["min"], found["max"])
        if known := [each for each in ends if each is not None and each.is_valid]:
            both = pc.min_max(pa.array([each.as_py() for each in known], known[0].type))
            self.least, self.most = both["min"], both["max"]

    def measured(self) -> dict[str, Any]:
        least, most = (None if each is None else _text(each) for each in (self.least, self.most))
        return {"outside": self.count > 0, "count": self.count, "least": least, "most": most}


@dataclass
class _Newest:
    column: str
    max_age: float
    as_of: datetime
    newest: datetime | None = None
    shown: str | None = None
    samples: list[str] = field(default_factory=list)

    def see(self, batch: pa.RecordBatch) -> None:
        found = pc.max(batch.column(self.column))
        if found.is_valid:
            moment = _moment(found.as_py())
            if self.newest is None or moment > self.newest:
                self.newest, self.shown = moment, _text(found)

    def measured(self) -> dict[str, Any]:
        if self.newest is None:
            return {"newest": None, "fresh": False, "age": None}
        fresh = self.newest >= self.as_of - timedelta(seconds=self.max_age)
        age = (self.as_of - self.newest).total_seconds()
        return {"newest": self.shown, "fresh": fresh, "age": age}


def _moment(value: date | datetime) -> datetime:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value if value.tzinfo else value.replace(tzinfo=timezone.utc)


def _of_values(check: defined.AcceptedValues, schema: pa.Schema, _: datetime) -> _Bad:
    texts = list(dict.fromkeys(map(text_of, check.values)))
    accepted = _values(check, schema, texts)
    return _Bad(check.column, lambda values: _others(values, accepted))


def _others(values: pa.Array, accepted: pa.Array) -> pa.BooleanArray:
    return pc.and_(pc.is_valid(values), pc.invert(pc.is_in(values, value_set=accepted)))


def _of_range(check: defined.Range, schema: pa.Schema, _: datetime) -> _Within:
    least, most = (
        None if bound is None else _values(check, schema, [text_of(bound)])[0]
        for bound in (check.min, check.max)
    )
    return _Within(check.column, lambda values: _outside(values, least, most))


def _outside(values: pa.Array, least: pa.Scalar | None, most: pa.Scalar | None) -> pa.BooleanArray:
    """NaN is the greatest of all numbers."""
    found = pa.array([False] * len(values))
    if least is not None:
        found = pc.or_(found, pc.less(values, least))
    if most is not None:
        found = pc.or_(found, pc.greater(values, most))
        if pa.types.is_floating(values.type):
            found = pc.or_(found, pc.is_nan(values))
    return found


def _of_age(check: defined.Freshness, schema: pa.Schema, as_of: datetime) -> _Newest:
    kind = schema.field(check.column).type
    if not (pa.types.is_date(kind) or pa.types.is_timestamp(kind)):
        raise BadOption(
            "the check freshness needs dates or timestamps, the column "
            f"{check.column} is {type_word(kind)}"
        )
    return _Newest(check.column, seconds(check.max_age), as_of)


def _values(check: Any, schema: pa.Schema, texts: Sequence[str]) -> pa.Array:
    """What the check names, as values of its column. Raises `BadOption`."""
    kind = schema.field(check.column).type
    if pa.types.is_nested(kind):
        raise BadOption(f"the check {check.word} needs plain values, {check.column} is {kind}")
    values = pa.nulls(0, kind)
    for text in texts:
        values = pa.concat_arrays([values, _value(check, kind, text)])
    return values


def _value(check: Any, kind: pa.DataType, text: str) -> pa.Array:
    for written in _ways(text, kind):
        with suppress(pa.ArrowException, NotImplementedError):
            done = convert(pa.array([written]), kind, _UTC, inferred=False)
            if done.bad is None and not done.values.null_count:
                return done.values.cast(kind)
    word = type_word(kind)
    raise BadOption(
        f"{text!r} in the check {check.word} is no {word}, which the column {check.column} is"
    )


_UTC = spelling(Csv(timezone="UTC"))


def _ways(text: str, kind: pa.DataType) -> Iterator[str]:
    """As it stands; a day is its midnight where moments are compared, a moment its day."""
    yield text
    if pa.types.is_timestamp(kind):
        yield f"{text} 00:00:00"
    if pa.types.is_date(kind):
        yield text[:10]


def _texts(values: pa.Array) -> list[str]:
    return [_text(value) for value in values]


def _text(value: pa.Scalar) -> str:
    try:
        return str(value.cast(pa.string()).as_py())
    except pa.ArrowException:
        return str(value)


_MEASURES: Mapping[type, Callable[[Any, pa.Schema, datetime], _Measure]] = {
    defined.RowCount: lambda *_: _Nothing(),
    defined.NotNull: lambda check, *_: _Nulls(dict.fromkeys(check.about, 0)),
    defined.AcceptedValues: _of_values,
    defined.Range: _of_range,
    defined.Freshness: _of_age,
}
