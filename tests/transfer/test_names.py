"""Names of columns, in one file and in several whose names drift."""

from collections.abc import Sequence
from typing import Any

import pytest

from factory.definitions.formats import Parquet
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.names import Agreed, agreed, chosen, final, late


def several(*files: Sequence[str], loose: bool = False, **options: Any) -> Agreed:
    given = Parquet(**options)
    named = {f"{number}.csv": own for number, own in enumerate(files, 1)}
    return agreed(named, given, given.columns, loose=loose)


def found(result: Agreed) -> dict[str, list[int | None]]:
    return {
        name: [places[n] for places in result.places.values()]
        for n, name in enumerate(result.names)
    }


def test_rename_by_either_name() -> None:
    options = Parquet(rename={"VendorID": "vendor", "total_amount": "total"})
    names = ["VendorID", "TotalAmount", "Tip"]
    assert [name for _, name in chosen(names, options, "f")] == ["vendor", "total", "tip"]
    assert final("VendorID", Parquet(names="as_is")) == "VendorID"


def test_refused() -> None:
    with pytest.raises(BadOption, match=r"f: the columns 'A b' and 'a_b' would both be 'a_b'"):
        chosen(["A b", "a_b"], Parquet(), "f")
    with pytest.raises(BadOption, match="Did you mean 'vendor_id'"):
        chosen(["VendorID"], Parquet(rename={"vendor_di": "x"}), "f")
    with pytest.raises(BadRow, match="column 2 has no name"):
        chosen(["a", ""], Parquet(), "f")


def test_another_order_and_another_case() -> None:
    assert found(several(["a", "b"], ["b", "a"])) == {"a": [0, 1], "b": [1, 0]}
    taxi = several(["PULocationID", "Airport_fee"], ["airport_fee", "PUlocationID"])
    assert found(taxi) == {"pu_location_id": [0, 1], "airport_fee": [1, 0]}
    as_is = several(["Airport_fee"], ["airport_fee"], ["AIRPORT_FEE"], names="as_is")
    assert found(as_is) == {"Airport_fee": [0, 0, 0]}


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"rename": {"Airport_Fee": "fee"}}, "fee"),
        ({"select": ["AIRPORT_FEE"]}, "airport_fee"),
        ({"columns": {"Airport_FEE": "double"}}, "airport_fee"),
        ({"names": "as_is", "rename": {"airport_FEE": "fee"}, "select": ["fee"]}, "fee"),
        ({"names": "as_is", "select": ["Airport_fee"]}, "Airport_fee"),
        ({"aliases": {"fee": ["x", "Airport_Fee"]}}, "fee"),
        ({"optional": ["Airport_Fee"]}, "airport_fee"),
    ],
)
def test_what_a_spec_names_is_found_without_case(options: dict[str, Any], name: str) -> None:
    assert found(several(["airport_fee"], **options)) == {name: [0]}


def test_no_case_is_guessed_where_two_are_meant() -> None:
    both = several(["Id", "id"], names="as_is", columns={"id": "bigint"})
    assert found(both) == {"Id": [0], "id": [1]}
    assert both.declared == {"id": "id"}
    with pytest.raises(BadOption, match="column in 'select'"):
        several(["Id", "iD"], names="as_is", select=["ID"])
    with pytest.raises(BadRow, match=r"2\.csv has other columns .*: without the column 'id'"):
        several(["id"], ["Id", "ID"], names="as_is")


def test_aliases() -> None:
    options: dict[str, Any] = {
        "aliases": {"pu_location_id": ["PULocationID", "PUlocationID", "pickup zone"]}
    }
    for own in ("PULocationID", "PUlocationID", "pickup zone", "pu_location_id", "PULOCATIONID"):
        assert several([own], **options).names == ("pu_location_id",), own
    drift = several(["PUlocationID", "x"], ["x", "pickup zone"], **options)
    assert found(drift) == {"pu_location_id": [0, 1], "x": [1, 0]}
    assert several(["PUlocationID"], select=["PULocationID"], **options).names == (
        "pu_location_id",
    )
    with pytest.raises(BadOption, match="would both be 'pu_location_id'"):
        several(["PUlocationID", "pickup zone"], **options)
    with pytest.raises(BadOption, match=r"1\.csv has none of .*`optional: \[pu_location_id\]`"):
        several(["x"], **options)
    lacks = several(["x"], optional=["pu_location_id"], **options)
    assert found(lacks) == {"x": [0], "pu_location_id": [None]}


@pytest.mark.parametrize("word", ["ehail_fee", "EhailFee", "fee"])
def test_optional_columns(word: str) -> None:
    name = "fee" if word == "fee" else "ehail_fee"
    options: dict[str, Any] = {"rename": {"EhailFee": "fee"}} if word == "fee" else {}
    there = several(["a", "EhailFee"], ["a"], optional=[word], **options)
    assert found(there) == {"a": [0, 0], name: [1, None]}
    later = several(["a"], ["EhailFee", "a"], optional=[word], **options)
    assert found(later) == {"a": [0, 1], name: [None, 0]}
    assert found(several(["a"], optional=[word], **options)) == {"a": [0], name: [None]}
    selected = several(["a"], optional=[word], select=[name, "a"], **options)
    assert found(selected) == {name: [None], "a": [0]}


@pytest.mark.parametrize(
    ("files", "options", "message"),
    [
        (
            (["a", "fee"], ["a"]),
            {},
            r"2\.csv has other columns than 1\.csv: without the column 'fee'.*`optional: \[fee\]`",
        ),
        ((["a"], ["a", "x", "y"]), {}, r"2\.csv has .* 1\.csv: with the columns 'x', 'y'"),
        (
            (["PULocationID"], ["pulocation_id"]),
            {},
            r"`aliases: \{pu_location_id: \[PULocationID, pulocation_id\]\}`",
        ),
        ((["id", "name"], ["2", "b"]), {}, r"no column in common: [^`]*$"),
        ((["a", "b"], ["a"]), {"select": ["b"]}, r"2\.csv .* without the column 'b'"),
        ((["a"],), {"select": ["b"]}, r"1\.csv has no 'b'.*`optional: \[b\]`"),
        ((["a"],), {"rename": {"b": "c"}}, r"1\.csv has no 'b'.*`optional: \[b\]`"),
        ((["a"],), {"columns": {"b": "text"}}, r"column in 'columns', 1\.csv has no 'b'"),
        ((["a"],), {"columns": {"a": "text", "A": "text"}}, "'a' and 'A' of `columns` are both"),
        ((["a"], ["b"]), {"optional": ["a", "b"], "select": ["a"]}, "2.csv has none of the"),
    ],
)
def test_drift_that_is_refused(
    files: Sequence[Sequence[str]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises((BadRow, BadOption), match=message):
        several(*files, **options)


def test_the_hint_is_a_way_out() -> None:
    """What a message says to write makes the same files pass."""
    assert several(["a", "fee"], ["a"], optional=["fee"]).names == ("a", "fee")
    ways = {"pu_location_id": ["PULocationID", "pulocation_id"]}
    assert several(["PULocationID"], ["pulocation_id"], aliases=ways).names == ("pu_location_id",)


def test_keys_that_come_late() -> None:
    given = Parquet(rename={"Fee": "fare"})
    known = agreed({"f": ["Id"]}, given, ["fare"], loose=True)
    assert found(known) == {"id": [0], "fare": [None]}
    assert [late(key, known, given) for key in ("FEE", "ID", "Other")] == ["fare", "id", "other"]


def test_many_files_of_one_header() -> None:
    wide = [f"column_{number}" for number in range(500)]
    files = {f"{number}.csv": wide for number in range(20_000)}
    assert agreed(files, Parquet(), wide).places["19999.csv"] == tuple(range(500))
