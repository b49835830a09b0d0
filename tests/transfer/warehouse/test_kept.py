"""What the ledger keeps of checks."""

from __future__ import annotations

from dataclasses import replace

from factory.definitions.checks import RowCount, Sql, Unique
from factory.definitions.checks.parts import EXAMPLES
from factory.transfer.warehouse import kept
from factory.transfer.warehouse.audit import Result
from factory.transfer.warehouse.parts import Noted


def test_no_row_that_is_an_example_is_kept() -> None:
    check = Unique(columns=["email"], severity="warn")
    said = "email: 1 value in 2 rows are not unique"
    found = Result(check.word, "warn", False, f"{said}{EXAMPLES}email = ada@example.org in 2 rows")
    text = kept.written([check], [found])
    assert "ada" not in text
    (told,) = kept.known([check], Noted(2, "then", text)).results()
    assert (told.message, told.passed, told.asked) == (said, False, True)


def test_no_text_of_a_person_s_sql_is_kept() -> None:
    """It may hold a rendered Variable."""
    check = Sql(condition="name <> 'hunter2'")
    found = Result(
        "sql", "error", False, "name <> 'hunter2' does not hold in 2 rows", {"untrue": 2}
    )
    text = kept.written([check], [found])
    assert "hunter2" not in text
    (told,) = kept.known([check], Noted(2, "then", text)).results()
    assert told == replace(found, message="failed before the rows were published")


def test_a_check_that_was_changed_is_not_told_as_asked() -> None:
    text = kept.written([RowCount(min=1)], [Result("row_count", "error", True, "2 rows")])
    (changed, gone) = kept.known([RowCount(min=9)], Noted(2, "then", text)).results()
    assert (changed.asked, gone.passed) == (False, True)
    assert "before this check was added or changed" in changed.message
