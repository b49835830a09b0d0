"""One line with a mark under it, whatever the line holds."""

from pathlib import Path

import pytest

from factory.diagnostics import printable
from factory.lint.reporters.snippet import WIDTH, snippet


def shown(tmp_path: Path, text: str | bytes, line: int, column: int, width: int = 1) -> list[str]:
    file = tmp_path / "x.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return [text for _, text in snippet(file, line, column, width)]


@pytest.mark.parametrize(
    ("text", "line", "column", "width", "expected"),
    [
        ("a: 1\nb: two\n", 2, 4, 3, ["b: two", "   ^^^"]),
        ("a: 1\r\nb: two\r\n", 2, 4, 3, ["b: two", "   ^^^"]),
        ("a:\n\tb: 1\n", 2, 1, 1, ["    b: 1", "^^^^"]),
        ("日本: x\n", 1, 5, 1, ["日本: x", "      ^"]),
        ("e\u0301: x\n", 1, 5, 1, ["e\u0301: x", "   ^"]),
        ("a: \x1b[31m\n", 1, 4, 1, ["a: ␛[31m", "   ^"]),
        ("a: \u202ex\n", 1, 5, 1, ["a: <202e>x", "         ^"]),
        ("a: b\u2028c: d\n", 2, 4, 1, ["c: d", "   ^"]),
        (b"a: caf\xe9\n", 1, 7, 1, ["a: caf\ufffd", "      ^"]),
        ("a: 1\n", 1, 99, 5, ["a: 1", "    ^"]),
        ("a: 1\n", 1, 4, 99, ["a: 1", "   ^"]),
        ("a: 1\n", 9, 1, 1, []),
        ("", 1, 1, 1, ["", "^"]),
    ],
)
def test_a_line(
    text: str | bytes, line: int, column: int, width: int, expected: list[str], tmp_path: Path
) -> None:
    assert shown(tmp_path, text, line, column, width) == expected


@pytest.mark.parametrize("column", [1, 50, 5_000, 899_990])
def test_a_very_long_line_is_cut_around_the_column(column: int, tmp_path: Path) -> None:
    text = "".join(chr(97 + number % 26) for number in range(900_000))
    line, mark = shown(tmp_path, text, 1, column, 4)
    assert len(line) <= WIDTH + 2
    assert mark.count("^") == 4
    assert line[mark.index("^") : mark.index("^") + 4] == text[column - 1 : column + 3]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert list(snippet(tmp_path / "nothing.yaml", 1, 1, 1)) == []


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x07\x9b\r\nb") == "a␇<009b>␍␊b"
