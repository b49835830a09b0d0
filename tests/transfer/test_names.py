import pytest

from factory.definitions.formats import Parquet
from factory.transfer.errors import BadOption, BadRow
from factory.transfer.names import final


def test_rename_by_either_name() -> None:
    options = Parquet(rename={"VendorID": "vendor", "total_amount": "total"})
    assert final(["VendorID", "TotalAmount", "Tip"], options, "f") == ["vendor", "total", "tip"]
    assert final(["VendorID"], Parquet(names="as_is"), "f") == ["VendorID"]


def test_refused() -> None:
    with pytest.raises(BadOption, match=r"f: the columns 'A b' and 'a_b' would both be 'a_b'"):
        final(["A b", "a_b"], Parquet(), "f")
    with pytest.raises(BadOption, match="Did you mean 'vendor_id'"):
        final(["VendorID"], Parquet(rename={"vendor_di": "x"}), "f")
    with pytest.raises(BadRow, match="column 2 has no name"):
        final(["a", ""], Parquet(), "f")
