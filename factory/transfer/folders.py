"""Columns that stand in the names of folders, as Hive keeps them: `country=DE/day=2024-01-31/`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import unquote

import pyarrow as pa

from factory.account import say
from factory.transfer import hints
from factory.transfer.errors import BadOption, BadRow, unknown
from factory.transfer.formats import Reader
from factory.transfer.holds import refuse_names, unheld
from factory.transfer.lake.names import NULL
from factory.transfer.target import Target
from factory.transfer.values import agreement
from factory.transfer.values.convert import convert
from factory.transfer.values.spelling import PLAIN, Spelling
from factory.transfer.values.types import Known, arrow_type, said, type_word

Wanted = bool | Mapping[str, str]
"""All of them, or these, each with the word for its type; False: none."""

_FOLDER = re.compile(r"(?:^|(?<=/))([^/=]+)=([^/]*)(?=/)")
_KNOWN = replace(PLAIN, known=True)
_ZEROS = re.compile(r"^(-?)0+(?=[0-9])")
_ALL = "`hive_partitioning: true` of the source reads them"


@dataclass(frozen=True)
class _Column:
    field: pa.Field
    how: Spelling
    told: Known | None = None  # by the table that the rows are for, if it tells the type


def tell_of_unread(paths: Sequence[str], columns: Sequence[str]) -> None:
    """Log the columns of folders that no reader has, and which are missed then."""
    found = {_decoded(match[1], path) for path in paths for match in _FOLDER.finditer(path)}
    read = {name.casefold() for name in columns}
    if missed := sorted(name for name in found if name.casefold() not in read):
        names = ", ".join(map(repr, missed))
        say("folders name %s, which no file has: not read; %s", names, _ALL)


def added(reader: Reader, paths: Mapping[str, str], wanted: Wanted, into: Target) -> Reader:
    """`reader` with the columns of the folders after its own.

    :param paths: of each source, the path whose folders count.

    What nobody declared is read as the column of the table that the rows are for, whatever the case
    of its name, or is a text.
    Raises `BadOption` and `BadRow`: folders that lack a column, one that is in the files already,
    a text that is no value of the type.
    """
    if wanted is False:
        return reader
    spelled = into.known if wanted is True else ()
    texts = {source: _respelled(named(path), spelled) for source, path in paths.items()}
    names = _agreed(texts, paths, wanted)
    _refuse_own(reader.schema.names, names)
    words = {} if isinstance(wanted, bool) else wanted
    columns = [_column(name, words, into.known) for name in names]
    values = {
        source: [_value(column, texts[source][column.field.name], path, into) for column in columns]
        for source, path in paths.items()
    }
    schema = pa.schema([*reader.schema, *(column.field for column in columns)])

    def batches(source: str) -> Iterator[pa.RecordBatch]:
        for batch in reader.batches(source):
            more = [pa.repeat(value, batch.num_rows) for value in values[source]]
            yield pa.RecordBatch.from_arrays([*batch.columns, *more], schema=schema)

    return Reader(schema, batches)


def named(path: str) -> dict[str, str | None]:
    """The columns that a path's folders name, with their texts; raises `BadRow`: one twice."""
    found: dict[str, str | None] = {}
    for match in _FOLDER.finditer(path):
        name, text = (_decoded(part, path) for part in match.groups())
        if name in found:
            raise BadRow(f"{path}: two of its folders name {name!r}")
        found[name] = None if text in ("", NULL) else text
    return found


def _respelled(own: Mapping[str, str | None], known: Collection[str]) -> dict[str, str | None]:
    """By the names that are `known`, where they differ in case alone and one is meant."""
    count = Counter(map(str.casefold, (*own, *known)))
    near = {name.casefold(): name for name in known if count[name.casefold()] == 2}
    return {near.get(name.casefold(), name): text for name, text in own.items()}


def _decoded(text: str, path: str) -> str:
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadRow(f"{path}: {text!r} in the name of a folder is no UTF-8") from None


def _agreed(
    texts: Mapping[str, Mapping[str, str | None]], paths: Mapping[str, str], wanted: Wanted
) -> list[str]:
    """The columns to add, which all files must stand in folders of."""
    first = next(iter(texts))
    names = list(dict.fromkeys(name for own in texts.values() for name in own))
    if wanted is True and not names:
        raise BadOption(
            f"{paths[first]}: no folder of it names a column, as `day=2024-01-31/` does",
            "Leave `hive_partitioning` out",
        )
    chosen = names if isinstance(wanted, bool) else list(wanted)
    for name in chosen:
        for source, own in texts.items():
            if name not in own:
                raise _lacking(name, paths[source], own, names)
    return chosen


def _lacking(name: str, path: str, own: Mapping[str, object], names: Sequence[str]) -> Exception:
    if name not in names:
        return unknown(f"column in 'hive_partitioning', no folder of {path} has", name, names)
    others = ", ".join(f"{hints.key(other)}: text" for other in names if other in own)
    way = f"name those of all files: `hive_partitioning: {{{others}}}`" if others else ""
    return BadRow(
        f"{path} stands in no folder `{name}=…`, and other files do",
        f"Read files of one depth, or {way or 'leave `hive_partitioning` out'}",
    )


def _refuse_own(own: Sequence[str], names: Sequence[str]) -> None:
    """Which of the two would be right?"""
    for name in names:
        if name in own:
            raise BadOption(
                f"the column {name!r} of the folders is in the files already",
                f"Rename that one: {hints.rename(name)}; or name the others under "
                "`hive_partitioning`, such as `{day: date}`",
            )


def _column(name: str, words: Mapping[str, str], known: Mapping[str, Known]) -> _Column:
    if name in words:
        (field,) = said(pa.schema([(name, arrow_type(words[name]))]), words)
        return _Column(field, PLAIN)
    kind = known[name].type if name in known else pa.string()
    kind = pa.string() if pa.types.is_nested(kind) else kind
    (field,) = agreement.guessed(pa.schema([(name, kind)]), ())
    return _Column(field, _KNOWN, known[name]) if name in known else _Column(field, PLAIN)


def _value(column: _Column, text: str | None, path: str, into: Target) -> pa.Scalar:
    name, kind = column.field.name, column.field.type
    refuse_names([name], [(0, name)], into.holds, path)
    written = _ZEROS.sub(r"\1", text) if text and _is_number(column) else text
    done = convert(pa.array([written], pa.string()), kind, column.how, inferred=False)
    if text is None or (done.bad is None and unheld(done.values, into.holds) is None):
        return done.values.cast(kind)[0]
    of = f"{type_word(kind)}, which the table has" if column.told else type_word(kind)
    reason = f"is not {of}" if done.bad is not None else f"is nothing that {into.holds.name} holds"
    raise BadRow(
        f"{path}: the folder `{name}={text}` {reason}",
        f"Rename the folder, or {_way(kind, into.known.get(name))}",
    )


def _is_number(column: _Column) -> bool:
    """Of the table's: `month=01` is 1, as Hive reads it."""
    kind, told = column.field.type, column.told
    numbers = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return told is not None and (told.number or any(is_one(kind) for is_one in numbers))


def _way(kind: pa.DataType, there: Known | None) -> str:
    """How such a folder is read: into a column that is `there`, as what that one takes."""
    if there is not None and (pa.types.is_string(kind) or not pa.types.is_string(there.type)):
        return "alter the column of the table"
    word = "another type" if pa.types.is_string(kind) else "`text`"
    return f"declare the column {word} under `hive_partitioning`"
