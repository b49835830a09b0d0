"""Pages that say which test holds what they promise: each must be there.

A test is named as `test_name`, `TestClass::test_name`, or with its file, `path/test_file.py::…`.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGES = TESTS.parent / "docs"
_NAMED = re.compile(r"`((?:[\w/]+\.py::)?(?:Test\w+(?:::test_\w+)?|test_\w+))`")


PAGES_OF_PROMISES = [
    *("bigquery.md", "dbt.md", "files.md", "ingest.md", "mysql.md", "nifi.md", "promises.md"),
    "snowflake.md",
]


@pytest.mark.parametrize("page", PAGES_OF_PROMISES)
def test_each_test_that_holds_a_promise_is_there(page: str) -> None:
    named = set(_NAMED.findall((PAGES / page).read_text()))
    assert named
    assert named <= known(), f"no such tests: {sorted(named - known())}"


@cache
def known() -> set[str]:
    """All tests, by each of their names."""
    found = set()
    suites = (*TESTS.rglob("contract.py"), *TESTS.rglob("warehouse/files.py"))
    for file in (*TESTS.rglob("test_*.py"), *suites):
        path = file.relative_to(TESTS).as_posix()
        for name in _tests(ast.parse(file.read_text()).body):
            found |= {name, name.rpartition("::")[2], f"{path}::{name}"}
    return found


def _tests(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name
        elif isinstance(node, ast.ClassDef) and node.name.startswith(
            ("Test", "Contract", "FilesContract")
        ):
            yield node.name
            yield from (f"{node.name}::{name}" for name in _tests(node.body))
