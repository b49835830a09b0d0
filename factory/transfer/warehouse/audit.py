"""All checks of a table's rows: one SELECT, a few queries of their own, one verdict each.

A result holds counts and names of rows, never whole rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlglot import exp

from factory.amounts import counted
from factory.definitions.checks import Check, RowCount
from factory.definitions.checks.parts import EXAMPLES, count_of, shown
from factory.errors import said
from factory.transfer.errors import BadRow, ChecksFailed, TransferError
from factory.transfer.warehouse.rows import Guard, Rows, S, raw

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a check found, in numbers; one that was not asked has not passed."""

    type: str
    severity: str
    passed: bool
    message: str
    measured: dict[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    asked: bool = True

    def plain(self) -> dict[str, Any]:
        """As values that JSON has; `asked` where it was not."""
        found = {**asdict(self), "columns": list(self.columns)}
        if self.asked:
            del found["asked"]
        return found


@dataclass(frozen=True)
class _Asked:
    check: Check
    aggregates: dict[str, exp.Expr]


def prepare(checks: Sequence[Check], columns: Sequence[str]) -> None:
    """Look at the checks of a table with these columns, without a warehouse. Raises `BadOption`."""
    for check in checks:
        with _named(check):
            check.prepare(columns)


@contextmanager
def _named(check: Check, *theirs: type[Exception]) -> Iterator[None]:
    """A fault of a check's own code, told with its name; `theirs` are the warehouse's errors.

    Raises `TransferError`.
    """
    passed: tuple[type[Exception], ...] = (TransferError, *theirs)
    try:
        yield
    except passed:
        raise
    except Exception as error:
        raise TransferError(f"the check {check.word} fails: {said(error, 200)}") from error


def verify(rows: Rows[S], checks: Sequence[Check]) -> None:
    """Ask the warehouse whether checks that are prepared make sense; the table may be empty still.

    Raises `BadOption`: a value that is not of its column's type, a pattern or SQL that is wrong.
    """
    _verify_where(rows)
    with rows.reading():
        prepare(checks, rows.subject.columns)
        for check in checks:
            with _named(check, *_theirs(rows)), rows.blaming(f"the check {check.word}"):
                check.verify(rows)
                aggregates = check.aggregates(rows).values()
                rows.ask(rows.select(count_of(), *aggregates).limit(0))


def audit(
    rows: Rows[S], checks: Sequence[Check], guard: Guard[S] | None = None
) -> tuple[int, list[Result]]:
    """The number of rows and every check's result, each of them logged.

    Raises `BadOption`, `BadRow` when the guard refuses the rows or a person's own SQL fails on
    them, and `ChecksFailed` when a check of severity `error` failed.
    """
    count, results = found(rows, checks, guard)
    tell(count, results)
    return count, results


def found(
    rows: Rows[S], checks: Sequence[Check], guard: Guard[S] | None = None
) -> tuple[int, list[Result]]:
    """As `audit`, and nothing is told yet."""
    _verify_where(rows)
    try:
        with rows.reading():
            asked = [_asked(rows, check) for check in checks]
            count, measured = _measure(rows, asked, guard)
            results = [
                _judged(rows, check, numbers)
                for check, numbers in zip(checks, measured, strict=True)
            ]
    except rows.refusals:
        verify(rows, checks)
        _blame(rows, checks, guard)
        raise
    return count, results


def ask(rows: Rows[S], checks: Sequence[Check]) -> None:
    """Only measure, as `audit` does where all is well."""
    with rows.reading():
        _measure(rows, [_asked(rows, check) for check in checks])


def _verify_where(rows: Rows[S]) -> None:
    if where := rows.subject.where:
        rows.understood(
            f"the condition {shown(where)!r} in `where`",
            rows.select(exp.Literal.number(1)).limit(0),
        )


def _theirs(rows: Rows[S]) -> tuple[type[Exception], ...]:
    return (*rows.errors, *rows.refusals)


def _asked(rows: Rows[S], check: Check) -> _Asked:
    with _named(check, *_theirs(rows)):
        return _Asked(check, check.aggregates(rows))


def _measure(
    rows: Rows[S], asked: Sequence[_Asked], guard: Guard[S] | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """Measure everything that aggregates can tell, in one pass over the table."""
    doubt = guard.doubt if guard else raw("NULL")
    wanted = [each for one in asked for each in one.aggregates.values()]
    (row,) = rows.ask(rows.select(count_of(), doubt, *wanted)).rows
    answers = iter(row)
    count = int(next(answers))
    if next(answers) and guard:
        guard.refuse(rows.session)
    measured = []
    for one in asked:
        numbers = {"rows": count} | {name: next(answers) for name in one.aggregates}
        with _named(one.check, *_theirs(rows)):
            measured.append(numbers | one.check.measure(rows, numbers))
    return count, measured


def _judged(rows: Rows[S], check: Check, measured: Mapping[str, Any]) -> Result:
    with _named(check, *_theirs(rows)):
        found = check.judge(rows, measured)
        message = found.message
        if examples := rows.samples(found):
            message = f"{message}{EXAMPLES}{examples}"
        return Result(
            check.word, check.severity, found.passed, message, found.measured, check.about
        )


def _blame(rows: Rows[S], checks: Sequence[Check], guard: Guard[S] | None) -> None:
    """Find why SQL fails on the rows. Raises `BadRow`, or nothing when it fails no more."""
    if guard:
        with rows.reading():
            guard.refuse(rows.session)
    none = RowCount(min=0)
    for check in (none, *checks):
        what = "`where`" if check is none else f"the check {check.word}"
        try:
            with rows.reading():
                _measure(rows, [_asked(rows, check)])
        except rows.of_data as error:
            words, _ = rows.said(error)
            raise BadRow(f"{what} fails on a row: {rows.can.name} said: {words}") from None


def verdicts(results: Sequence[Result]) -> Iterator[str]:
    """How many checks passed, how many did not, and how many were not asked."""
    asked = [result for result in results if result.asked]
    passed = sum(result.passed for result in asked)
    if passed:
        yield f"{counted(passed, 'check')} passed"
    if failed := len(asked) - passed:
        yield f"{counted(failed, 'check')} failed"
    if left := len(results) - len(asked):
        yield f"{counted(left, 'check')} not asked"


def tell(rows: int, results: Sequence[Result]) -> None:
    """Log every result. Raises `ChecksFailed` when one of severity `error` failed."""
    for result in results:
        if not result.asked:
            log.warning("check %s %s", result.type, result.message)
            continue
        level = logging.INFO
        if not result.passed:
            level = logging.WARNING if result.severity == "warn" else logging.ERROR
        word = "passed" if result.passed else "failed"
        log.log(level, "check %s %s: %s", result.type, word, result.message)
    failed = [r for r in results if r.asked and not r.passed and r.severity == "error"]
    if failed:
        told = "; ".join(f"{result.type}: {result.message}" for result in failed)
        raise ChecksFailed(
            f"{counted(len(failed), 'check')} failed: {told}", rows=rows, results=results
        )
