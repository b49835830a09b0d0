"""The reference pages in `docs/reference/`, made from the Structs.

`pages/` beside this module holds the words that no Struct has; their marks
(`<!-- keys: Name -->`) are filled from the Structs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec import inspect as types

from factory.plan import kind as kinds
from factory.plan.kind import Step
from factory.plan.model import Task
from factory.review import errors, generated, kind_pages, skeleton, tables, targets
from factory.review.yaml_text import block
from factory.spec import model, schedule, schema

OF_KINDS = "kinds/*.md"
GRAMMAR = {
    "pipeline": "its keys, tasks and groups, clean-up, what is filled in when. Begin here.",
    "schedules": "when runs start (a cron, assets, events), and what a run is of.",
    "flow": "`matrix`, `for_each`, outputs, `if`.",
    "layers": "what is said once: defaults, environments, kinds of your own, values in files.",
    "alerts": "who is told, and deadlines.",
}
"""The pages of the grammar."""
GENERATED = "<!-- Made by `factory docs` from the code; change it there. -->\n\n"


def write(root: Path) -> list[Path]:
    """Write every page below `root`, the folder `docs/reference`; remove left-over ones.

    And the made parts of the page of errors beside that folder.
    """
    page = generated.write(root.parent, errors.files(root.parent))
    return [*generated.write(root, files(), OF_KINDS), *page]


def stale(root: Path) -> list[str]:
    """Names of the pages that `write` would change, make or remove."""
    page = generated.stale(root.parent, errors.files(root.parent))
    return [*generated.stale(root, files(), OF_KINDS), *page]


class OfProject:
    """The pages of a project: that of its own kinds, too.

    :param root: its configuration folder.
    """

    def __init__(self, root: Path) -> None:
        self._own = kind_pages.Pages(root)

    def write(self, folder: Path) -> list[Path]:
        """See `write`."""
        return [*write(folder), *self._own.write()]

    def stale(self, folder: Path) -> list[str]:
        """See `stale`."""
        return [*stale(folder), *self._own.stale()]


def files() -> dict[str, str]:
    """The text of every page by its path below `docs/reference`."""
    names = kinds.builtin_names()
    made = {"README.md": _index(names), "targets.md": _targets()}
    made |= {f"{name}.md": _page(name) for name in GRAMMAR}
    for name in names:
        made[f"kinds/{name}.md"] = _kind(name)
    return {name: GENERATED + text for name, text in made.items()}


def example(name: str) -> str:
    """A short valid pipeline of a kind, made of the fields' own examples."""
    given = skeleton.required(_info(kinds.find(name).Arguments), skeleton.Examples())
    task = {"id": name, "uses": name} | ({"with": given} if given else {})
    dated = {"schedule": {"covers": "previous_day"}} if "{{ interval." in str(given) else {}
    return block({"version": 1, **dated, "tasks": [task]})


def _index(names: tuple[str, ...]) -> str:
    rows = [f"| [`{name}`](kinds/{name}.md) | {_summary(name)} |" for name in names]
    operator = "Any Airflow operator, by its import path: see [Tasks](pipeline.md#tasks)."
    own = (
        "Steps that many pipelines repeat ([a kind of your own](layers.md#a-kind-of-your-own)), or"
        " a kind with its defaults ([a name of your own](layers.md#a-name-of-your-own))."
    )
    lines = [
        "# Reference",
        "\n".join(f"- {_link(name)}: {about}" for name, about in GRAMMAR.items()),
        "[What each target can](targets.md): write modes, checks, what its columns hold.",
        "## Kinds",
        "What `uses` may name:",
        "\n".join(
            [
                "| kind | what it does |",
                "|---|---|",
                *rows,
                f"| a name of your own | {own} |",
                f"| an import path | {operator} |",
            ]
        ),
    ]
    return _joined(lines)


def _link(name: str) -> str:
    """To a page of the grammar, by its heading."""
    title = _page(name).partition("\n")[0].removeprefix("# ")
    return f"[{title}]({name}.md)"


def _targets() -> str:
    lines = [
        "# What each target can",
        "What a target of [`ingest`](kinds/ingest.md) cannot, lint refuses, with the reason.",
        targets.table(),
    ]
    return _joined(lines)


def _kind(name: str) -> str:
    arguments = kinds.find(name).Arguments
    info = _info(arguments)
    more = inspect.cleandoc(arguments.__doc__ or "").partition("\n\n")[2]
    text = example(name)
    parts = [f"# `{name}`", _summary(name), more, f"```yaml\n{text}```", *_becomes(name, text)]
    parts += ["## Arguments", "These stand in the task's `with`.", tables.table(info)]
    parts += tables.sections(info, 3)
    parts += _output(name)
    parts.append("The keys of every task: [Tasks](../pipeline.md#tasks).")
    return _joined(parts)


def _output(name: str) -> Iterator[str]:
    """What `{{ tasks.x.output }}` is."""
    if about := getattr(kinds.find(name), "OUTPUT", ""):
        yield "## Output"
        yield f"`{{{{ tasks.{name}.output }}}}` of a task with this id: {about}."


def _becomes(name: str, text: str) -> Iterator[str]:
    """The Airflow tasks of an example."""
    (task,) = yaml.safe_load(text)["tasks"]
    kind = kinds.find(name)
    given = msgspec.convert(task.get("with", {}), kind.Arguments)
    step = Step(id=task["id"], uses=name, arguments=given, dag_id="example")
    rows = [_task_row(entry) for entry in kind.compile(step).tasks]
    yield "It becomes:"
    yield "\n".join(["| Airflow task | operator |", "|---|---|", *rows])


def _task_row(task: Task) -> str:
    role = "" if task.role == "task" else f" ({task.role})"
    return f"| `{task.id}`{role} | `{task.operator.rpartition('.')[2]}` |"


def _page(name: str) -> str:
    text = (Path(__file__).parent / "pages" / f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"<!-- (\w+)(?:: (\w+))? -->", lambda mark: _MARKS[mark[1]](mark[2]), text)


_EXAMPLES = 1  # the grammar is read, and its pages have examples of their own


def _keys(name: str) -> str:
    """The table of a Struct of the grammar; a task's settings have one of their own."""
    if name == "Task":
        settings = tuple(model.SETTINGS)
        return tables.table(_info(model.WrittenTask), skip=settings, examples=_EXAMPLES)
    info = _info(getattr(model, name))
    first = sorted(info.fields, key=lambda field: field.encode_name not in ("version", "tasks"))
    return tables.table(msgspec.structs.replace(info, fields=tuple(first)), examples=_EXAMPLES)


def _names(name: str) -> str:
    fields = _info(getattr(model, name)).fields
    return ", ".join(f"`{field.encode_name}`" for field in fields)


def _alerts(_: str) -> str:
    members = types.type_info(model.Alert)
    assert isinstance(members, types.UnionType)
    structs = [member for member in members.types if isinstance(member, types.StructType)]
    return "\n\n".join(tables.choices(structs, 3, _EXAMPLES))


def _presets(_: str) -> str:
    return ", ".join(f"`{preset}`" for preset in schedule.PRESETS)


_MARKS: dict[str, Callable[[str], str]] = {
    "keys": _keys,
    "names": _names,
    "alerts": _alerts,
    "presets": _presets,
}


def _info(struct: Any) -> types.StructType:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    return info


def _summary(name: str) -> str:
    return schema.summary(kinds.find(name).Arguments)


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part) + "\n"
