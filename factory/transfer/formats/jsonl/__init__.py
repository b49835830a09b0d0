"""JSON Lines: one object in each line, its keys the columns.

- A missing key is null. The columns are the keys of the first rows of each file, and those that are
  declared; another key is refused where it stands, or passed over when `select` is given.
- Objects and arrays become text, as it stands in the file. So does every value of a column that is
  declared `json`, and every value but strings of one that is declared `text`.
- Numbers keep their digits or are refused; strings are no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
import pyarrow as pa

from factory.definitions.formats import Jsonl
from factory.definitions.formats.names import snake_case
from factory.definitions.formats.types import JSON
from factory.stores.model import Store
from factory.transfer import hints, names, spelling
from factory.transfer.bad_rows import BadRows, place
from factory.transfer.errors import BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.jsonl import converters
from factory.transfer.formats.jsonl.guess import arrays, format_of
from factory.transfer.formats.jsonl.infer import Sample, Seen, sample
from factory.transfer.formats.jsonl.lines import Blocks, blocks
from factory.transfer.formats.jsonl.rows import Column, Rows
from factory.transfer.holds import refuse_names
from factory.transfer.spelling import Spelling
from factory.transfer.target import Target
from factory.transfer.types import Known, arrow_type


def open(
    fs: Store,
    sources: Sequence[str],
    given: Jsonl,
    bad: BadRows,
    target: Target,
) -> Reader:
    """See `formats.open`."""
    return table(fs, sources, given, bad, target, blocks, envelope=_refuse_envelope)


def table(
    fs: Store,
    sources: Sequence[str],
    given: Jsonl,
    bad: BadRows,
    target: Target,
    blocks: Blocks,
    envelope: Callable[[Jsonl, Sample], None] | None = None,
) -> Reader:
    """Settle the schema of the rows that `blocks` gives."""
    declared = given.columns
    how = spelling.spelling(given)
    first = sample(fs, sources, blocks)
    seen = first.keys
    if envelope is not None:
        envelope(given, first)
    if not seen and not declared:
        raise BadRow(f"{sources[0]} holds no rows", "Declare `columns` to load it as an empty one")
    late = _late(given, seen)
    late += _undetected(given, [*seen, *late], sources[0])
    keys = [*seen, *sorted(late, key=lambda key: list(declared).index(_final(given, key)))]
    keys += _needed(given, keys, target.known)
    chosen = names.chosen(keys, given, sources[0])
    refuse_names(keys, chosen, target.holds, sources[0])
    told = _Told(declared, target, seen, how)
    columns = [
        Column(name, key if (key := keys[index]) in seen else None, _kind(name, key, told))
        for index, name in chosen
    ]
    used = {column.key for column in columns}
    rows = Rows(
        columns,
        skipped=[key for key in seen if key not in used],
        any_key=bool(given.select),
        final=partial(_final, given),
        blocks=blocks,
        holds=target.holds,
    )
    return Reader(rows.schema, lambda source: rows.batches(fs, source, bad))


def _refuse_envelope(given: Jsonl, first: Sample) -> None:
    """A file whose only row holds an array of objects: are these the rows?

    Who declares or selects the columns has said that they are not.
    """
    for source, row in first.alone:
        for path in arrays(row.text):
            key = path.partition(".")[0]
            name = _final(given, key)
            if name in given.columns or given.select:
                continue
            said = f"the file is one object, with an array of objects in {path!r}"
            as_row = f"if the object is a row, declare {hints.columns(name, 'json')}"
            way = f"{format_of(row.text.strip())}; {as_row}"
            raise BadRow(f"{place(source, row.line)}: {said}", way)


def _late(given: Jsonl, seen: Mapping[str, Seen]) -> list[str]:
    """Keys that are renamed to a declared column, and not in the first rows."""
    styled = {snake_case(key) for key in seen} if given.names != "as_is" else set()
    known = {*seen, *styled}
    return [old for old, new in given.rename.items() if new in given.columns and old not in known]


def _undetected(given: Jsonl, keys: Sequence[str], source: str) -> list[str]:
    """Columns that are declared, and have no key in the first rows; it may come later."""
    finals = {_final(given, key) for key in keys}
    missing = [name for name in given.columns if name not in finals]
    for name in missing:
        if _final(given, name) != name:
            raise unknown(f"column in 'columns', {source} has no", name, finals)
    return missing


def _final(given: Jsonl, key: str) -> str:
    """The column that a key becomes; empty when it has no name."""
    known = {old: new for old, new in given.rename.items() if old in (key, snake_case(key))}
    try:
        return names.final([key], msgspec.structs.replace(given, rename=known), "")[0]
    except BadRow:
        return ""


def _needed(given: Jsonl, keys: Sequence[str], known: Mapping[str, Known]) -> list[str]:
    """Columns that a load must have, and that the first rows have no key for."""
    finals = {_final(given, key) for key in keys}
    return [
        name
        for name, column in known.items()
        if column.needed
        and name not in finals
        and (not given.select or name in given.select)
        and _final(given, name) == name
    ]


@dataclass(frozen=True)
class _Told:
    """What there is to tell a column's type by; the first counts most."""

    declared: Mapping[str, str]
    target: Target
    seen: Mapping[str, Seen]
    how: Spelling


def _kind(name: str, key: str, told: _Told) -> converters.Kind:
    seen = told.seen.get(key)
    mixed = seen is not None and seen.mixed
    if (word := told.declared.get(name)) is not None:
        if word.strip().lower() in (JSON, "jsonb"):
            return converters.Json()
        return _declared(arrow_type(word), told, mixed=mixed)
    if (known := told.target.known.get(name)) is not None:
        return converters.Json() if known.json else _known(known.type, told, mixed=mixed)
    if seen is not None and seen.json:
        return converters.Json()
    kind = pa.null() if seen is None else seen.type(told.how)
    return _typed(kind, told, declared=False, mixed=mixed)


def _declared(kind: pa.DataType, told: _Told, *, mixed: bool) -> converters.Kind:
    if pa.types.is_list(kind):
        return converters.Several(kind, _declared(kind.value_type, told, mixed=True))
    return _typed(kind, told, declared=True, mixed=mixed)


def _known(kind: pa.DataType, told: _Told, *, mixed: bool) -> converters.Kind:
    if pa.types.is_list(kind):
        return converters.Several(kind, _known(kind.value_type, told, mixed=True))
    # A number that the table would round is refused, as one that nobody declared.
    return _typed(kind, told, declared=not pa.types.is_floating(kind), mixed=mixed)


def _typed(kind: pa.DataType, told: _Told, *, declared: bool, mixed: bool) -> converters.Kind:
    if pa.types.is_string(kind):
        return converters.Text(told.target.holds, declared=declared, mixed=mixed)
    return converters.kind_of(kind, told.how, told.target.holds, declared=declared)


__all__ = ["open"]
