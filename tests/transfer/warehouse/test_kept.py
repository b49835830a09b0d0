"""What the ledger keeps of checks."""

from __future__ import annotations

from factory.definitions.checks import Unique
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
