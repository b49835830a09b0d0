"""What every kind promises: it tells what it does, describes each field, and has its cases."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import yaml
from msgspec import inspect as types

from factory.plan import kind as kinds
from factory.plan.kind import Step
from factory.review import docs
from factory.spec.model import DefaultsFile, EnvironmentFile, Pipeline, PipelineFile

CASES = Path(__file__).parents[1] / "cases"
NAMES = kinds.builtin_names()
GRAMMAR = (Pipeline, PipelineFile, DefaultsFile, EnvironmentFile)


def structs(info: types.Type, seen: set[type]) -> Iterator[types.StructType]:
    """Every Struct that a type holds."""
    if isinstance(info, types.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        yield info
        inner = [field.type for field in info.fields]
    elif isinstance(info, types.UnionType):
        inner = list(info.types)
    elif isinstance(info, types.ListType):
        inner = [info.item_type]
    elif isinstance(info, types.DictType):
        inner = [info.value_type]
    else:
        inner = [info.type] if isinstance(info, types.Metadata) else []
    for part in inner:
        yield from structs(part, seen)


def undescribed(model: type[msgspec.Struct]) -> list[str]:
    found = []
    for info in structs(types.type_info(model), set()):
        for field in info.fields:
            extra = field.type.extra_json_schema if isinstance(field.type, types.Metadata) else None
            if not (extra or {}).get("description", "").strip():
                found.append(f"{info.cls.__name__}.{field.name}")
    return found


@pytest.mark.parametrize("model", GRAMMAR, ids=lambda model: model.__name__)
def test_every_key_of_the_grammar_is_described(model: type[msgspec.Struct]) -> None:
    assert undescribed(model) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_is_described(name: str) -> None:
    assert undescribed(kinds.find(name).Arguments) == []


@pytest.mark.parametrize("name", NAMES)
def test_every_struct_tells_in_its_first_line_what_it_is(name: str) -> None:
    for info in structs(types.type_info(kinds.find(name).Arguments), set()):
        first = (info.cls.__doc__ or "").partition("\n")[0]
        assert first[:1].isupper(), info.cls
        assert len(first) > 10, info.cls


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_hands_on(name: str) -> None:
    kind = kinds.find(name)
    (task,) = yaml.safe_load(docs.example(name))["tasks"]
    given = msgspec.convert(task.get("with", {}), kind.Arguments)
    found = kind.compile(Step(id=name, uses=name, arguments=given, dag_id="example"))
    may_be_asked = "output" in kind.Arguments.__struct_fields__
    assert bool(getattr(kind, "OUTPUT", "")) == bool(found.output or may_be_asked)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_keys_are_refused(name: str) -> None:
    for info in structs(types.type_info(kinds.find(name).Arguments), set()):
        assert info.forbid_unknown_fields, info.cls


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verdict", ["valid", "invalid"])
def test_there_are_cases(name: str, verdict: str) -> None:
    assert [path for path in (CASES / verdict / name).glob("*") if path.is_dir()]


@pytest.mark.parametrize("name", NAMES)
def test_a_process_that_looks_at_the_types_ends_well(name: str) -> None:
    """msgspec frees some patterns twice, which crashes the process, or not: here it always does."""
    code = (
        "from factory.plan import kind; from factory.spec.schema import inspected\n"
        f"inspected(kind.find({name!r}).Arguments)"
    )
    subprocess.run([sys.executable, "-X", "dev", "-c", code], check=True)
