"""JSON Lines: one object in each line, its keys the columns.

- A missing key is null. The columns are the keys of the first rows of each file, and those that are
  declared; another key is refused where it stands, or passed over when `select` is given.
- Objects and arrays become text, as it stands in the file. So does every value of a column that is
  declared `json`, and every value but strings of one that is declared `text`.
- Numbers keep their digits or are refused; strings are no numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import pyarrow as pa

from factory.definitions.formats import Jsonl, columns
from factory.definitions.formats.columns import Declared
from factory.definitions.formats.types import JSON
from factory.stores.model import Store
from factory.transfer import names, spelling
from factory.transfer.bad_rows import BadRows
from factory.transfer.errors import BadRow
from factory.transfer.formats import Reader
from factory.transfer.formats.jsonl import converters
from factory.transfer.formats.jsonl.infer import Seen, sample
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
    how = spelling.spelling(given)
    hows = spelling.of_columns(given.columns, how)
    found = sample(fs, sources)
    if not any(found.values()) and not given.columns:
        raise BadRow(f"{sources[0]} holds no rows", "Declare `columns` to load it as an empty one")
    own = {source: list(keys) for source, keys in found.items()}
    agreed = names.agreed(own, given, given.columns, loose=True)
    seen = _seen(found, agreed)
    kinds = {}
    for name in agreed.names:
        word = agreed.declared.get(name, "")
        kinds[name] = _kind(given.columns.get(word), seen.get(name), how, hows.get(word))

    def rows(source: str) -> Rows:
        keys = _keys(own[source], agreed.places[source])
        return Rows(
            [Column(name, key, kinds[name]) for name, key in zip(agreed.names, keys, strict=True)],
            skipped=[key for key in own[source] if key not in keys],
            any_key=bool(given.select),
            final=partial(names.late, agreed=agreed, given=given),
        )

    schema = rows(sources[0]).schema
    return Reader(schema, lambda source: rows(source).batches(fs, source, bad))


def _keys(own: Sequence[str], places: Sequence[int | None]) -> list[str | None]:
    """The key of each column in a file; None: not in its first rows."""
    return [None if place is None else own[place] for place in places]


def _seen(found: Mapping[str, Mapping[str, Seen]], agreed: names.Agreed) -> dict[str, Seen]:
    """What stands under each column in the first rows of all files."""
    seen: dict[str, Seen] = {}
    for source, keys in found.items():
        own = list(keys.values())
        for name, place in zip(agreed.names, agreed.places[source], strict=True):
            if place is not None:
                seen.setdefault(name, Seen()).more(own[place])
    return seen


def _kind(
    declared: Declared | None, seen: Seen | None, how: Spelling, own: Spelling | None
) -> converters.Kind:
    word = None if declared is None else columns.word(declared)
    if word is not None and word.strip().lower() == JSON:
        return converters.Json()
    type = pa.null() if seen is None else seen.type(how)
    if word is not None:
        type = arrow_type(word)
    elif seen is not None and seen.json:
        return converters.Json()
    if pa.types.is_string(type):
        return converters.Text(declared=word is not None, mixed=seen is not None and seen.mixed)
    if own is not None and not isinstance(declared, str) and converters.is_spelled(type):
        return converters.Spelled(type, own)
    return converters.kind_of(type, how, declared=word is not None)


__all__ = ["open"]
