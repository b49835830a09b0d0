"""What the oldest Python and Airflow that we take would not read; the lock has neither."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import factory

FILES = sorted(Path(factory.__file__).parent.rglob("*.py"))


def nodes() -> Iterator[tuple[Path, ast.AST]]:
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            yield file, node


def test_every_class_variable_says_its_type() -> None:
    """On Python 3.10, `typing.get_type_hints` refuses a bare `ClassVar`: no kind would load."""
    bare = [
        f"{file}:{node.lineno}"
        for file, node in nodes()
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.annotation) == "ClassVar"
    ]
    assert bare == []


def test_airflow_s_errors_are_taken_from_where_each_version_has_them() -> None:
    """In 3.1, `airflow.sdk.exceptions` has but `AirflowException` of those that we use."""
    taken = {
        name.name
        for _, node in nodes()
        if isinstance(node, ast.ImportFrom) and node.module == "airflow.sdk.exceptions"
        for name in node.names
    }
    assert taken == {"AirflowException"}
