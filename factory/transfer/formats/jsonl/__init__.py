"""JSON Lines: one object in each line, its keys the columns.

- A missing key is null. The columns are the keys of the first rows of each file, and those that are
  declared; another key is refused where it stands, or passed over when `select` is given.
- Objects and arrays become text, as it stands in the file. So does every value of a column that is
  declared `json`, and every value but strings of one that is declared `text`.
- Numbers keep their digits or are refused; strings are no numbers.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from functools import partial

import fsspec
import pyarrow as pa

from factory.transfer import names
from factory.transfer import options as opt
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.jsonl import kinds
from factory.transfer.formats.jsonl.infer import Seen, sample
from factory.transfer.formats.jsonl.rows import Column, Rows
from factory.transfer.temporal import Temporal
from factory.transfer.types import arrow_type

OPTIONS = ("columns", "select", "timestamp_formats", "timezone", *names.OPTIONS)
JSON = "json"


def open(
    fs: fsspec.AbstractFileSystem,
    sources: Sequence[str],
    options: Mapping[str, object],
    bad: BadRows,
) -> Reader:
    """See `Format.open`."""
    declared = opt.text_map(options, "columns")
    seen = sample(fs, sources)
    keys = [*seen, *_late(options, seen, declared)]
    own = dict(zip(names.final(keys, options, sources[0]), keys, strict=True))
    if not own and not declared:
        raise BadRow(f"{sources[0]} holds no rows", "Declare `columns` to load it as an empty one")
    chosen = _chosen(options, [*own, *(name for name in declared if name not in own)])
    how = _how(options)
    columns = [
        Column(name, own.get(name), _kind(declared.get(name), seen.get(own.get(name, "")), how))
        for name in chosen
    ]
    rows = Rows(
        columns,
        skipped=[key for name, key in own.items() if name not in chosen],
        any_key="select" in options,
        final=partial(_final, options),
    )
    return Reader(rows.schema, lambda source: rows.batches(fs, source, bad))


def _late(
    options: Mapping[str, object], seen: Mapping[str, Seen], declared: Mapping[str, str]
) -> list[str]:
    """Keys that are renamed to a declared column, and not in the first rows."""
    rename = opt.text_map(options, "rename")
    return [old for old, new in rename.items() if new in declared and _absent(old, seen, options)]


def _absent(name: str, seen: Mapping[str, Seen], options: Mapping[str, object]) -> bool:
    styled = {names.snake_case(key) for key in seen} if options.get("names") != "as_is" else set()
    return name not in seen and name not in styled


def _final(options: Mapping[str, object], key: str) -> str:
    """The column that a key becomes."""
    rename = opt.text_map(options, "rename")
    known = {old: new for old, new in rename.items() if old in (key, names.snake_case(key))}
    return names.final([key], {**options, "rename": known}, "")[0]


def _chosen(options: Mapping[str, object], columns: Sequence[str]) -> Sequence[str]:
    select = opt.texts(options, "select")
    for name in select:
        if name not in columns:
            raise unknown("column in 'select'", name, columns)
    return select or columns


def _how(options: Mapping[str, object]) -> Temporal:
    zone = opt.get(options, "timezone", str, "")
    if zone:
        try:
            zoneinfo.ZoneInfo(zone)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError):
            raise unknown("time zone", zone, zoneinfo.available_timezones()) from None
    return Temporal(tuple(opt.texts(options, "timestamp_formats")), zone or None)


def _kind(declared: str | None, seen: Seen | None, how: Temporal) -> kinds.Kind:
    if declared is not None and declared.strip().lower() == JSON:
        return kinds.Json()
    type = pa.null() if seen is None else seen.type
    if declared is not None:
        type = arrow_type(declared)
    elif seen is not None and seen.json:
        return kinds.Json()
    if pa.types.is_string(type):
        return kinds.Text(declared=declared is not None, mixed=seen is not None and seen.mixed)
    return kinds.kind_of(type, how)


__all__ = ["OPTIONS", "open"]
