"""Any operator by its import path: `uses: airflow.providers.…BashOperator`.

`{$call: datetime.timedelta, with: {minutes: 5}}` in an argument makes an object and
`{$ref: package.name}` imports one, both when the DAG is built, never in lint.
`{$ref: file.py:function}` is a function of a file beside the spec, loaded when it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path as File
from typing import Any, NamedTuple

import msgspec

from factory.diagnostics import Path, quoted
from factory.errors import BuildError
from factory.kinds import python
from factory.literals import is_template
from factory.plan.kind import Fragment, Step, single
from factory.plan.model import Call, Ref, Reference
from factory.plan.watch import skips_others
from factory.problem import Problem
from factory.spec import assets
from factory.spec.beside import missing

_HOLD_SECRETS = (
    "airflow.configuration",
    "airflow.hooks.base",
    "airflow.models.Connection",
    "airflow.models.Variable",
    "airflow.models.connection",
    "airflow.models.variable",
    "airflow.sdk.BaseHook",
    "airflow.sdk.Connection",
    "airflow.sdk.Variable",
    "airflow.settings",
    "os.environ",
    "os.environb",
    "os.getenv",
    "os.getenvb",
    "posix.environ",
)
"""What holds credentials while a DAG is built."""


class Arguments(msgspec.Struct, frozen=True):
    """The operator's own arguments, as its documentation names them."""


def compile(step: Step) -> Fragment:
    """One task of the operator that `uses` names; `step.arguments` is a plain mapping."""
    mark = _Marker(step.id)
    arguments = {key: mark.value(value, ("with", key)) for key, value in step.arguments.items()}
    if step.beside:
        _require_no_file(step)
    fragment = single(step, step.uses, arguments)
    if _may_skip(step.uses, arguments):
        fragment = msgspec.structs.replace(fragment, skipping=(step.id,))
    if _TELLING.isdisjoint(arguments):
        return fragment
    made = list(assets_of(arguments))
    return msgspec.structs.replace(
        fragment,
        reads=tuple(asset.uri for asset in made if not asset.updated),
        writes=tuple(asset.uri for asset in made if asset.updated),
        pipelines=tuple(_pipelines(arguments)),
    )


def _may_skip(uses: str, arguments: Mapping[str, Any]) -> bool:
    """Whether the operator skips itself or what is behind it, as its name or an argument says."""
    return bool(
        skips_others(uses) or arguments.get("soft_fail") or "skip_on_exit_code" in arguments
    )


def _require_no_file(step: Step) -> None:
    """Airflow looks for a template's file beside the pipeline, not beside a kind of one's own.

    :raises BuildError: an argument names one that stands beside the kind.
    """
    for place, value in assets.entries(step.arguments, ("with",)):
        is_name = isinstance(value, str) and _FILE.fullmatch(value)
        if is_name and step.folder is not None and missing(value, step.folder) is None:
            message = f"an operator finds no file beside a kind of your own: {quoted(value)}"
            hint = "write the text here, or let a step of the product name it, such as `uses: sql`"
            raise BuildError(step.id, place, message, hint)


_FILE = re.compile(r"[^\s{}:]+\.[a-z]{2,5}")


def inspect(step: Step, folder: File) -> Iterator[Problem]:
    """Whether the functions are there that stand in files beside the spec."""
    for place, value in assets.entries(step.arguments, ()):
        if place[-1:] == ("$ref",) and (named := of_file(value)):
            problem = missing(named["file"], folder) or _undefined(folder / named["file"], named)
            if problem is not None:
                yield msgspec.structs.replace(problem, path=place)


def of_file(value: object) -> re.Match[str] | None:
    """`file` and `name` of a function in a file: `clean.py:run`."""
    return _OF_FILE.fullmatch(value) if isinstance(value, str) else None


_OF_FILE = re.compile(r"(?P<file>[^:]+\.py):(?P<name>[A-Za-z_]\w*)")


def _undefined(path: File, named: re.Match[str]) -> Problem | None:
    found = python.defined(path, named["name"], beside=True)
    return found if isinstance(found, Problem) else None


_PIPELINES = ("trigger_dag_id", "external_dag_id")
"""Arguments of Airflow's own operators that name another DAG."""
_ASSETS = ("outlets", "inlets")
"""Arguments of every operator: the assets that it updates, and those that it reads."""
_TELLING = frozenset((*_PIPELINES, *_ASSETS))


def _pipelines(arguments: Mapping[str, Any]) -> Iterator[Reference]:
    for key in _PIPELINES:
        named = arguments.get(key)
        if isinstance(named, str) and not is_template(named):
            yield Reference(named, (key,))


class MadeAsset(NamedTuple):
    """An asset that an operator's arguments make: where, its name, its address, as written."""

    place: Path
    name: str
    uri: str
    updated: bool


def assets_of(arguments: Mapping[str, Any]) -> Iterator[MadeAsset]:
    """The assets that a plan's task of an operator makes by a `Call`."""
    for place, entry in entries(arguments):
        if not isinstance(entry, Call) or not entry.path.endswith(".Asset"):
            continue
        given = entry.arguments
        name, uri = given.get("name"), given.get("uri")
        name, uri = name or uri, uri or name
        if isinstance(name, str) and isinstance(uri, str):
            word = "uri" if "uri" in given else "name"
            yield MadeAsset((*place, "with", word), name, uri, place[0] == "outlets")


def entries(arguments: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """What stands in the `outlets` and `inlets` of an operator, with its place."""
    for key in _ASSETS:
        listed = arguments.get(key)
        if isinstance(listed, list):
            yield from (((key, place), entry) for place, entry in enumerate(listed))
        else:
            yield (key,), listed


class _Marker:
    """Turns `$call` and `$ref` into marks."""

    def __init__(self, step: str) -> None:
        self.step = step

    def value(self, value: Any, path: Path) -> Any:
        """A value with every mark in it."""
        if isinstance(value, list):
            return [self.value(entry, (*path, index)) for index, entry in enumerate(value)]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            if of_file(value["$ref"]):
                self._require_alone(value, "$ref", (), path)
                return Ref(str(value["$ref"]))
            return Ref(self._import_path(value, "$ref", (), path))
        if "$call" not in value:
            return {key: self.value(entry, (*path, key)) for key, entry in value.items()}
        called = self._import_path(value, "$call", ("with",), path)
        given = value.get("with", {})
        if not isinstance(given, dict):
            raise BuildError(self.step, (*path, "with"), "`with` of a $call is no mapping")
        place = (*path, "with")
        return Call(called, {key: self.value(v, (*place, key)) for key, v in given.items()})

    def _require_alone(
        self, value: dict[str, Any], word: str, others: tuple[str, ...], path: Path
    ) -> None:
        for key in value:
            if key not in (word, *others):
                message = f"the key {key!r} is not known beside {word}"
                raise BuildError(self.step, (*path, key), message, at_key=True)

    def _import_path(
        self, value: dict[str, Any], word: str, others: tuple[str, ...], path: Path
    ) -> str:
        self._require_alone(value, word, others, path)
        named = value[word]
        names = named.split(".") if isinstance(named, str) else []
        is_path = len(names) > 1 and all(name.isidentifier() for name in names)
        if not is_path or names[-1] == "py":
            message = f"{word} needs an import path such as package.module.Name"
            beside = "a function of a file beside this one is `file.py:function`"
            raise BuildError(self.step, (*path, word), message, beside * (word == "$ref"))
        if any(f"{named}.".startswith(f"{secret}.") for secret in _HOLD_SECRETS):
            message = f"what {named} gives would be stored with the DAG, for all to read"
            hint = "a template is filled in when the task runs: `{{ var.value.name }}`"
            raise BuildError(self.step, (*path, word), message, hint)
        return str(named)
