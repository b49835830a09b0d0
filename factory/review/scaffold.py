"""The first version of a pipeline of a kind, from the kind's own types: text, not yet a file."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import inspect as types

from factory.errors import UsageError
from factory.plan import kind as kinds
from factory.review import skeleton
from factory.spec import schema as schemas
from factory.spec.scalars import is_text

_FUNCTION = re.compile(r"[\w./-]+\.py:(?P<function>\w+)\Z")
_SAFE = re.compile(r"[\w/@+][\w /.,:;@+=()\[\]{}%$*<>'\"!?|&~^-]*\Z")
_PYTHON = '''\
def {function}(run_id: str) -> None:
    """Replace this. With `covers` in the schedule ask for `interval`: what the run is of."""
    print(f"{name} runs as {{run_id}}")
'''


class Known(msgspec.Struct, frozen=True):
    """What is there for a new pipeline to name: other pipelines, and tables that they write.

    `source` is where its rows come from, when that is known; `doubts` are of its columns.
    """

    pipelines: Sequence[str] = ()
    tables: Sequence[str] = ()
    source: Mapping[str, Any] = {}
    doubts: Mapping[str, str] = {}


class Scaffold(msgspec.Struct, frozen=True):
    """A pipeline's text, and the texts of files beside it that it names."""

    text: str
    beside: Mapping[str, str]


def scaffold(kind: str, name: str, schema: str, given: Mapping[str, Any], known: Known) -> Scaffold:
    """A pipeline of one task.

    :param schema: path of the pipelines' JSON Schema, from the new file's folder; empty: none.
    :param given: arguments that layers give already.
    :raises UsageError: `known` has a source, and the kind takes none.
    """
    beside: dict[str, str] = {}
    info = types.type_info(kinds.arguments(kinds.find(kind), given))
    assert isinstance(info, types.StructType)
    needed: dict[str, Any] = {}
    if "." not in kind:
        wanted = skeleton.required(info, skeleton.Draft(), given)
        needed = _own(wanted, _names(name, info, known), known, beside)
    if known.source:
        needed |= _sourced(kind, info, known)
    lines = _lines(kind, name, schema, info, needed, given, known.doubts)
    return Scaffold("\n".join(lines), beside)


def summary(name: str) -> str:
    """What a kind does, in its own first sentence."""
    return re.split(r"(?<=\.)\s", schemas.summary(kinds.find(name).Arguments))[0]


def _lines(
    kind: str,
    name: str,
    schema: str,
    info: types.StructType,
    needed: Mapping[str, Any],
    given: Mapping[str, Any],
    doubts: Mapping[str, str],
) -> Iterator[str]:
    words = name.replace("_", " ").replace("-", " ")
    step = kind.rpartition(".")[2].lower()
    if schema:
        yield f"# yaml-language-server: $schema={schema}"
    yield "version: 1"
    yield f"description: {_scalar(f'{words[:1].upper()}{words[1:]}.')}"
    yield f"schedule: {_schedule(needed)}"
    yield "tasks:"
    yield f"  - id: {step}"
    yield f"    uses: {kind}"
    optional = [field for field in info.fields if not field.required]
    if needed:
        yield "    with:"
        for key, value in needed.items():
            yield from _about(_field(info, key))
            yield from _entry(key, value, 6, doubts if key == "source" else {})
    if "." in kind:
        yield "    # with: the operator's own arguments"
    elif optional:
        yield "      # besides:" if needed else "    # with:"
        for field in optional:
            if field.encode_name not in given:
                yield f"      #   {field.encode_name}: {_description(field.type)}"
    yield ""


def _schedule(needed: Mapping[str, Any]) -> str:
    """By hand at first; of a day where the scaffold itself asks for one."""
    daily = '{cron: "0 6 * * *", covers: previous_day}'
    if "interval." in json.dumps(needed):
        return f"{{covers: previous_day}}  # by hand; or {daily}"
    return f"null  # by hand; or {daily}, {{every: 15m}}"


def _about(field: types.Field | None) -> Iterator[str]:
    if field is not None and (about := _description(field.type)):
        yield from textwrap.wrap(about, 94, initial_indent="      # ", subsequent_indent="      # ")


def _field(info: types.StructType, key: str) -> types.Field | None:
    return next((field for field in info.fields if field.encode_name == key), None)


def _description(info: types.Type) -> str:
    extra = info.extra_json_schema if isinstance(info, types.Metadata) else None
    text = str((extra or {}).get("description", ""))
    first = re.split(r"(?<=[.;])\s", text)[0].rstrip(";.")
    return text if len(text) <= 88 else f"{first}."


class _Names(msgspec.Struct, frozen=True):
    """Of the pipeline, of its table, and what counts as a statement that runs."""

    pipeline: str
    table: str
    sql: str


def _names(name: str, info: types.StructType, known: Known) -> _Names:
    """A kind that writes a table gets one of its own, another one that is there."""
    own = f"raw.{re.sub(r'[^a-z0-9]+', '_', name.lower()).strip('_')}"
    there = known.tables[0] if known.tables else ""
    table = own if _field(info, "target") else there or own
    return _Names(name, table, f"SELECT count(*) FROM {there}" if there else "SELECT 1")


def _own(value: Any, names: _Names, known: Known, beside: dict[str, str], key: str = "") -> Any:
    """The example's value, with names of what is there, and a function in a file of its own."""
    if isinstance(value, dict):
        own = {word: _own(entry, names, known, beside, word) for word, entry in value.items()}
        return own | (
            {"pipeline": known.pipelines[0]} if "pipeline" in own and known.pipelines else {}
        )
    if key in ("table", "sql"):
        return names.table if key == "table" else names.sql
    if not isinstance(value, str):
        return value
    if match := _FUNCTION.match(value):
        function = match["function"]
        beside[f"{names.pipeline}.py"] = _PYTHON.format(function=function, name=names.pipeline)
        return f"{names.pipeline}.py:{function}"
    return value.replace("/trips/", f"/{names.pipeline}/")


def _sourced(kind: str, info: types.StructType, known: Known) -> dict[str, Any]:
    """One file, which each run reads again: its rows take the place of those before."""
    if _field(info, "source") is None or _field(info, "write") is None:
        raise UsageError(
            f"the kind {kind!r} reads no file", "`factory new ingest NAME --from FILE`"
        )
    return {"source": known.source, "write": {"mode": "replace"}}


def _entry(key: str, value: Any, indent: int, doubts: Mapping[str, str]) -> Iterator[str]:
    """A key with its value; what is doubtful of a column stands behind it."""
    head = f"{' ' * indent}{_scalar(key)}:"
    flow = _flow(value)
    if not isinstance(value, dict) or (len(flow) <= 60 and len(value) <= 3 and not doubts):
        yield f"{head} {flow}"
        return
    yield head
    for name, entry in value.items():
        doubt = f"  # {doubts[name]}" if key == "columns" and name in doubts else ""
        yield from (f"{line}{doubt}" for line in _entry(name, entry, indent + 2, doubts))


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_inner(key)}: {_inner(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inner, value))}]"
    return _scalar(value)


def _inner(value: Any) -> str:
    """A value inside { } or [ ], where fewer characters may stand without quotes."""
    if isinstance(value, str) and set(value) & set(",[]{}"):
        return json.dumps(value, ensure_ascii=False)
    return _flow(value)


def _scalar(value: Any) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    is_plain = _SAFE.match(value) and value == value.strip() and is_text(value)
    if is_plain and ": " not in value and " #" not in value and not value.endswith(":"):
        return value
    return json.dumps(value, ensure_ascii=False)
