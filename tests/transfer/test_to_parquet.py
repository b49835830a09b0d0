import json
import resource
from pathlib import Path

import pyarrow as pa
import pytest

from factory.definitions.formats import Csv, Parquet
from factory.stores.disk import Disk
from factory.transfer.counts import Counts
from factory.transfer.errors import BadRow, Missing, TransferError
from factory.transfer.to_parquet import ROW_GROUP, Converted, to_parquet
from factory.transfer.values.types import own_type

from ..stores.folders import Folder


def test_csv(folder: Folder) -> None:
    store = folder.store
    source, target = folder / "f.csv", folder / "stage" / "f.parquet"
    source.write_text("VendorID,When\n" + "1,2024-01-01\n" * 300_000)
    done = to_parquet(store, [str(source)], store, str(target), format=Csv())
    columns = {"vendor_id": "int64", "when": "date32[day]"}
    assert done == Converted(str(target), 300_000, target.size, columns, 300_000, 0)
    found = target.parquet().metadata
    groups = [found.row_group(number).num_rows for number in range(found.num_row_groups)]
    assert sum(groups) == 300_000
    assert max(groups) <= ROW_GROUP
    assert min(groups) > ROW_GROUP / 3
    assert [p.name for p in target.parent.iterdir()] == ["f.parquet"]


def test_nothing_is_left_by_a_failure(folder: Folder) -> None:
    store = folder.store
    source, stage = folder / "f.csv", folder / "stage"
    source.write_text("a,b\n" + "1,2\n" * 3_000_000 + "3\n")
    with pytest.raises(BadRow, match=r"f\.csv:3000002: 1 fields"):
        to_parquet(store, [str(source)], store, str(stage / "f.parquet"), format=Csv())
    assert list(stage.iterdir()) == []


def test_parquet(folder: Folder) -> None:
    store = folder.store
    first, second, out = (folder / f"{n}.parquet" for n in ("one", "two", "target"))
    one, two, target = map(str, (first, second, out))
    first.write_table(pa.table({"ID": pa.array([1], pa.uint8()), "T": ["x"]}))
    second.write_table(pa.table({"ID": pa.array([2], pa.uint8()), "U": [None]}, None))
    with pytest.raises(
        BadRow,
        match=r"two\.parquet has other columns .* without the column 't' and with the column 'u'",
    ):
        to_parquet(store, [one, two], store, target, format=Parquet())
    second.write_table(pa.table({"ID": pa.array([2], pa.uint8()), "T": ["y"]}))
    options = Parquet(rename={"T": "text"})
    assert to_parquet(store, [one, two], store, target, format=options).rows == 2
    assert out.parquet().read().to_pylist() == [{"id": 1, "text": "x"}, {"id": 2, "text": "y"}]


@pytest.mark.parametrize("listed", [False, True])
def test_categories_of_several_files(listed: bool, folder: Folder) -> None:
    """Each has so few that an index of int8 names them; together they are too many for one."""
    store, target = folder.store, folder / "target"
    files = [folder / f"{n}.parquet" for n in range(2)]
    texts = [[f"{n} {number}" for number in range(100)] for n in range(2)]
    for file, own in zip(files, texts, strict=True):
        kind = pa.dictionary(pa.int8(), pa.string())
        column = pa.array(own).dictionary_encode().cast(kind)
        column = pa.ListArray.from_arrays(list(range(101)), column) if listed else column
        file.write_table(pa.table({"a": column}))
    to_parquet(store, [str(file) for file in files], store, str(target), format=Parquet())
    found = [text for own in texts for text in own]
    assert target.parquet().read().column("a").to_pylist() == (
        [[text] for text in found] if listed else found
    )


def test_quarantine(folder: Folder) -> None:
    store = folder.store
    source, target = folder / "f.csv", folder / "f.parquet"
    aside = folder / "stage" / "f.jsonl"
    options = Csv(columns={"a": "int"})

    def run(content: str, most: int = 1000) -> Converted:
        source.write_text(content)
        return to_parquet(
            *(store, [str(source)], store, str(target)),
            format=options,
            quarantine=str(aside),
            max_bad_rows=most,
        )

    done = run("a,b\n1,2\nx,3\n4\n")
    assert (done.rows, done.read, done.quarantined) == (1, 3, 2)
    assert Counts.of(target.parquet()) == Counts(3, 2)
    assert [json.loads(line) for line in aside.read_text().splitlines()] == [
        {
            "file": str(source),
            "line": 3,
            "reason": "column 'a': 'x' is not integer",
            "row": "x,3",
        },
        {"file": str(source), "line": 4, "reason": "1 fields, expected 2", "row": "4"},
    ]
    with pytest.raises(BadRow, match=r"f\.csv:4: 1 fields, expected 2; 1 rows were set aside"):
        run("a,b\n1,2\nx,3\n4\n", most=1)
    assert list(aside.parent.iterdir()) == []
    run("a,b\n1,2\nx,3\n")
    assert run("a,b\n1,2\n").quarantined == 0
    assert list(aside.parent.iterdir()) == []


def test_a_full_disk(fs: Disk, tmp_path: Path) -> None:
    source, stage = tmp_path / "f.csv", tmp_path / "stage"
    source.write_text("a,b\n" + "".join(f"{n},{n * n}\n" for n in range(300_000)))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, limits[1]))
    try:
        with pytest.raises(TransferError, match=r"f\.parquet: File too large"):
            to_parquet(fs, [str(source)], fs, str(stage / "f.parquet"), format=Csv())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(stage.iterdir()) == []


def test_a_file_that_is_gone(folder: Folder) -> None:
    store = folder.store
    source = str(folder / "f.csv")
    with pytest.raises(TransferError, match=r"f\.csv: No such file"):
        to_parquet(store, [source], store, str(folder / "f.parquet"), format=Csv())


def test_refused(folder: Folder) -> None:
    store = folder.store
    source, target = str(folder / "f.csv"), str(folder / "f.parquet")
    (folder / "f.csv").write_text("a\n1\n")
    with pytest.raises(Missing):
        to_parquet(store, [], store, target, format=Csv())
    with pytest.raises(BadRow, match="not a Parquet file"):
        to_parquet(store, [source], store, target, format=Parquet())


def test_a_type_is_that_of_the_column_however_it_is_named(folder: Folder) -> None:
    """As `user_id`, `USER_ID` or the file's own name: the word goes with the column."""
    store, source, target = folder.store, folder / "f.csv", folder / "f.parquet"
    source.write_text("UserID\n6f2c1a3e-0000-4000-8000-000000000000\n")
    for name in ("user_id", "USER_ID", "UserID"):
        given = Csv(columns={name: "uuid"})
        to_parquet(store, [str(source)], store, str(target), format=given)
        (field,) = [f for f in target.parquet().schema_arrow if f.name == "user_id"]
        assert own_type(field) == "uuid", name
