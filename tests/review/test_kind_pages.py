"""What a project's people and editors are told of its own kinds."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema

from factory.plan.kind import builtin_names
from factory.project import Project
from factory.review import kind_pages, schema_files
from factory.review.own_kinds import OfProject

KIND = """\
version: 1
description: Rows into a table.
deprecated: load@2 counts them, too
params:
  table: {type: string, description: "Where | the rows go.", examples: [raw.orders]}
  mode: {enum: [replace, append], default: replace}
  days: {type: integer, default: 3}
tasks: [{id: show, run: "echo ${params.table} ${params.mode} ${params.days}"}]
outputs: {said: "{{ tasks.show.output }}"}
"""
PAGE = """\
## `load`

**Deprecated**: load@2 counts them, too

Rows into a table.

```yaml
tasks:
  - id: load
    uses: load
    with:
      table: raw.orders
```

| parameter | value | default | meaning |
|---|---|---|---|
| `table` | string | **required** | Where \\| the rows go. |
| `mode` | `replace`, `append` | `replace` |  |
| `days` | integer | `3` |  |

Outputs, read as `{{ tasks.<id>.outputs.<name> }}`: `said`.
"""


def project(root: Path) -> Path:
    (root / "_kinds").mkdir(parents=True)
    (root / "_kinds/load.yaml").write_text(KIND)
    (root / "_kinds/broken.yaml").write_text("tasks: 3")
    return root


def test_a_page_tells_what_a_call_may_say(tmp_path: Path) -> None:
    root = project(tmp_path / "configs")
    pages = kind_pages.Pages(root)
    assert pages.stale() == ["configs/_kinds/README.md"]
    (page,) = pages.write()
    assert page.read_text().endswith(PAGE)
    assert pages.stale() == []


def test_without_kinds_there_is_no_page(tmp_path: Path) -> None:
    assert kind_pages.Pages(tmp_path / "configs").write() == []


def test_a_parameter_that_takes_nothing_has_a_page(tmp_path: Path) -> None:
    root = project(tmp_path / "configs")
    (root / "_kinds/load.yaml").write_text(KIND.replace("type: integer, default: 3", "enum: []"))
    (page,) = kind_pages.Pages(root).write()
    assert "days: …" in page.read_text()


def test_the_example_of_the_page_is_a_good_call(tmp_path: Path) -> None:
    root = project(tmp_path / "configs")
    kind_pages.Pages(root).write()
    example = PAGE.partition("```yaml\n")[2].partition("```")[0]
    (root / "spec.yaml").write_text(f"version: 1\n{example}")
    assert Project(root).outcome(root / "spec.yaml").diagnostics == ()


def test_an_editor_checks_what_a_call_gives(tmp_path: Path) -> None:
    root = project(tmp_path / "configs")
    OfProject(root).write(tmp_path / "schemas")
    assert OfProject(root).stale(tmp_path / "schemas") == []
    of_kind = json.loads((tmp_path / "schemas/kinds/load.schema.json").read_text())
    rules = jsonschema.Draft202012Validator(of_kind)
    assert rules.is_valid({"table": "raw.orders", "mode": "append", "days": 1})
    assert rules.is_valid({"mode": "${vars.mode}", "days": "${vars.days}"})
    assert not rules.is_valid({"days": "many"})
    assert not rules.is_valid({"tabel": "raw.orders"})
    pipelines = schema_files.pipeline(
        sorted(builtin_names()), written={"load": kind_pages.schemas(root)["load"]}
    )
    task = pipelines["$defs"]["WrittenTaskItem"]
    assert "load" in [one.get("const") for one in task["properties"]["uses"]["anyOf"]]
