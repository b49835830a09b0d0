"""The write mode `merge`."""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from factory.definitions.formats import Parquet
from factory.stores.disk import Disk
from factory.transfer.errors import BadOption, BadRow, TransferError
from factory.transfer.lineage import Lineage
from factory.transfer.postgres import keys
from factory.transfer.postgres.modes import Changed
from factory.transfer.to_parquet import to_parquet

from .conftest import Warehouse

LAST = {"mode": "merge", "key": ["id"], "duplicates": "last"}
FAIL = {"mode": "merge", "key": ["id"]}


@pytest.fixture
def of_icu(whole: Warehouse) -> Warehouse:
    whole.run(
        "CREATE COLLATION {} (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "ci",
    )
    return whole


@pytest.mark.parametrize("exists", [False, True])
def test_the_last_row_of_a_key_stays(exists: bool, warehouse: Warehouse) -> None:
    if exists:
        warehouse.load({"id": [1, 7], "name": ["old", "kept"]}, FAIL)
    done = warehouse.load({"id": [1, 2, 1, 3, 1], "name": list("abcde")}, LAST)
    assert (done.read, done.dropped, done.rows) == (5, 2, 3)
    kept = [(7, "kept")] if exists else []
    assert warehouse.rows() == [(1, "e"), (2, "b"), (3, "d"), *kept]
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == ((2, 1) if exists else (3, 0))
    assert warehouse.run("SELECT * FROM {} LIMIT 0") == []
    assert warehouse.tables() == {"trips", "_factory_loads"}


def test_the_last_one_is_told_by_its_number_and_not_by_its_place(warehouse: Warehouse) -> None:
    """A narrow row may go into the gap that a wide one left on an earlier page."""
    dice = random.Random(4)
    wide = 200
    columns: dict[str, list[Any]] = {"id": [], "n": []}
    columns |= {f"c{number}": [] for number in range(wide)}
    for n in range(6000):
        columns["id"].append(dice.randrange(2000))
        columns["n"].append(n)
        filled = dice.choice([0, 10, 60, wide])
        for number in range(wide):
            columns[f"c{number}"].append(n if number < filled else None)
    expected = dict(zip(columns["id"], columns["n"], strict=True))
    warehouse.load(columns, LAST)
    assert dict(warehouse.run("SELECT id, n FROM {}")) == expected


def test_several_files_are_one_load_in_their_order(warehouse: Warehouse) -> None:
    files = [{"id": [1, 2], "n": [1, 1]}, {"id": [2, 3], "n": [2, 2]}, {"id": [3], "n": [3]}]
    with pytest.raises(BadRow, match="2 merge keys stand in more than one row"):
        warehouse.load_all(files, FAIL)
    warehouse.load_all(files, LAST)
    assert warehouse.rows() == [(1, 1), (2, 2), (3, 3)]


def test_keys_that_no_index_holds(warehouse: Warehouse) -> None:
    dice = random.Random(1)
    long = "".join(chr(dice.randrange(0x4E00, 0x9FFF)) for _ in range(20_000))
    names = [f"k{number}" for number in range(33)]
    for key, row in ((["k0"], {"k0": long}), (names, dict.fromkeys(names, "x"))):
        write = {"mode": "merge", "key": key}
        table = f"t{len(key)}"
        data = {name: [value, value + "y"] for name, value in row.items()}
        for _ in range(2):
            warehouse.load(data, write, table=table)
        assert warehouse.run("SELECT count(*) FROM {}", table) == [(2,)]
        double = {name: [value, value] for name, value in row.items()}
        with pytest.raises(BadRow, match="1 merge keys stand in more than one row"):
            warehouse.load(double, write, table=table)
        warehouse.load(double, {**write, "duplicates": "last"}, table=table)
        assert warehouse.run("SELECT count(*) FROM {}", table) == [(2,)]


def test_lineage_alone_is_no_change(warehouse: Warehouse, tmp_path: Path) -> None:
    disk = Disk()

    def converted(source: dict[str, list[Any]], lineage: Lineage) -> pa.Table:
        pq.write_table(pa.table(source), tmp_path / "source.parquet")
        paths = str(tmp_path / "source.parquet"), str(tmp_path / "staged.parquet")
        to_parquet(disk, paths[:1], disk, paths[1], format=Parquet(), lineage=lineage)
        return pq.read_table(paths[1])

    def rows(run: str, name: str) -> pa.Table:
        known = {str(tmp_path / "source.parquet"): run}
        lineage = Lineage(source_file=known, run_id=run)
        return converted({"id": [1, 2], "name": ["a", name]}, lineage)

    warehouse.load(rows("one", "b"), FAIL)
    done = warehouse.load(rows("two", "B"), FAIL)
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == (0, 1)
    assert warehouse.rows("id, name, _run_id") == [(1, "a", "one"), (2, "B", "two")]
    for run in ("x", "y"):
        warehouse.load(converted({"id": [1]}, Lineage(run_id=run)), FAIL, table="only")
    assert warehouse.run("SELECT * FROM {}", "only") == [(1, "x")]


def test_a_person_s_own_column_that_is_named_like_lineage_is_a_value(warehouse: Warehouse) -> None:
    """As the exports of other programs have them."""
    names = ("_source_file", "_loaded_at", "_run_id")
    for run, updated in (("one", 0), ("two", 1), ("two", 0)):
        done = warehouse.load({"id": [1], **{name: [run] for name in names}}, FAIL)
        assert done.changed is not None
        assert done.changed.updated == updated
        assert warehouse.rows() == [(1, run, run, run)]


SEVERAL = {
    "by hand": "INSERT INTO {0} VALUES (1, 'tue', 'b')",
    "below": "CREATE TABLE {1} () INHERITS ({0}); INSERT INTO {1} VALUES (1, 'tue', 'b')",
    "in part": "INSERT INTO {0} VALUES (1, 'tue', 'b'); CREATE UNIQUE INDEX ON {0} (id)"
    " WHERE day = 'sun'",
}


@pytest.mark.parametrize("triggers", [False, True])
@pytest.mark.parametrize("how", SEVERAL)
@pytest.mark.parametrize("row", ["another", "one of them"])
def test_a_key_of_several_rows_of_the_target_is_refused(
    row: str, how: str, triggers: bool, warehouse: Warehouse
) -> None:
    """Else one row overwrites them all."""
    warehouse.load({"id": [1, 2], "day": ["mon", "mon"], "name": ["a", "c"]}, FAIL)
    warehouse.run(SEVERAL[how], "trips", "below")
    if triggers:
        warehouse.run(
            f"CREATE FUNCTION {warehouse.schema}.f() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN NEW; END $$"
        )
        warehouse.run(
            "CREATE TRIGGER t BEFORE INSERT OR UPDATE ON {} FOR EACH ROW"
            f" EXECUTE FUNCTION {warehouse.schema}.f()"
        )
    before = warehouse.rows()
    new = {"another": ("wed", "z"), "one of them": ("mon", "a")}[row]
    data = {"id": [3, 1], "day": ["mon", new[0]], "name": ["n", new[1]]}
    with pytest.raises(TransferError, match=r"trips has 2 rows of one merge key, id = 1: a row"):
        warehouse.load(data, FAIL)
    assert warehouse.rows() == before
    warehouse.load(data, {"mode": "merge", "key": ["id", "day"]})


FORMS: dict[str, tuple[str, list[pa.Array]]] = {
    "zeros": ("double precision", [pa.array([0.0]), pa.array([-0.0])]),
    "singles": (
        "real",
        [pa.array([0.0], pa.float32()), pa.array([-0.0], pa.float32())],
    ),
    "digits": (
        "numeric",
        [
            pa.array([Decimal("1.0")], pa.decimal128(5, 1)),
            pa.array([Decimal("1.00")], pa.decimal128(5, 2)),
            pa.array([1], pa.int64()),
        ],
    ),
}


@pytest.mark.parametrize("key", ["x", "k"])
@pytest.mark.parametrize("what", FORMS)
def test_what_compares_as_equal_and_is_not_is_updated(
    what: str, key: str, warehouse: Warehouse
) -> None:
    """In the key, too: -0 for 0, 1.00 for 1.0."""
    kind, forms = FORMS[what]
    warehouse.run(f"CREATE TABLE {{}} (k bigint, x {kind})")
    for number, form in enumerate([*forms, *reversed(forms[:-1])]):
        for again in (False, True):
            data = pa.table({"k": [7], "x": form})
            done = warehouse.load(data, {"mode": "merge", "key": [key]})
            changed = Changed(0, 0) if again else Changed(not number, bool(number))
            assert done.changed == changed
        shown = warehouse.run("SELECT k, x::text FROM {}")
        value = form[0].as_py()
        assert shown == [(7, f"{value:g}" if isinstance(value, float) else str(value))]


def test_a_reference_to_a_key_that_may_take_another_form(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (k double precision PRIMARY KEY, n bigint)")
    warehouse.run(
        "CREATE TABLE {} (k double precision REFERENCES {} ON UPDATE SET NULL)", "fares", "trips"
    )
    with pytest.raises(TransferError, match=r"a merge updates \['k'\] of .*ON UPDATE SET NULL"):
        warehouse.load({"k": [0.0], "n": [1]}, {"mode": "merge", "key": ["k"]})


LOOSE = {"mode": "merge", "key": ["k"]}


def test_a_key_whose_collation_takes_texts_for_one(of_icu: Warehouse) -> None:
    of_icu.run("CREATE TABLE {} (k text COLLATE {}, v int)", "trips", "ci")

    def rows(*keys: str) -> pa.Table:
        return pa.table({"k": list(keys), "v": pa.array(range(len(keys)), pa.int32())})

    for _ in range(2):
        with pytest.raises(BadRow, match=r"1 merge keys stand in more .* k = "):
            of_icu.load(rows("A", "b", "a"), LOOSE)
        done = of_icu.load(rows("A", "b", "a"), {**LOOSE, "duplicates": "last"})
        assert (done.dropped, of_icu.rows()) == (1, [("a", 2), ("b", 1)])
    for again in (False, True):
        done = of_icu.load(rows("A", "B"), LOOSE)
        assert done.changed == Changed(0, 0 if again else 2)
        assert of_icu.rows() == [("A", 0), ("B", 1)]
    of_icu.run('ALTER TABLE {} ALTER k TYPE text COLLATE "C"')
    of_icu.load(rows("A", "a"), LOOSE)
    of_icu.run("ALTER TABLE {} ALTER k TYPE text COLLATE {}", "trips", "ci")
    with pytest.raises(TransferError, match="has 2 rows of one merge key, k = A"):
        of_icu.load(rows("A"), LOOSE)


def test_a_key_is_told_apart_as_the_target_does(warehouse: Warehouse) -> None:
    """Where the server knows no such collation: by any that is named."""
    loose = {"b": 's."c"'}
    told = keys.compared(("a", "b"), loose).as_string()
    assert told == '"a", "b" COLLATE s."c"'


def test_a_partitioned_target_is_counted_too(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (id bigint, n bigint) PARTITION BY RANGE (id)")
    warehouse.run("CREATE TABLE {} PARTITION OF {} FOR VALUES FROM (0) TO (5)", "low", "trips")
    warehouse.run("CREATE TABLE {} PARTITION OF {} DEFAULT", "rest", "trips")
    warehouse.load({"id": [1, 9], "n": [1, 1]}, FAIL)
    done = warehouse.load({"id": [1, 2, 9, 10], "n": [2, 2, 1, 2]}, FAIL)
    assert done.changed is not None
    assert (done.changed.inserted, done.changed.updated) == (2, 1)


def test_the_target_lacks_the_key(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE {} (ident bigint, n bigint)")
    with pytest.raises(BadOption, match="unknown column in the merge key 'id'"):
        warehouse.load({"id": [1], "n": [1]}, FAIL, on_schema_change="ignore")


def test_the_word_for_duplicates(warehouse: Warehouse) -> None:
    with pytest.raises(BadOption, match="Did you mean 'last'"):
        warehouse.load(pa.table({"id": [1]}), {**FAIL, "duplicates": "lst"})
