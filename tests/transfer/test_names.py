import pytest

from factory.transfer.errors import BadOption, BadRow
from factory.transfer.names import final, snake_case


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("VendorID", "vendor_id"),
        ("tpep_pickup_datetime", "tpep_pickup_datetime"),
        ("RatecodeID", "ratecode_id"),
        ("PULocationID", "pu_location_id"),
        ("Trip Distance (mi)", "trip_distance_mi"),
        ("Straße.Nr", "straße_nr"),
        ("x2Y", "x2_y"),
        ("🚕", "🚕"),
    ],
)
def test_snake_case(name: str, expected: str) -> None:
    assert snake_case(name) == expected


def test_rename_by_either_name() -> None:
    options = {"rename": {"VendorID": "vendor", "total_amount": "total"}}
    assert final(["VendorID", "TotalAmount", "Tip"], options, "f") == ["vendor", "total", "tip"]
    assert final(["VendorID"], {"names": "as_is"}, "f") == ["VendorID"]


def test_refused() -> None:
    with pytest.raises(BadOption, match=r"f: the columns 'A b' and 'a_b' would both be 'a_b'"):
        final(["A b", "a_b"], {}, "f")
    with pytest.raises(BadOption, match="Did you mean 'vendor_id'"):
        final(["VendorID"], {"rename": {"vendor_di": "x"}}, "f")
    with pytest.raises(BadRow, match="column 2 has no name"):
        final(["a", ""], {}, "f")
    with pytest.raises(BadOption, match="Did you mean 'as_is'"):
        final(["a"], {"names": "asis"}, "f")
