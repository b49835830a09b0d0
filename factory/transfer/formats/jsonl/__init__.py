"""JSON Lines: one object in each line, its keys the columns.

- A missing key is null. The columns are the keys of the first rows of each file, and those that are
  declared; another key is refused where it stands, or passed over when `select` is given.
- Objects and arrays become text, as it stands in the file. So does every value of a column that is
  declared `json`, and every value but strings of one that is declared `text`.
- Numbers keep their digits or are refused; strings are no numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from factory.definitions.formats import Jsonl, columns
from factory.definitions.formats.columns import Declared
from factory.definitions.formats.types import JSON
from factory.stores.model import Store
from factory.transfer import hints, names
from factory.transfer.bad_rows import BadRows, place
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader
from factory.transfer.formats.jsonl import converters
from factory.transfer.formats.jsonl.converters import Unfit
from factory.transfer.formats.jsonl.decode import tokens
from factory.transfer.formats.jsonl.guess import arrays, by_columns, format_of
from factory.transfer.formats.jsonl.infer import Sample, Seen, sample
from factory.transfer.formats.jsonl.lines import Blocks, Row, blocks
from factory.transfer.formats.jsonl.rows import Column, Rows
from factory.transfer.holds import refuse_names
from factory.transfer.target import Target
from factory.transfer.values import spelling
from factory.transfer.values.spelling import Spelling
from factory.transfer.values.types import Known, arrow_type


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
    envelope: Callable[[Jsonl, Sample, Collection[str]], None] | None = None,
) -> Reader:
    """Settle the schema of the rows that `blocks` gives."""
    how = spelling.spelling(given)
    first = sample(fs, sources, blocks)
    found = first.keys
    if envelope is not None:
        envelope(given, first, {*given.columns, *target.known})
    if not any(found.values()) and not given.columns:
        raise BadRow(f"{sources[0]} holds no rows", "Declare `columns` to load it as an empty one")
    own = {source: list(keys) for source, keys in found.items()}
    agreed = names.agreed(own, given, given.columns, loose=True)
    agreed = names.with_more(agreed, _needed(given, agreed, target.known))
    for source, keys in own.items():
        places = zip(agreed.places[source], agreed.names, strict=True)
        chosen = [(place, name) for place, name in places if place is not None]
        refuse_names(keys, chosen, target.holds, source)
    hows = spelling.of_columns(given.columns, how)
    told = _Told(given.columns, agreed, target, _seen(found, agreed), how, hows)
    kinds = {name: _kind(name, told) for name in agreed.names}
    of_table = target.known.keys() - agreed.declared.keys()

    def rows(source: str) -> Rows:
        keys = _keys(own[source], agreed.places[source])
        return Rows(
            [
                Column(name, key, kinds[name], name in of_table)
                for name, key in zip(agreed.names, keys, strict=True)
            ],
            skipped=[key for key in own[source] if key not in keys],
            any_key=bool(given.select),
            final=partial(names.late, agreed=agreed, given=given),
            blocks=blocks,
            holds=target.holds,
        )

    schema = rows(sources[0]).schema
    return Reader(schema, lambda source: rows(source).batches(fs, source, bad))


def _refuse_envelope(given: Jsonl, first: Sample, columns: Collection[str]) -> None:
    """A file whose only row holds an array of objects: are these the rows?

    Who declares or selects the columns, or has a table of them, has said that they are not.
    """
    for source, row in first.alone:
        for path in arrays(row.text):
            key = path.partition(".")[0]
            name = names.final(key, given)
            if name in columns or given.select:
                continue
            said = f"the file is one object, with an array of objects in {path!r}"
            as_row = f"if the object is a row, declare {hints.columns(name, 'json')}"
            way = f"{format_of(row.text.strip())}; {as_row}"
            raise BadRow(f"{place(source, row.line)}: {said}", way)
        with suppress(Unfit):  # refused where all rows are read
            _refuse_columns(given, source, row, columns)


def _refuse_columns(given: Jsonl, source: str, row: Row, columns: Collection[str]) -> None:
    """A file whose only row holds the columns of a table."""
    values = tokens(row.text)
    said = {names.final(key, given) for key in values} & {*columns}
    if said or given.select or not by_columns(values):
        return
    name = names.final(next(iter(values)), given)
    raise BadRow(
        f"{place(source, row.line)}: the file is one object, which holds a whole table",
        "Write one object for each row (in pandas, `to_json(orient='records', lines=True)`); if "
        f"the object is a row, declare {hints.columns(name, 'json')}",
    )


def _keys(own: Sequence[str], places: Sequence[int | None]) -> list[str | None]:
    """The key of each column in a file; None: not in its first rows."""
    return [None if place is None else own[place] for place in places]


def _seen(found: Mapping[str, Mapping[str, Seen]], agreed: names.Agreed) -> dict[str, Seen]:
    """What stands under each column in the first rows of all files."""
    seen: dict[str, Seen] = {}
    for source, keys in found.items():
        own = list(keys.values())
        for name, index in zip(agreed.names, agreed.places[source], strict=True):
            if index is not None:
                seen.setdefault(name, Seen()).more(own[index])
    return seen


def _needed(given: Jsonl, agreed: names.Agreed, known: Mapping[str, Known]) -> list[str]:
    """Columns that a load must have, and that the first rows have no key for."""
    return [
        name
        for name, column in known.items()
        if column.needed
        and name not in agreed.names
        and (not given.select or name in given.select)
        and names.final(name, given) == name
    ]


@dataclass(frozen=True)
class _Told:
    """What there is to tell a column's type by; the first counts most."""

    declared: Mapping[str, Declared]
    agreed: names.Agreed
    target: Target
    seen: Mapping[str, Seen]
    how: Spelling
    hows: Mapping[str, Spelling]


def _kind(name: str, told: _Told) -> converters.Kind:
    seen = told.seen.get(name)
    mixed = seen is not None and seen.mixed
    if (own := told.agreed.declared.get(name)) is not None:
        word = columns.word(told.declared[own])
        if word.strip().lower() in (JSON, "jsonb"):
            return converters.Json()
        kind = arrow_type(word)
        if not isinstance(told.declared[own], str) and converters.is_spelled(kind):
            return converters.Spelled(kind, told.hows[own], told.target.holds)
        return _declared(kind, told, mixed=mixed)
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
