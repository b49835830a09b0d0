"""What loads are called, by the tasks of a step that must agree on it."""

from types import SimpleNamespace
from typing import Any

import pytest

from factory.in_airflow.each import ITEM
from factory.in_airflow.operators.ingest.list_files import ListFiles
from factory.in_airflow.operators.ingest.load import Load
from factory.in_airflow.operators.ingest.staged import step_name
from factory.transfer.warehouse.arrivals import Arrival, Known
from factory.transfer.warehouse.parts import Table


@pytest.mark.parametrize("items", [None, ["a", "b"]], ids=["a step", "a copy"])
def test_a_repeated_list_knows_what_its_load_brought_in(
    items: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who clears the group of a load that was published looks at the same files again."""
    around = (
        None
        if items is None
        else SimpleNamespace(_expand_input=SimpleNamespace(value={ITEM: items}))
    )
    find = SimpleNamespace(get_closest_mapped_task_group=lambda: around)

    def context(task_id: str) -> Any:
        own = {"dag_id": "shop", "task_id": task_id, "run_id": "monday", "map_index": 1}
        task = SimpleNamespace(**own)
        return {"task": find, "task_instance": task, "ti": task}

    listing = ListFiles(task_id="list", paths=[], max_tasks=1, load="orders.load")
    load = Load(task_id="load", staged=None, write={})
    name = load.named(context("orders.load"), "monday")
    known = {step_name(context("orders.list")): {"s3://lake/a": Known("v1", name)}}
    monkeypatch.setattr(ListFiles, "_beside", lambda self, dag_id, known: [])
    monkeypatch.setattr(
        ListFiles, "_known", lambda self, context: (Table("raw", "orders"), known, "postgres")
    )
    found = [Arrival("s3://lake/a", 1, "v1"), Arrival("s3://lake/b", 1, "v1")]
    assert listing._new(found, context("orders.list")) == found[:1]


def test_copies_of_another_step_are_no_step_that_was_renamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks = ["orders.list", "orders.load", "refunds.list"]
    monkeypatch.setattr(ListFiles, "dag", SimpleNamespace(task_ids=tasks))
    listing = ListFiles(task_id="orders.list", paths=[], max_tasks=1, load="orders.load")
    known = ["shop/orders", "shop/orders@1", "shop/refunds", "shop/refunds@1", "shop/gone@1"]
    assert listing._beside("shop", known) == ["shop/refunds", "shop/refunds@1"]
