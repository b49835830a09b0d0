"""What is said of a table that is there."""

import pytest

from factory.transfer.bigquery import table as tables


@pytest.mark.parametrize("names", [[], ["day"], ["Day"]])
def test_a_column_of_partitions_that_the_load_spells_otherwise(names: list[str]) -> None:
    facts = {
        "creationTime": "1",
        "schema": {"fields": [{"name": "day", "type": "DATE"}]},
        "requirePartitionFilter": True,
        "timePartitioning": {"field": "day", "type": "DAY"},
    }
    every = "(`day` IS NULL OR `day` >= DATE '0001-01-01')"
    assert tables.existing_of(facts, names).every() == every
