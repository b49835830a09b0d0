import pytest

from factory.definitions.formats.names import snake_case


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
