"""The types of a CSV file's columns, held for all of its values; and how they are written."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from factory.definitions.formats import Csv
from factory.transfer.bad_rows import BadRows
from factory.transfer.formats import Reader
from factory.transfer.formats.csv import infer
from factory.transfer.sniff import people
from factory.transfer.sniff.dialect import Guess
from factory.transfer.values import spelling
from factory.transfer.values.convert import convert
from factory.transfer.values.options import DATES, SHORT, TIMES
from factory.transfer.values.types import type_word

MOST_BAD = 1000  # rows: a format with more is none
WORDS = 1000  # of a column, looked at one by one
NULLS = ("NA", "N/A", "n/a", "#N/A", "NULL", "null", "None", "\\N", "-")
_ISO = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)")
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}")
_DATE = re.compile(r"\d{1,4}[-./]\d{1,2}[-./]\d{1,4}( .*)?")
_CODE = re.compile(
    r"(^|_)(zip|zipcode|plz|postcode|postal|phone|fax|iban|isbn|ean|sku|ssn|code)(_|$)"
)
_EXPONENT = r"^[0-9]+[eE][0-9]+$"

Open = Callable[[Csv, BadRows], Reader]


@dataclass(frozen=True)
class Found:
    """A format with its columns."""

    format: Csv
    rows: int
    bad: int
    notes: tuple[str, ...]
    doubts: dict[str, str]


def columns(open: Open, guess: Guess, path: str) -> Found:
    """Read all texts twice: for the types that they may have, then for each value to have them."""
    given = msgspec.structs.replace(guess.given, columns=dict.fromkeys(guess.own, "text"))
    bad = BadRows.quarantine(io.BytesIO(), MOST_BAD)
    sample = next(open(given, bad).batches(path), None)
    spelled, notes, doubts = _spelled(sample, given)
    kinds, rows, bad = _kinds(open, spelled, path)
    for name, value in _changed(open, spelled, path, kinds).items():
        kinds[name] = pa.string()
        doubts[name] = f"{value!r} is of no other type"
    for name, kind in kinds.items():
        if pa.types.is_null(kind):
            kinds[name], doubts[name] = pa.string(), "no value in the file"
    words = {name: type_word(kind) for name, kind in kinds.items()}
    for name, said in _proposed(sample, spelled, kinds).items():
        doubts.setdefault(name, said)
    for name, kind in kinds.items():
        if pa.types.is_integer(kind) and _CODE.search(name):
            doubts.setdefault(name, "a number, or a code? `text` keeps it as it stands")
    final = msgspec.structs.replace(spelled, columns=words)
    return Found(final, rows, bad.count, tuple(notes), doubts)


def _proposed(
    sample: pa.RecordBatch | None, given: Csv, kinds: dict[str, pa.DataType]
) -> dict[str, str]:
    """Columns that may be more than they look like."""
    how = spelling.spelling(given)
    found = {}
    for name, texts in _texts(sample).items():
        known = [text for text in texts if text not in (given.nulls or ())]
        if not known or _CODE.search(name):
            continue
        whole = pa.types.is_integer(kinds[name])
        said = people.epoch(known) if whole else None
        if pa.types.is_string(kinds[name]):
            said = people.doubt(known, how)
        if said:
            found[name] = said
    return found


def _texts(sample: pa.RecordBatch | None) -> dict[str, list[str]]:
    """The first values of each column."""
    if sample is None:
        return {}
    return {
        name: [word for word in pc.unique(column)[:WORDS].to_pylist() if word]
        for name, column in zip(sample.schema.names, sample.columns, strict=True)
    }


def _kinds(open: Open, given: Csv, path: str) -> tuple[dict[str, pa.DataType], int, BadRows]:
    how = spelling.spelling(given)
    bad = BadRows.quarantine(io.BytesIO(), MOST_BAD)
    reader = open(given, bad)
    kinds = dict.fromkeys(reader.schema.names, pa.null())
    rows = 0
    for batch in reader.batches(path):
        rows += batch.num_rows
        for name, texts in zip(kinds, batch.columns, strict=True):
            if not pa.types.is_string(kinds[name]):
                kinds[name] = infer.common(kinds[name], infer.inferred(texts, how))
    return kinds, rows, bad


def _changed(open: Open, given: Csv, path: str, kinds: dict[str, pa.DataType]) -> dict[str, str]:
    """Columns that are not of their type everywhere, or may be codes: each with such a value."""
    how = spelling.spelling(given)
    found: dict[str, str] = {}
    for batch in open(given, BadRows.quarantine(io.BytesIO(), MOST_BAD)).batches(path):
        for name, texts in zip(kinds, batch.columns, strict=True):
            kind = kinds[name]
            if name in found or pa.types.is_string(kind) or pa.types.is_null(kind):
                continue
            wrong = convert(texts, kind, how, inferred=True).bad
            if pa.types.is_floating(kind) and wrong is None:
                wrong = pc.fill_null(pc.match_substring_regex(texts, _EXPONENT), False)
            if wrong is not None and wrong.true_count:
                found[name] = texts.filter(wrong)[0].as_py()
    return found


def _spelled(sample: pa.RecordBatch | None, given: Csv) -> tuple[Csv, list[str], dict[str, str]]:
    """With the options that say how numbers, times and nulls are written."""
    doubts: dict[str, str] = {}
    words = _texts(sample)
    notes: list[str] = []
    nulls = sorted({token for found in words.values() for token in _tokens(found)})
    if nulls:
        notes.append(
            f"{', '.join(nulls)} may mean null: that holds for all columns, in "
            "quotes with `quoted_nulls: true` alone"
        )
        given = msgspec.structs.replace(given, nulls=["", *nulls])
    words = {name: [w for w in found if w not in nulls] for name, found in words.items()}
    if _decimal_comma(words):
        given = msgspec.structs.replace(given, decimal_point=",")
    formats = _formats(words, doubts)
    for name, found in words.items():
        if found and all(w.isdigit() for w in found) and any(w[0] == "0" != w for w in found):
            doubts[name] = "digits with zeros in front: a number would lose them"
    return msgspec.structs.replace(given, timestamp_formats=formats), notes, doubts


def _tokens(words: Sequence[str]) -> set[str]:
    """Words for null in a column that holds numbers or dates otherwise."""
    others = [word for word in words if word not in NULLS]
    plain = all(_NUMBER.fullmatch(w) or _ISO.fullmatch(w) or _DATE.fullmatch(w) for w in others)
    return {word for word in words if word in NULLS} if others and plain else set()


def _decimal_comma(words: dict[str, list[str]]) -> bool:
    """Where `1,234` may be grouped, another value must tell; so it is with `1.234` beside it."""
    numeric = [w for w in words.values() if w and all(map(_NUMBER.fullmatch, w))]
    told = [word for found in numeric for word in found if not _GROUPED.fullmatch(word)]
    return any("," in word for word in told) and not any("." in word for word in told)


def _formats(words: dict[str, list[str]], doubts: dict[str, str]) -> list[str]:
    """The formats of dates that are not as ISO 8601 has them, where only one fits."""
    iso = any(found and all(map(_ISO.fullmatch, found)) for found in words.values())
    formats: list[str] = []
    for name, found in words.items():
        if not found or not all(map(_DATE.fullmatch, found)) or all(map(_ISO.fullmatch, found)):
            continue
        fitting = [day + time for day in DATES + SHORT for time in TIMES if _fit(found, day + time)]
        if len(fitting) == 1 and not iso and "%y" not in fitting[0]:
            formats += fitting if fitting[0] not in formats else []
        elif fitting:
            doubts[name] = f"which date is {found[0]}? {' or '.join(map(_dated, fitting))}"
    return formats


def _dated(form: str) -> str:
    """A column of these dates; other columns may be written otherwise."""
    return f"`{{type: {'timestamp' if '%H' in form else 'date'}, formats: ['{form}']}}`"


def _fit(words: Sequence[str], form: str) -> bool:
    try:
        for word in words:
            datetime.strptime(word, form)
    except ValueError:
        return False
    return True
