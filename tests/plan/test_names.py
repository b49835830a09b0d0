"""Names of what stands elsewhere are told by the types of fields, wherever these are."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from factory.fields import ConnId, DagId, VariableKey, connects
from factory.plan.names import Name, connection_fields, in_fields, in_templates


class Table(msgspec.Struct, frozen=True, tag="table", tag_field="type"):
    conn_id: Annotated[ConnId, connects("postgres", "mysql"), Meta(description="A database.")]


class Tree(msgspec.Struct, frozen=True, tag="tree", tag_field="type"):
    below: list[Tree] = []
    secret: VariableKey | None = None


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    conn_id: ConnId = ""
    api: Annotated[ConnId | None, connects("http"), Meta(description="An API.")] = None
    plain: str = "warehouse"
    others: list[ConnId] | UnsetType = UNSET
    named: dict[str, ConnId] = {}
    source: Table | Tree | None = None
    after: list[Annotated[DagId, Meta(min_length=1)]] = []
    for_: Annotated[DagId | None, Meta(description="Another.")] = msgspec.field(
        name="for", default=None
    )


FOUND: dict[str, tuple[Any, list[Name]]] = {
    "nothing": (Arguments(), []),
    "any_connection": (Arguments(conn_id="w"), [Name("connection", "w", ("conn_id",))]),
    "types_beside_the_field": (
        Arguments(api="w"),
        [Name("connection", "w", ("api",), ("http",))],
    ),
    "a_list": (
        Arguments(others=["a", "b"]),
        [Name("connection", "a", ("others", 0)), Name("connection", "b", ("others", 1))],
    ),
    "a_mapping": (Arguments(named={"x": "a"}), [Name("connection", "a", ("named", "x"))]),
    "a_union": (
        Arguments(source=Table("w")),
        [Name("connection", "w", ("source", "conn_id"), ("postgres", "mysql"))],
    ),
    "a_struct_that_holds_itself": (
        Arguments(source=Tree([Tree(secret="key")])),
        [Name("variable", "key", ("source", "below", 0, "secret"))],
    ),
    "pipelines_in_the_order_of_the_fields": (
        Arguments(after=["one"], for_="two"),
        [Name("pipeline", "one", ("after", 0)), Name("pipeline", "two", ("for",))],
    ),
    "a_template_is_known_at_run_time": (Arguments(conn_id="{{ params.x }}", for_="{% x %}"), []),
}


@pytest.mark.parametrize(("arguments", "found"), FOUND.values(), ids=FOUND)
def test_names_in_fields(arguments: Any, found: list[Name]) -> None:
    assert list(in_fields(arguments)) == found


def test_a_default_that_is_none_of_its_type_is_left_alone() -> None:
    class Odd(msgspec.Struct):
        others: list[ConnId] = None  # type: ignore[assignment]
        table: Table = None  # type: ignore[assignment]
        named: dict[str, ConnId] = None  # type: ignore[assignment]

    assert list(in_fields(Odd())) == []


def test_fields_that_take_connections() -> None:
    assert connection_fields(Arguments) == {"conn_id", "api", "others", "named"}
    assert connection_fields(Tree) == frozenset()


IN_TEMPLATES = {
    "{{ var.value.key }}": [("variable", "key")],
    "Bearer {{ var.value.key | trim }}": [("variable", "key")],
    "{{ var.json.key.inner }}": [("variable", "key")],
    "{{ var.value.get('a b', 'x') }}": [("variable", "a b")],
    '{{ var.json["key"] }}': [("variable", "key")],
    "{% if var.value.on %}{{ conn.api.host }}{% endif %}": [
        ("variable", "on"),
        ("connection", "api"),
    ],
    "{{ conn.get('api').host }}": [("connection", "api")],
    "{{ ds }}": [],
    "var.value.key": [],
    "{{ variant.value }}": [],
    "{{ my_var.value.key }}": [],
    "{{ var.value.get(name) }}": [],
}


@pytest.mark.parametrize(("text", "found"), IN_TEMPLATES.items())
def test_names_in_templates(text: str, found: list[tuple[str, str]]) -> None:
    nested = {"headers": [{"X": text, "n": 1}], "none": None}
    assert [(name.what, name.name) for name in in_templates(nested)] == found
