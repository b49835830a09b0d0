"""JSON Schemas from types: the exact gear and the authoring gear."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jsonschema
import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from msgspec import inspect as types

from factory.plan import kind as kinds
from factory.review import skeleton
from factory.spec import schema
from factory.spec.model import Pipeline
from factory.spec.patterns import degree
from factory.spec.violations import violations


class Circle(msgspec.Struct, tag="circle", tag_field="type", forbid_unknown_fields=True):
    """Round. It has no corners.

    Nor has it an end.
    """

    radius: Annotated[float, Meta(gt=0, description="From the middle.")]


class Square(msgspec.Struct, tag="square", tag_field="type", forbid_unknown_fields=True):
    """Four corners."""

    side: Annotated[int, Meta(ge=1)] = 1


class Drawing(msgspec.Struct, forbid_unknown_fields=True):
    """Shapes."""

    main: Circle | Square
    size: Annotated[str, Meta(pattern="^[0-9]+(cm|mm)$", max_length=6)]
    more: list[Circle | Square] = []
    color: Literal["red", "blue"] = "red"
    copies: Annotated[int, Meta(ge=1, le=9)] | None = None
    verbatim: Annotated[list[int], Meta(extra=schema.VERBATIM)] = []
    named: dict[str, bool] = {}
    style: Literal["plain", "bold"] | Circle | Square = "plain"


def test_structs_of_one_name_keep_their_own_schemas() -> None:
    fields = [[("a", int)], [("b", int)], [("c", int)], [("d", int)]]
    made = [
        msgspec.defstruct("Same", own, module=f"team_{n}.parts") for n, own in enumerate(fields)
    ]
    # and one whose name is what another is given
    made.append(msgspec.defstruct("Same_parts", [("e", int)], module="elsewhere"))
    whole = msgspec.defstruct("Whole", [(f"x{n}", struct) for n, struct in enumerate(made)])
    for authoring in (False, True):
        found = schema.of(whole, authoring=authoring)
        for number, letter in enumerate("abcde"):
            name = found["properties"][f"x{number}"]["$ref"].rpartition("/")[2]
            assert list(found["$defs"][name]["properties"]) == [letter]


def errors(value: Any, *, authoring: bool = False) -> list[str]:
    validator = jsonschema_rs.validator_for(schema.of(Drawing, authoring=authoring))
    return [error.message for error in validator.iter_errors(value)]


def test_a_union_is_told_by_its_word() -> None:
    given = {"main": {"type": "circle", "side": 2}, "size": "3cm"}
    assert len(errors(given)) == 2  # no `side` in a circle, and no `radius`: never the square's
    assert errors({"main": {"type": "square", "side": 2}, "size": "3cm"}) == []
    assert any('"radius"' in error for error in errors(given))


def test_a_word_beside_shapes_of_a_union() -> None:
    whole = {"main": {"type": "square"}, "size": "3cm"}
    assert errors({**whole, "style": "bold"}) == []
    assert errors({**whole, "style": {"type": "circle", "radius": 1}}) == []
    assert errors({**whole, "style": {"type": "circle", "side": 1}}) != []
    assert errors({**whole, "style": "thin"}) != []


def test_the_exact_schema_demands_and_bounds() -> None:
    assert len(errors({})) == 2
    assert errors({"main": {"type": "square"}, "size": "3cm", "copies": 10}) != []
    assert errors({"main": {"type": "square"}, "size": "3cm", "copies": None}) == []
    assert errors({"main": {"type": "square"}, "size": "${x}"}) != []


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"main": {}},
        {"main": {"side": 2}},
        {"main": {"radius": 2}},
        {"main": "${vars.main}"},
        {"main": {"type": "${vars.type}", "anything": 1}},
        {"main": {"type": "circle"}},
        {"main": {"type": "circle", "radius": "${vars.r}"}},
        {"size": "${vars.number}${vars.unit}"},
        {"more": "${vars.more}"},
        {"more": ["${vars.shape}"]},
        {"more": [{"type": "circle", "radius": "${vars.r}"}]},
        {"color": "${vars.color}"},
        {"copies": "${vars.copies}"},
        {"copies": None},
        {"named": {"a": "${vars.a}"}},
        {"style": "${vars.style}"},
        {"style": {"type": "circle"}},
        {"verbatim": [1]},
    ],
)
def test_as_written_a_layer_or_a_placeholder_may_give_it(value: Any) -> None:
    assert errors(value, authoring=True) == []


@pytest.mark.parametrize(
    "value",
    [
        {"main": {"type": "oval"}},
        {"main": {"sied": 2}},
        {"main": {"type": "circle", "side": 2}},
        {"main": "circle"},
        {"size": "3 cm"},
        {"more": [{}]},
        {"more": [{"type": "circle"}]},
        {"color": "green"},
        {"copies": 10},
        {"copies": "many"},
        {"named": {"a": "perhaps"}},
        {"verbatim": "${vars.list}"},
        {"verbatim": ["${vars.number}"]},
        {"unknown": 1},
    ],
)
def test_as_written_a_mistake_is_a_mistake(value: Any) -> None:
    assert errors(value, authoring=True) != []


def test_a_description_is_the_first_paragraph() -> None:
    assert schema.of(Circle)["description"] == "Round. It has no corners."


def test_an_editor_is_told_what_a_word_means() -> None:
    word = schema.of(Drawing, authoring=True)["properties"]["main"]["properties"]["type"]
    assert word["anyOf"][0]["enum"] == ["circle", "square"]
    assert word["anyOf"][0]["markdownEnumDescriptions"] == [
        "Round. It has no corners.",
        "Four corners.",
    ]


@pytest.mark.parametrize("model", [Drawing, Pipeline])
@pytest.mark.parametrize("authoring", [False, True])
def test_they_are_schemas(model: Any, authoring: bool) -> None:
    jsonschema.Draft202012Validator.check_schema(schema.of(model, authoring=authoring))


LEAVES: list[Any] = [
    None,
    True,
    0,
    1,
    -1,
    1.5,
    1.0,
    "",
    "x",
    "5m",
    "2024-01-01",
    "file:///x",
    [],
    {},
    ["x"],
]
EXAMPLES = {
    name: skeleton.required(
        types.type_info(kinds.find(name).Arguments),  # type: ignore[arg-type]
        skeleton.Examples(),
    )
    for name in kinds.builtin_names()
}


def changed(data: st.DataObject, value: Any) -> Any:
    """The value with something in it replaced, removed or added."""
    value = copy.deepcopy(value)
    place = value
    while isinstance(place, (dict, list)) and place:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(st.sampled_from(keys))
        if isinstance(place[key], (dict, list)) and data.draw(st.booleans()):
            place = place[key]
            continue
        if data.draw(st.booleans()):
            place[key] = data.draw(st.sampled_from(LEAVES))
        else:
            del place[key]
        break
    if isinstance(value, dict) and data.draw(st.booleans()):
        value[data.draw(st.sampled_from(["extra", "type", "output"]))] = "x"
    return value


@pytest.mark.parametrize("name", kinds.builtin_names())
@given(data=st.data())
def test_what_the_schema_lets_through_converts_and_what_it_refuses_is_explained(
    name: str, data: st.DataObject
) -> None:
    value = changed(data, EXAMPLES[name])
    model = kinds.find(name).Arguments
    exact = schema.of(model)
    good = jsonschema_rs.validator_for(exact).is_valid(value)
    assert good == jsonschema.Draft202012Validator(exact).is_valid(value)
    assert good == (not list(violations(exact, value)))
    if good:
        assert why_not(whole(value), model) == ""


def whole(value: Any) -> Any:
    """To JSON Schema 1.0 is an integer; only `validate` tells it from one."""
    if isinstance(value, dict):
        return {key: whole(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [whole(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def why_not(value: Any, model: type[Any]) -> str:
    try:
        msgspec.convert(value, model)
    except msgspec.ValidationError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", kinds.builtin_names())
@given(data=st.data())
def test_an_editor_underlines_nothing_that_is_right(name: str, data: st.DataObject) -> None:
    value = changed(data, EXAMPLES[name])
    model = kinds.find(name).Arguments
    if jsonschema_rs.validator_for(schema.of(model)).is_valid(value):
        assert jsonschema_rs.validator_for(schema.of(model, authoring=True)).is_valid(value)


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for entry in schema.values():
            yield from _patterns(entry)
    elif isinstance(schema, list):
        for entry in schema:
            yield from _patterns(entry)


def test_our_own_patterns_end_soon_for_any_text() -> None:
    """A text has at most 1 MiB: its square is too much, and most begin with `^`."""
    models = [Pipeline, *(kinds.find(name).Arguments for name in kinds.builtin_names())]
    found = {pattern for model in models for pattern in _patterns(schema.of(model))}
    assert len(found) > 10
    assert [pattern for pattern in sorted(found) if degree(pattern) > 1] == []


class Tree(msgspec.Struct, frozen=True):
    """A Struct that holds itself."""

    name: str
    below: list[Tree] = []


def test_a_struct_that_holds_itself() -> None:
    found = schema.of(Tree)
    assert found["properties"]["below"]["items"] == {"$ref": "#/$defs/Tree"}
    assert found["$defs"]["Tree"]["required"] == ["name"]
    validator = jsonschema_rs.validator_for(found)
    assert validator.is_valid({"name": "a", "below": [{"name": "b"}]})
    assert not validator.is_valid({"name": "a", "below": [{}]})
