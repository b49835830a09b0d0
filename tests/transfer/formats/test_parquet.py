import datetime as dt
from functools import partial

import pyarrow as pa
import pytest

from factory.transfer.errors import BadOption, BadRow

from ...stores.folders import Folder
from .reading import read

table = partial(read, "parquet")


def test_select_and_rename(folder: Folder) -> None:
    path = folder / "f.parquet"
    columns = {"a": [1, 2], "a.b": ["x", None], "Long Name": [True, False], "n": [None, None]}
    path.write_table(pa.table(columns))
    assert table(path).to_pydict() == {
        "a": [1, 2],
        "a_b": ["x", None],
        "long_name": [True, False],
        "n": [None, None],
    }
    found = table(path, names="as_is", rename={"a": "id"}, select=["Long Name", "id"])
    assert list(found.to_pydict().items()) == [("Long Name", [True, False]), ("id", [1, 2])]
    with pytest.raises(BadOption, match=r"column in 'select', .* Did you mean 'long_name'"):
        table(path, select=["longname"])


def test_clashes(folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"Id": [1], "id": [2], "x": [3]}))
    with pytest.raises(BadOption, match="'Id' and 'id' would both be 'id'"):
        table(path)
    assert table(path, select=["x"]).to_pydict() == {"x": [3]}
    assert table(path, rename={"Id": "one"}).column_names == ["one", "id", "x"]


def test_files_must_agree(folder: Folder) -> None:
    one, two = folder / "1.parquet", folder / "2.parquet"
    one.write_table(pa.table({"a": [1], "b": ["x"]}))
    two.write_table(pa.table({"a": ["1"], "b": ["x"]}))
    with pytest.raises(BadRow, match=r"'a' is int64 in .*1\.parquet, but string in .*2\.parquet"):
        table([one, two])
    assert table([one, two], select=["b"]).num_rows == 2


def test_damaged(folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"a": list(range(100_000))}), use_dictionary=False)
    data = path.read_bytes()
    for broken in (data[:-4], data[: len(data) // 2], b"", b"a,b\n"):
        path.write_bytes(broken)
        with pytest.raises(BadRow, match=r"f\.parquet is not a Parquet file"):
            table(path)
    path.write_bytes(data[:1000] + b"\xff" * 5000 + data[6000:])
    with pytest.raises(BadRow, match=r"f\.parquet is damaged"):
        table(path)


@pytest.mark.parametrize(
    "array",
    [
        pa.array([0, -(2**63)], pa.int64()).cast(pa.timestamp("us")),
        pa.array([-(2**40)], pa.int64()).cast(pa.timestamp("s", "UTC")),
        pa.array([-(2**31)], pa.int32()).cast(pa.date32()),
    ],
)
def test_before_the_first_day(array: pa.Array, folder: Folder) -> None:
    path = folder / "f.parquet"
    path.write_table(pa.table({"t": array}))
    with pytest.raises(BadRow, match=r"column 't' holds a .* before 4713 BC"):
        table(path)
    path.write_table(pa.table({"t": [dt.date(1, 1, 1), None, dt.date(9999, 12, 31)]}))
    assert table(path).num_rows == 3
