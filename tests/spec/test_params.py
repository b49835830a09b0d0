"""What Airflow is never given, and that nothing is fetched or followed to find it out."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from factory.project import Project
from factory.spec.params import problems
from factory.spec.schema import DIALECT


def told(schema: dict[str, Any]) -> list[str]:
    return [problem.message for problem in problems({"params": {"p": schema}})]


@pytest.mark.parametrize("word", ["$ref", "$dynamicRef", "$recursiveRef", "$id"])
@pytest.mark.parametrize(
    "around",
    [
        lambda entry: entry,
        lambda entry: {"items": entry},
        lambda entry: {"properties": {"a": {"anyOf": [{}, entry]}}},
        lambda entry: {"x-own": entry, "$ref": "#/x-own"},
        lambda entry: {"schema": entry},
    ],
)
def test_nobody_is_asked_for_a_schema(word: str, around: Any, tmp_path: Path) -> None:
    asked = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        schema = {"type": "string", "default": "a", **around({word: address})}

        def listen() -> None:
            with contextlib.suppress(TimeoutError):
                asked.append(server.accept())

        listener = threading.Thread(target=listen)
        listener.start()
        (message,) = told(schema)
        listener.join()
    assert asked == []
    assert message


def test_every_way_to_a_file_is_refused() -> None:
    for address in ("file:///dev/zero", "/dev/zero", "other.json", "other.json#/a", "urn:a:b", ""):
        schema = {"type": "string", "$ref": address, "default": "a"}
        assert len(told(schema)) == 1


def doubled(levels: int) -> dict[str, Any]:
    """2^levels schemas, written in few lines."""
    definitions: dict[str, Any] = {
        f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(levels)
    }
    definitions[f"d{levels}"] = {"type": "string"}
    return {"type": "string", "$ref": "#/$defs/d0", "$defs": definitions, "default": "a"}


def unevaluated(levels: int) -> dict[str, Any]:
    """Each level looks at the one below it several times."""
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"unevaluatedProperties": False, "anyOf": [schema]}
    return {**schema, "default": {}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return {**schema, "default": []}


ENDLESS: dict[str, dict[str, Any]] = {
    "itself": {"type": "array", "items": {"$ref": "#"}, "default": []},
    "a circle": {
        "type": "string",
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "default": "a",
    },
    "an anchor of itself": {"type": "string", "$anchor": "a", "not": {"$ref": "#a"}},
    "doubled": doubled(14),
    "doubled for long": doubled(60),
    "unevaluated": unevaluated(25),
    "nested": nested(100),
    "pattern": {"type": "string", "pattern": "(a+)+$", "default": "a" * 40 + "!"},
    "pattern of keys": {"patternProperties": {"(a+)+$": {}}, "default": {"a" * 40 + "!": 1}},
    "pattern and much text": {"type": "string", "pattern": "a*b", "default": "a" * 50_000},
    "unique mappings": {"uniqueItems": True, "default": [{"a": i} for i in range(5000)]},
    "format": {"type": "string", "format": "regex", "default": "(" * 1500},
    "much": {"enum": [{"a": [i]} for i in range(10_000)], "default": 1},
    "much for much": {"items": {"enum": [*range(1000)]}, "default": [1] * 10_000},
    "several thousand patterns": {
        "anyOf": [{"pattern": f"^(a{i}|b[a-z]+c)*$"} for i in range(4000)],
        "default": "a",
    },
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_not_end_is_refused_at_once(name: str) -> None:
    start = time.process_time()
    (message,) = told(ENDLESS[name])
    assert time.process_time() - start < 2
    assert len(message) < 300


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "date", "default": "2024-01-01"},
        {"type": "array", "items": {"type": "string"}, "default": ["a"] * 1000},
        {"type": "array", "uniqueItems": True, "default": [*range(500)]},
        {"enum": [f"zone{i}" for i in range(600)], "default": "zone1"},
        {
            "type": "array",
            "items": {"$ref": "#/$defs/a"},
            "$defs": {"a": {"$anchor": "b", "type": "integer"}, "c": {"$ref": "#b"}},
            "default": [1],
        },
        {"type": "object", "default": {"$ref": "http://127.0.0.1/", "pattern": "(a+)+"}},
        {"type": "string", "description": "a schema", "title": "x", "default": "a"},
        {"type": ["string", "null"], "default": None, "$schema": DIALECT},
    ],
)
def test_what_people_declare_is_taken(schema: dict[str, Any]) -> None:
    assert told(schema) == []


def test_one_bad_parameter_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "version: 1\ntasks: [{id: a, run: echo}]\nparams:\n"
        "  a: {type: string, $ref: 'file:///dev/zero', default: x}\n"
        "  b: {type: integer, default: x}\n"
    )
    (outcome,) = Project(tmp_path, "dev").outcomes()
    assert [(entry.line, entry.code) for entry in outcome.diagnostics] == [
        (4, "param"),
        (5, "param"),
    ]
