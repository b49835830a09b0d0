"""What an editor offers is right: each example and each default is what its place takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from msgspec import inspect as types

from factory.definitions.formats import Csv, problems
from factory.plan import kind as kinds
from factory.spec import assets, schema
from factory.spec.model import Common, DefaultsFile, EnvironmentFile, Pipeline, PipelineFile
from factory.spec.violations import _OTHER_CHOICES, _OTHER_WORDS, violations

from .test_contract import structs

MODELS: dict[str, Any] = {
    model.__name__: model for model in (Pipeline, PipelineFile, DefaultsFile, EnvironmentFile)
} | {name: kinds.find(name).Arguments for name in kinds.builtin_names()}


def offered(info: types.Type, place: str) -> Iterator[tuple[str, types.Type, Any]]:
    """Each example of a type, and of what is in it."""
    if isinstance(info, types.Metadata):
        for example in (info.extra_json_schema or {}).get("examples", ()):
            yield place, info.type, example
        yield from offered(info.type, place)
    elif isinstance(info, types.UnionType):
        for each in info.types:
            yield from offered(each, place)
    elif isinstance(info, types.ListType):
        yield from offered(info.item_type, place)
    elif isinstance(info, types.DictType):
        yield from offered(info.value_type, place)


def fields(model: Any) -> Iterator[tuple[str, types.Field]]:
    for info in structs(types.type_info(model), set()):
        for field in info.fields:
            yield f"{info.cls.__name__}.{field.encode_name}", field


OFFERED = [
    pytest.param(info, example, id=f"{model}:{place}:{example}")
    for model, struct in MODELS.items()
    for name, field in fields(struct)
    for place, info, example in offered(field.type, name)
]
DEFAULTS = [
    pytest.param(field, id=f"{model}:{name}")
    for model, struct in MODELS.items()
    for name, field in fields(struct)
    if schema.default_of(field) is not None
]


def errors(info: types.Type, value: Any) -> list[str]:
    build = schema._Build(authoring=False)
    rules = {**build.schema(info), "$defs": build.defs}
    return [error.message for error in jsonschema_rs.validator_for(rules).iter_errors(value)]


@pytest.mark.parametrize(("info", "example"), OFFERED)
def test_an_example_is_what_its_place_takes(info: types.Type, example: Any) -> None:
    assert errors(info, example) == []


@pytest.mark.parametrize("field", DEFAULTS)
def test_a_default_is_what_its_place_takes(field: types.Field) -> None:
    assert errors(field.type, schema.default_of(field)) == []


def test_there_are_examples() -> None:
    assert len(OFFERED) > 100
    assert len(DEFAULTS) > 50


def test_the_examples_of_assets_are_taken() -> None:
    uris = [
        uri
        for name, field in fields(PipelineFile)
        for place, _, example in offered(field.type, name)
        if place == "Schedule.assets"
        for uri in example
    ]
    assert uris
    for uri in uris:
        assets.require_provided(uri)
        assert assets.normalized(uri) == uri


@pytest.mark.parametrize(
    ("place", "example"),
    [
        pytest.param(place, example, id=f"{place}:{example}")
        for name, field in fields(Csv)
        for place, _, example in offered(field.type, name)
        if not errors(field.type, example)  # the others are of what is in the field
    ],
)
def test_the_examples_of_a_format_can_be_read_with(place: str, example: Any) -> None:
    struct, _, key = place.partition(".")
    written = {key: example}
    if struct == "Column":
        kinds = {"formats": "date", "timezone": "timestamptz", "decimal_point": "double"}
        written = {"columns": {"a": {"type": kinds.get(key, "integer"), key: example}}}
    given = msgspec.convert({"type": "csv", **written}, Csv)
    assert [problem for problem in problems(given) if problem.severity == "error"] == []


def choices(info: types.Type) -> set[str]:
    """Every word that stands for a choice, in a type or in what is in it."""
    text = json.dumps(schema.of(info.cls)) if isinstance(info, types.StructType) else "{}"
    found: set[str] = set()
    ahead = [json.loads(text)]
    while ahead:
        each = ahead.pop()
        if isinstance(each, dict):
            words = [*each.get("enum", ()), each.get("const")]
            found |= {word for word in words if isinstance(word, str)}
            ahead += each.values()
        elif isinstance(each, list):
            ahead += each
    return found


def test_other_words_lead_to_choices_and_are_none_themselves() -> None:
    known = set().union(*(choices(types.type_info(model)) for model in MODELS.values()))
    assert set(_OTHER_CHOICES.values()) <= known
    assert not {word.lower() for word in known} & set(_OTHER_CHOICES)


def test_other_words_lead_to_keys() -> None:
    keys = [
        {field.encode_name for field in info.fields}
        for model in MODELS.values()
        for info in structs(types.type_info(model), set())
    ]
    for word, ours in _OTHER_WORDS.items():
        assert word == word.lower()
        for meant in ours.split():
            assert any(meant in known for known in keys), meant
            # where the word itself is a key, it is never unknown
            assert not any({word, meant} <= known for known in keys) or word == "name"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("Slack", "slack"),
        ("SLACK", "slack"),
        ("WebHook", "webhook"),
        ("e-mail", "email"),
        ("Email", "email"),
        ("slakc", "slack"),
    ],
)
def test_a_choice_in_another_case_is_the_nearest(word: str, meant: str) -> None:
    written = {"alerts": {"on_failure": [{"type": word, "conn_id": "x"}]}}
    (found,) = [p for p in violations(schema.of(Common), written) if p.code == "not-a-choice"]
    assert found.hint == f"did you mean {meant!r}?"


@pytest.mark.parametrize(
    ("word", "meant"), [("Upsert", "merge"), ("overwrite", "replace"), ("MERGE", "merge")]
)
def test_what_others_call_a_mode(word: str, meant: str) -> None:
    model = kinds.find("ingest").Arguments
    found = [p for p in violations(schema.of(model), {"write": {"mode": word}}) if "mode" in p.path]
    assert found[0].hint == f"did you mean {meant!r}?"


@pytest.mark.parametrize("word", ["PostgreSQL", "Postgres", "postgers"])
def test_what_others_call_a_target(word: str) -> None:
    model = kinds.find("ingest").Arguments
    told = violations(schema.of(model), {"target": {"type": word}})
    found = [problem for problem in told if "type" in problem.path]
    assert found[0].hint == "did you mean 'postgres'?"


def test_a_key_in_another_case_is_the_nearest() -> None:
    model = msgspec.defstruct(
        "Model", [("id", str, ""), ("Name", str, "")], forbid_unknown_fields=True
    )
    (found,) = violations(schema.of(model), {"name": "x"})
    assert found.hint == "did you mean 'Name'?"
