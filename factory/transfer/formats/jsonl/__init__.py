"""JSON Lines: one object in each line, its keys the columns.

- A missing key is null. The columns are the keys of the first rows of each file, and those that are
  declared; another key is refused where it stands, or passed over when `select` is given.
- Objects and arrays become text, as it stands in the file. So does every value of a column that is
  declared `json`, and every value but strings of one that is declared `text`.
- Numbers keep their digits or are refused; strings are no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import msgspec
import pyarrow as pa

from factory.definitions.formats import Jsonl
from factory.definitions.formats.names import snake_case
from factory.definitions.formats.types import JSON
from factory.stores.model import Store
from factory.transfer import names, spelling
from factory.transfer.bad_rows import BadRows, place
from factory.transfer.errors import BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.formats.jsonl import converters
from factory.transfer.formats.jsonl.guess import arrays, format_of
from factory.transfer.formats.jsonl.infer import Sample, Seen, sample
from factory.transfer.formats.jsonl.lines import Blocks, blocks
from factory.transfer.formats.jsonl.rows import Column, Rows
from factory.transfer.spelling import Spelling
from factory.transfer.types import arrow_type


def open(
    fs: Store,
    sources: Sequence[str],
    given: Jsonl,
    bad: BadRows,
) -> Reader:
    """See `formats.open`."""
    return table(fs, sources, given, bad, blocks, envelope=_refuse_envelope)


def table(
    fs: Store,
    sources: Sequence[str],
    given: Jsonl,
    bad: BadRows,
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
    chosen = names.chosen(keys, given, sources[0])
    columns = [_column(keys[index], name, seen, declared, how) for index, name in chosen]
    used = {column.key for column in columns}
    rows = Rows(
        columns,
        skipped=[key for key in seen if key not in used],
        any_key=bool(given.select),
        final=partial(_final, given),
        blocks=blocks,
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
            as_row = f"if the object is a row, declare `columns: {{{name}: json}}`"
            hint = f"{format_of(row.text.strip())}; {as_row}"
            raise BadRow(f"{place(source, row.line)}: {said}", hint)


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


def _column(
    key: str, name: str, seen: Mapping[str, Seen], declared: Mapping[str, str], how: Spelling
) -> Column:
    kind = _kind(declared.get(name), seen.get(key), how)
    return Column(name, key if key in seen else None, kind)


def _kind(declared: str | None, seen: Seen | None, how: Spelling) -> converters.Kind:
    if declared is not None and declared.strip().lower() == JSON:
        return converters.Json()
    type = pa.null() if seen is None else seen.type(how)
    if declared is not None:
        type = arrow_type(declared)
    elif seen is not None and seen.json:
        return converters.Json()
    if pa.types.is_string(type):
        return converters.Text(declared=declared is not None, mixed=seen is not None and seen.mixed)
    return converters.kind_of(type, how, declared=declared is not None)


__all__ = ["open"]
