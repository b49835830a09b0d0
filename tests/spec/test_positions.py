from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from factory.diagnostics import Path as ValuePath
from factory.spec import positions
from factory.spec.read import read
from factory.spec.syntax import split_lines
from tests.spec.yaml_text import VALUES


def scalars(value: Any, path: ValuePath = ()) -> list[tuple[ValuePath, Any]]:
    if isinstance(value, dict):
        return [leaf for key, entry in value.items() for leaf in scalars(entry, (*path, key))]
    if isinstance(value, list):
        return [leaf for key, entry in enumerate(value) for leaf in scalars(entry, (*path, key))]
    return [(path, value)]


def text_at(text: str, place: positions.Place) -> str:
    """What stands from a place to its end."""
    lines = split_lines(text)[place.line - 1 : place.end[0]]
    lines[-1] = lines[-1][: place.end[1] - 1]
    lines[0] = lines[0][place.column - 1 :]
    return "\n".join(lines)


@given(VALUES, st.booleans(), st.sampled_from([None, "|", '"', "'"]))
def test_every_scalar_stands_at_its_place(value: Any, flow: bool, style: str | None) -> None:
    text = yaml.safe_dump(
        {"top": value}, allow_unicode=True, default_flow_style=flow, default_style=style, width=60
    )
    root = positions.build(text)
    for path, scalar in scalars({"top": value}):
        place, reached = positions.locate(root, path)
        assert reached == path
        found = text_at(text, place)
        assert yaml.safe_load(found) == scalar or (scalar == "" and found in ("", "''"))
        if isinstance(path[-1], str):
            key = split_lines(text)[place.key_line - 1][place.key_column - 1 :]
            assert key[:1] in (path[-1][:1], '"', "'", "?", "|", ">", "!")


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("a: 1\nb: [x, y]\n", ("b", 1), (2, 8)),
        ("a: {b: {c: d}}\n", ("a", "b", "c"), (1, 12)),
        ("a:\n  - b: 1\n    c: 2\n", ("a", 0, "c"), (3, 8)),
        ("é: ü\n", ("é",), (1, 4)),
        ("a: &x {b: 1}\nc: *x\n", ("c", "b"), (1, 11)),
        ("a: &x {b: 1, d: 2}\nc:\n  <<: *x\n  d: 3\n", ("c", "b"), (1, 11)),
        ("a: &x {b: 1, d: 2}\nc:\n  <<: *x\n  d: 3\n", ("c", "d"), (4, 6)),
        ("a: &x {b: 1}\ny: &y {e: 1}\nc:\n  <<: [*x, *y]\n", ("c", "e"), (2, 11)),
        ('"<<": {b: 1}\n', ("<<", "b"), (1, 11)),
        ("a:\r\n  b: c\r\n", ("a", "b"), (2, 6)),
    ],
)
def test_places(text: str, path: ValuePath, place: tuple[int, int]) -> None:
    found, reached = positions.locate(positions.build(text), path)
    assert reached == path
    assert (found.line, found.column) == place


def test_what_is_not_there_is_told_at_its_nearest_ancestor() -> None:
    found, reached = positions.locate(positions.build("a:\n  b: 1\n"), ("a", "c", 0))
    assert reached == ("a",)
    assert (found.line, found.key_line) == (2, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: x ${b}\n", (1, 6)),
        ("a: 'x ${b}'\n", (1, 7)),
        ('a: "${b}"\n', (1, 5)),
        ("a: |\n  x\n  y ${b}\n", (3, 5)),
        ("a: >-\n  x\n  ${b}\n", (3, 3)),
        ("a: $${b} ${b}\n", (1, 10)),
        ("a: x\n  ${b}\n", (2, 3)),
        ('a: "${\\x62}"\nc: ${b}\n', None),
    ],
)
def test_a_part_of_a_text_is_found(text: str, place: tuple[int, int] | None) -> None:
    found, _ = positions.locate(positions.build(text), ("a",))
    assert positions.find(text, found, "${b}") == place


@given(VALUES)
def test_positions_hold_every_value_that_is_read(
    tmp_path_factory: pytest.TempPathFactory, value: Any
) -> None:
    path = tmp_path_factory.mktemp("read") / "x.yaml"
    path.write_text(yaml.safe_dump({"top": value}), encoding="utf-8")
    document = read(Path(path), "x.yaml")
    root = positions.build(document.text)
    for where, _ in scalars(document.value):
        assert positions.locate(root, where)[1] == where
