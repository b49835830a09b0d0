"""Files of one load whose columns drift: in every format by the same options."""

import json
from typing import Any

import pyarrow as pa
import pytest

from factory.transfer.errors import BadOption, BadRow

from ...stores.folders import Folder
from .reading import read

FORMATS = ("csv", "jsonl", "parquet")
Rows = list[dict[str, Any]]


def write(folder: Folder, kind: str, *files: Rows) -> list[Folder]:
    paths = []
    for number, rows in enumerate(files, 1):
        path = folder / f"{number}.{kind}"
        paths.append(path)
        if kind == "parquet":
            path.write_table(pa.Table.from_pylist(rows))
        elif kind == "jsonl":
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        else:
            lines = [list(rows[0]), *(list(row.values()) for row in rows)]
            path.write_text("".join(",".join(map(str, line)) + "\n" for line in lines))
    return paths


@pytest.mark.parametrize("kind", FORMATS)
def test_another_case_and_another_order(kind: str, folder: Folder) -> None:
    files = write(
        *(folder, kind),
        [{"PULocationID": 1, "Airport_fee": 1.5}],
        [{"airport_fee": 2.5, "PUlocationID": 2}],
    )
    expected = {"pu_location_id": [1, 2], "airport_fee": [1.5, 2.5]}
    assert read(kind, files).to_pydict() == expected


@pytest.mark.parametrize("kind", FORMATS)
def test_aliases_of_one_file_and_of_several(kind: str, folder: Folder) -> None:
    aliases = {"pu_location_id": ["PULocationID", "PUlocationID", "pickup"]}
    files = write(folder, kind, [{"PUlocationID": 1}], [{"pickup": 2}], [{"pu_location_id": 3}])
    found = read(kind, files, aliases=aliases, columns={"pu_location_id": "integer"})
    assert found.schema == pa.schema([("pu_location_id", pa.int32())])
    assert found.to_pydict() == {"pu_location_id": [1, 2, 3]}
    assert read(kind, files[:1], aliases=aliases).column_names == ["pu_location_id"]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_column_that_a_file_may_lack(kind: str, folder: Folder) -> None:
    files = write(folder, kind, [{"a": 1}], [{"a": 2, "EhailFee": 0.5}], [{"a": 3}])
    found = read(kind, files, optional=["ehail_fee"])
    assert found.to_pydict() == {"a": [1, 2, 3], "ehail_fee": [None, 0.5, None]}
    renamed: dict[str, Any] = {
        "rename": {"EhailFee": "fee"},
        "select": ["fee", "a"],
        "optional": ["fee"],
    }
    assert read(kind, files, **renamed).to_pydict() == {"fee": [None, 0.5, None], "a": [1, 2, 3]}
    alone = read(kind, files[:1], optional=["fee"], columns={"fee": "decimal(9, 2)"})
    assert alone.schema.field("fee").type == pa.decimal128(9, 2)
    assert alone.to_pydict() == {"a": [1], "fee": [None]}
    assert read(kind, files[:1], optional=["fee"]).to_pydict() == {"a": [1], "fee": [None]}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_column_that_some_files_have(kind: str, folder: Folder) -> None:
    files = write(folder, kind, [{"a": 1}], [{"a": 2, "fee": 3}])
    with pytest.raises(BadRow, match=r"2\.\w+ has other columns .*with the column 'fee'") as told:
        read(kind, files)
    assert told.value.hint is not None
    assert "`optional: [fee]`" in told.value.hint
    assert read(kind, files, optional=["fee"]).to_pydict() == {"a": [1, 2], "fee": [None, 3]}
    assert read(kind, files, select=["a"]).to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("options", [{"rename": {"x": "y"}}, {"select": ["a", "x"]}])
def test_what_no_file_has_is_told_with_the_option(
    kind: str, options: dict[str, Any], folder: Folder
) -> None:
    files = write(folder, kind, [{"a": 1}])
    with pytest.raises(BadOption, match=r"1\.\w+ has no 'x'.*`optional: \[x\]`"):
        read(kind, files, **options)
    found = read(kind, files, optional=["x"], **options)
    assert found.to_pydict() == {"a": [1], "y" if "rename" in options else "x": [None]}


def test_keys_that_drift_within_the_rows_of_a_file(folder: Folder) -> None:
    rows: Rows = [{"Fee": n} for n in range(200_000)]
    files = write(folder, "jsonl", [*rows, {"Fee": 7, "ehail": 1}], [{"FEE": 8}])
    found = read("jsonl", files, columns={"ehail": "double"})
    assert found.slice(199_999).to_pydict() == {"fee": [199_999, 7, 8], "ehail": [None, 1, None]}


def test_an_empty_file_among_others(folder: Folder) -> None:
    files = write(folder, "jsonl", [{"a": 1, "b": "x"}], [], [{"b": "y"}])
    assert read("jsonl", files).to_pydict() == {"a": [1, None], "b": ["x", "y"]}


def test_csv_of_other_widths_and_inferred_types(folder: Folder) -> None:
    paths = [folder / f"{n}.csv" for n in range(3)]
    paths[0].write_text("zip,fee\n01234,1\n")
    paths[1].write_text("note,fee,zip\nx,2.5,99501\n")
    paths[2].write_text("zip,fee\n10001,3\n")
    found = read("csv", paths, optional=["note"])
    assert found.to_pydict() == {
        "zip": ["01234", "99501", "10001"],
        "fee": [1.0, 2.5, 3.0],
        "note": [None, "x", None],
    }
    with pytest.raises(BadRow, match="1 fields, expected 2"):
        read("csv", [paths[0], paths[2]], b"zip,fee\n1\n", select=["zip"])
