"""The schemas in `schemas/`: up to date, complete, and right about real files."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from factory.plan.kind import builtin_names
from factory.review import kind_pages, own_kinds, schema_files
from factory.spec.read import read

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
NAMES = sorted(schema_files.files(builtin_names()))


def load(name: str) -> Any:
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pipelines() -> jsonschema.Draft202012Validator:
    return validator(())


@cache
def validator(
    own: tuple[tuple[str, str], ...], root: Path | None = None, file: str = "pipeline"
) -> jsonschema.Draft202012Validator:
    """That of a pipeline's file, or another, which finds the kinds' schemas beside it.

    :param own: names of its project, with what they mean.
    :param root: the project whose own kinds are known.
    """
    base = SCHEMAS.as_uri() + "/"
    texts = {name: load(name) for name in NAMES}
    if own or root:
        written = kind_pages.schemas(root) if root else {}
        made = schema_files.files(sorted(builtin_names()), dict(own), written)
        texts = {name: json.loads(text) for name, text in made.items()}
    registry: Registry[Any] = Registry().with_resources(
        (base + name, Resource.from_contents(text | {"$id": base + name}))
        for name, text in texts.items()
    )
    return jsonschema.Draft202012Validator(
        registry.contents(base + f"{file}.schema.json"), registry=registry
    )


def test_the_committed_schemas_are_up_to_date() -> None:
    assert schema_files.stale(SCHEMAS, builtin_names()) == []


def test_writing_makes_them_up_to_date_and_removes_what_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "gone.schema.json").write_text("{}")
    assert set(schema_files.stale(tmp_path)) == {*NAMES, "kinds/gone.schema.json"}
    written = schema_files.write(tmp_path)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in written) == NAMES
    assert schema_files.stale(tmp_path) == []
    assert not (tmp_path / "kinds" / "gone.schema.json").exists()


def test_an_edited_schema_is_stale(tmp_path: Path) -> None:
    schema_files.write(tmp_path)
    path = tmp_path / "kinds" / "bash.schema.json"
    path.write_text(path.read_text() + "\n")
    assert schema_files.stale(tmp_path) == ["kinds/bash.schema.json"]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_a_schema_with_a_title_and_a_name_beside_the_others(name: str) -> None:
    found = load(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$id"] == Path(name).name
    assert found["title"]
    assert found["description"]


@pytest.mark.parametrize("name", NAMES)
def test_none_names_a_host_but_that_of_the_dialect(name: str) -> None:
    text = (SCHEMAS / name).read_text(encoding="utf-8")
    hosts = set(re.findall(r"https?://([^/\"]+)", text))
    assert {host for host in hosts if not host.endswith("example.org")} == {"json-schema.org"}


def described(value: Any, path: str) -> list[str]:
    """Places of properties without a description."""
    if isinstance(value, list):
        return [place for entry in value for place in described(entry, path)]
    if not isinstance(value, dict):
        return []
    found = []
    for key, entry in value.items():
        if key == "properties":
            for name, inner in entry.items():
                # inside a condition or a choice the same key is described beside it
                plain = not isinstance(inner, dict) or {"const"} == set(inner) - {"title"}
                if not plain and not {"description", "allOf"} & set(inner):
                    found.append(f"{path}/{name}")
                found += described(inner, f"{path}/{name}")
        else:
            found += described(entry, f"{path}/{key}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_property_has_a_description(name: str) -> None:
    missing = [
        place for place in described(load(name), "") if "/kinds/" not in place
    ]  # a kind's own schema describes it
    assert missing == []


def test_with_follows_uses(pipelines: jsonschema.Draft202012Validator) -> None:
    def valid(task: dict[str, Any]) -> bool:
        return pipelines.is_valid({"version": 1, "tasks": [{"id": "a", **task}]})

    assert valid({"uses": "bash", "with": {"command": "ls"}})
    assert valid({"uses": "bash"})  # a layer may give the command
    assert not valid({"uses": "bash", "with": {"comand": "ls"}})
    assert not valid({"uses": "ingest", "with": {"command": "ls"}})
    assert valid({"uses": "acme.operators.Any", "with": {"anything": 1}})
    assert valid({"run": "ls", "with": {"env": {"A": "b"}}})
    assert not valid({"run": "ls", "with": {"evn": {"A": "b"}}})
    assert not valid({"uses": "nothing"})
    assert not valid({"uses": "bash", "run": "ls"})
    assert not valid({})


@pytest.mark.parametrize(
    "path",
    [
        path
        for folder in ("dag_factory_configs", "tests/cases/valid")
        for path in sorted((ROOT / folder).rglob("*.yaml"))
        if not path.name.startswith("_") and path.parent.name != "environments"
    ],
    ids=lambda path: path.relative_to(ROOT).as_posix(),
)
def test_a_good_file_is_good(path: Path) -> None:
    own = own_kinds.of(path.parent)
    above = next((one for one in path.parents if (one / "_kinds").is_dir()), None)
    file = "kind" if path.parent.name == "_kinds" else "pipeline"
    rules = validator(tuple(own.items()), above, file)
    errors = rules.iter_errors(read(path, path.name).value)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
