"""Each way on that a reader's hint proposes is taken, with the same file: the error is gone."""

import ast
import io
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from factory.spec.read import read as read_spec
from factory.transfer import hints
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import TransferError

from ...stores.folders import Folder
from .reading import read
from .test_csv import BAD as CSV
from .test_csv import small_blocks as small_csv
from .test_csv_refused import ROWS as DIALECTS
from .test_holds import LONG, ROWS, TABLES
from .test_json import BAD as DOCUMENTS
from .test_json import small_blocks as small_json
from .test_jsonl import BAD as JSONL
from .test_jsonl import small_blocks as small_jsonl
from .test_other_files import JSON
from .test_xlsx import BAD as BOOKS
from .test_xlsx import small_blocks as small_xlsx

__all__ = ["small_csv", "small_json", "small_jsonl", "small_xlsx"]

_TYPE = r"`(text|binary|json|bigint|double|decimal\([^`]*\))`"
NAMES: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "no name": (b"a,,b\n1,2,3\n", "", {}),
    "one name": (b"a b,a_b\n1,2\n", "", {}),
    "the same name": (b"a,a\n1,2\n", "", {}),
    "an odd name": (b'"a, b: {c}",a_b_c\n1,2\n', "", {}),
    "a word of YAML": (b"No,no\n1,2\n", "", {}),
    "a backslash in a name": (b"a\\x;b\n1\n", "", {}),
    "too long": (TABLES["csv"]([LONG, "b", "ö" * 32]), "", {}),
    "an odd name of a value": (b'"a: b"\n' + b"1\n" * 20_000 + b"x\n", "", {"names": "as_is"}),
    "a word of YAML of a value": (b"No\n" + b"1\n" * 20_000 + b"x\n", "", {}),
    "nul": (ROWS["csv"][0], "", {}),
    "an object": (JSON["object"], "", {}),
    "an object of several lines": (JSON["pretty"], "", {}),
    "an array": (JSON["array"], "", {}),
    "an array of several lines": (JSON["pretty array"], "", {}),
}
OBJECTS: dict[str, tuple[bytes, str, dict[str, Any]]] = {
    "nul": (ROWS["jsonl"][0], "", {}),
    "nul in a declared text": (ROWS["jsonl"][0], "", {"columns": {"b": "text"}}),
    "nul in an odd name": (b'{"a: b": "\\u0000"}', "", {"names": "as_is"}),
    "beyond bigint": (b'{"a": 1}\n{"a": 18446744073709551616}', "", {"columns": {"a": "integer"}}),
    "of 40 digits": (b'{"a": 1}\n{"a": %d}' % 10**40, "", {}),
    "of 80 digits": (b'{"a": 1}\n{"a": %d}' % 10**80, "", {"columns": {"a": "smallint"}}),
    "one name": (b'{"a b": 1, "a_b": 2}', "", {}),
    "late and too long": (b'{"a": 1}\n' * 2000 + b'{"%s": 1}' % LONG.encode(), "", {}),
    "too long": (TABLES["jsonl"]([LONG, "b", "ö" * 32]), "", {}),
}
CASES = {
    **{f"csv: {name}": ("csv", *case) for name, case in {**CSV, **NAMES}.items()},
    **{f"dialect: {name}": ("csv", row[0], "", row[1]) for name, row in DIALECTS.items()},
    **{f"json: {name}": ("json", *case) for name, case in DOCUMENTS.items()},
    **{f"xlsx: {name}": ("xlsx", *case) for name, case in BOOKS.items()},
    **{f"jsonl: {name}": ("jsonl", *case) for name, case in {**JSONL, **OBJECTS}.items()},
}


def ways(error: TransferError, header: bytes) -> Iterator[dict[str, Any]]:
    """The options that a hint proposes: any one of them should do."""
    said, hint = error.message, error.hint or ""
    if hint.startswith("Name the columns yourself"):
        names = header.decode().strip().split(",")
        columns = {f"c{number}": "text" for number in range(len(names))}
        yield {"header": False, "skip_rows": 1, "columns": columns}
        return
    for parts in re.findall("`([a-z_]+: [^`]+)`(?: (?:with|and) `([a-z_]+: [^`]+)`)?", hint):
        yield {name: value for part in parts if part for name, value in _read(part, said).items()}
    if hint.startswith("Set `encoding`"):
        yield from ({"encoding": word} for word in ("latin-1", "cp1252"))
    if column := re.search("column ('[^']*')", said):
        for word in re.findall(_TYPE, hint):
            exact = word.replace("…, …", "38, 20")
            yield {"columns": {ast.literal_eval(column[1]): exact}}


def _read(text: str, said: str) -> Any:
    """A proposal with something in place of each `…`: the same new names in all of its parts."""
    option = text.partition(":")[0]
    if option == "nulls":
        value = re.search(r"column '[^']*': ('[^']*')", said)
        return yaml.safe_load(text.replace("…", value[1] if value else "…"))
    seed = sum(said.encode())  # another one for another error
    text = text.replace("{…:", f"{{new_{seed}:")
    for number in range(text.count("…")):
        text = text.replace("…", "text" if option == "columns" else f"new_{seed + number}", 1)
    return yaml.safe_load(text)


def _merged(options: Mapping[str, Any], way: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: {**options.get(name, {}), **value}
        for name, value in way.items()
        if name != "format" and value and isinstance(value, dict)
    }
    return {**options, **way, **both}


ONE_IS_MEANT = ("dialect: another delimiter further on",)  # its rows are of one dialect only
PROPOSING = (
    *(
        "csv: nul",
        "csv: an object",
        "csv: an array",
        "csv: too long",
        "csv: one name",
        "csv: the same name",
    ),
    *("csv: value", "csv: late zero", "csv: first value late", "csv: no zone", "csv: zone"),
    "csv: utf-16",
    *("csv: ambiguous", "csv: latin-1", "csv: latin-1 header", "csv: an odd name"),
    *("jsonl: nul", "jsonl: too long", "jsonl: 65 bits", "jsonl: digits", "jsonl: late key"),
    *(
        "jsonl: late value",
        "jsonl: late and too long",
        "jsonl: beyond bigint",
        "jsonl: of 80 digits",
    ),
)


@pytest.mark.parametrize("case", CASES)
def test_each_way_on(case: str, folder: Folder) -> None:
    kind, content, _, options = CASES[case]
    path = folder / f"f.{kind}"
    path.write_bytes(content)
    error = refused(kind, path, options)
    assert error is not None
    found = list(ways(error, content.partition(b"\n")[0]))
    assert found or case not in PROPOSING, error
    out = [leads_out(kind, path, _merged(options, way), {str(error)}) for way in found]
    assert all(out) or (any(out) and case in ONE_IS_MEANT), (found, out, error)


def leads_out(kind: str, path: Folder, options: dict[str, Any], seen: set[str]) -> bool:
    """Is the file read in the end, and no error told twice on the way?"""
    error = refused(kind, path, options)
    if error is None:
        return True
    assert str(error) not in seen
    header = path.read_bytes().partition(b"\n")[0]
    seen = {*seen, str(error)}
    return any(leads_out(kind, path, _merged(options, way), seen) for way in ways(error, header))


def refused(kind: str, path: Folder, options: Mapping[str, Any]) -> TransferError | None:
    given = dict(options)
    bad = BadRows.quarantine(io.BytesIO(), 9) if given.pop("on_bad_row", None) else None
    if (other := given.pop("format", None)) is not None:
        given = dict(other) if isinstance(other, dict) else {"type": other}
    try:
        read(given.pop("type", kind), path, None, bad, **given)
    except TransferError as error:
        return error
    return None


NAMES_OF_COLUMNS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=20)


@given(NAMES_OF_COLUMNS)
@example("no")
@example("1")
@example("a: b")
@example("a #b")
@example("- a")
@example("ö")
@example("null")
@example('"')
def test_a_proposal_is_read_as_it_is_meant(name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "spec.yaml"
        spec.write_text(f"with: {{{hints.columns(name, 'text').strip('`')}}}", encoding="utf-8")
        assert read_spec(spec, spec.name).value == {"with": {"columns": {name: "text"}}}
