"""The graph that a manifest tells, and what of it is selected."""

from pathlib import Path

import pytest

from factory.kinds.dbt import graph
from factory.kinds.dbt.node import Unfit
from factory.project import Project

CASE = Path(__file__).parents[1] / "cases" / "valid" / "dbt" / "per_model" / "shop"
EXAMPLE = Path(__file__).parents[2] / "examples" / "dbt"
WHOLE = graph.read(CASE / "manifest.json")


def chosen(*select: str, exclude: tuple[str, ...] = (), command: str = "build") -> list[str]:
    return sorted(node.name for node in WHOLE.chosen(select, exclude, command).nodes)


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("daily_revenue", ["daily_revenue"]),
        ("+daily_revenue", ["daily_revenue", "stg_orders"]),
        ("stg_orders+", ["customers", "daily_revenue", "stg_orders"]),
        ("tag:nightly", ["customers"]),
        ("path:models/staging", ["stg_orders"]),
        ("models/staging/", ["stg_orders"]),
        ("staging", ["stg_orders"]),
        ("shop.staging.stg_orders", ["stg_orders"]),
        ("*_orders", ["stg_orders"]),
        ("shop", ["customers", "daily_revenue", "stg_orders"]),
    ],
)
def test_what_a_word_selects(word: str, names: list[str]) -> None:
    assert chosen(word) == names


def test_what_is_between_two_joins_them() -> None:
    """An ephemeral model is no task, and a model that is left out neither."""
    graph = WHOLE.chosen((), (), "build")
    assert {node.name: node.needs for node in graph.nodes}["customers"] == (
        "model.shop.stg_orders",
    )
    assert graph.left_over == ("both",)
    assert WHOLE.chosen((), ("customers",), "build").left_over == ()
    assert WHOLE.chosen((), (), "run").left_over == ()


@pytest.mark.parametrize("word", ["state:modified", "2+daily_revenue", "@x", "a,b", "{{ x }}"])
def test_what_needs_dbt_is_refused(word: str) -> None:
    with pytest.raises(Unfit, match="cannot be told without dbt"):
        chosen(word)


def test_nothing_is_left() -> None:
    with pytest.raises(Unfit, match="nothing is selected"):
        chosen("stg_orders", exclude=("stg_orders",))
    with pytest.raises(Unfit, match="nothing is selected"):
        chosen(command="seed")


def test_the_example_is_fine() -> None:
    found = [*Project(EXAMPLE).outcomes()]
    assert [one.path.name for one in found if one.plans] == ["revenue.yaml"]
    assert [one.diagnostics for one in found] == [()]
