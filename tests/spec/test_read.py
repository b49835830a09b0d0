from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from factory.errors import SpecError
from factory.spec.read import read
from factory.spec.scalars import Doubtful, plain_value
from tests.spec.yaml_text import KEYS, VALUES


def code(path: Path) -> str:
    """The code of the one problem of a file."""
    with pytest.raises(SpecError) as caught:
        read(path, path.name)
    (problem,) = caught.value.diagnostics
    return problem.code


@given(st.binary(max_size=200))
@example(b"\xff\xfe\x00")
@example(b"? : ? : ?")
@example(b"{{{{{{{{")
@example(b"a: !<tag:yaml.org,2002:int> x")
@example(b"0x_: 0b_")
@example(b"&a a: *a")
@example(b"<<: {<<: [{a: 1}, {b: 2}]}")
@example(b"%YAML 9.9\n---\na: 1")
@example(b"%TAG ! tag:x,2000:\n---\n!a b")
@example("a: \u2028 b\u0085c".encode())
def test_reading_any_bytes_gives_a_mapping_or_problems(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "x.yaml"
    path.write_bytes(data)
    try:
        assert isinstance(read(path, "x.yaml").value, dict)
    except SpecError as error:
        problems = error.diagnostics
    else:
        return
    assert problems
    assert all(problem.line >= 1 and problem.column >= 1 for problem in problems)


YAML_CHARACTERS = st.text(st.sampled_from("ab:-?[]{}&*!|>'\"%@`#, \n\t<$~0123."), max_size=40)


@given(YAML_CHARACTERS)
def test_reading_any_text_agrees_with_pyyaml(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("text") / "x.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        value = read(path, "x.yaml").value
    except SpecError:
        return
    assert value == yaml.load(text, Loader=TextDates)


class TextDates(yaml.CSafeLoader):
    """PyYAML's own loader, except that dates stay text."""


TextDates.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)


@given(st.dictionaries(KEYS, VALUES, min_size=1))
def test_what_is_dumped_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, value: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("dump") / "x.yaml"
    path.write_text(yaml.safe_dump(value, allow_unicode=True), encoding="utf-8")
    assert read(path, "x.yaml").value == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-0", 0),
        ("10", 10),
        ("+3", 3),
        ("1_000", 1000),
        ("0x1F", 31),
        ("0b11", 3),
        ("1.5", 1.5),
        ("1.0", 1.0),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("1e3", "1e3"),
        ("08", "08"),
        ("y", "y"),
        ("2024-01-01", "2024-01-01"),
        ("0x_", "0x_"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "No",
        "ON",
        "off",
        "007",
        "-010",
        "12:30",
        "1:30:00",
        "1:30.5",
        ".nan",
        "-.inf",
        "1.0e+999",
        "9223372036854775808",
    ],
)
def test_scalars_that_people_read_differently(text: str) -> None:
    with pytest.raises(Doubtful):
        plain_value(text)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    assert code(tmp_path / "x.yaml") == "not-a-file"


def test_a_socket(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "x.yaml"))
        assert code(tmp_path / "x.yaml") == "not-a-file"


def test_a_device(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("/dev/zero")
    assert code(tmp_path / "x.yaml") == "not-a-file"


def test_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").mkdir()
    assert code(tmp_path / "x.yaml") == "not-a-file"


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("nowhere")
    assert code(tmp_path / "x.yaml") == "broken-link"


def test_a_link_to_itself(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("x.yaml")
    assert code(tmp_path / "x.yaml") == "broken-link"


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    assert code(tmp_path / "x.yaml") == "unreadable"


def test_a_file_whose_bytes_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").symlink_to("/proc/self/mem")  # fails for root as well: EIO
    assert code(tmp_path / "x.yaml") == "unreadable"


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "latin.yaml").write_bytes(b"\xfc")
    (tmp_path / "fine.yaml").write_text("a: b\n")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        code(tmp_path / "folder.yaml")
        code(tmp_path / "latin.yaml")
        read(tmp_path / "fine.yaml", "fine.yaml")
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_is_read_at_most(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(f"a: {'x' * (1024 * 1024 - 3)}")
    assert len(read(path, "x.yaml").value["a"]) == 1024 * 1024 - 3
    path.write_text(f"a: {'x' * (1024 * 1024 - 2)}")
    assert code(path) == "too-large"


def test_at_most_a_hundred_problems_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("a: 1\n" * 5000)
    with pytest.raises(SpecError) as caught:
        read(path, "x.yaml")
    *told, tail = caught.value.diagnostics
    assert len(told) == 100
    assert tail.code == "more-problems"
