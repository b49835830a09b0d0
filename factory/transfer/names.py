"""Names of columns: from the files' own to a table's.

A file's name is first spelled as the spec, or a file before it, spells it, where they differ in
case alone and no other is meant. Then come `aliases`, `rename` and `names`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from factory.definitions.formats.names import Naming, snake_case
from factory.transfer import hints
from factory.transfer.errors import BadOption, BadRow, unknown

_HOW_TO_NAME = "Name the columns yourself: `header: false`, `skip_rows: 1` and `columns`"
_SHOWN = 5
_NONE_IN_COMMON = (
    "They have no column in common: is one of them another file, or without a header? "
    "Load it in a step of its own"
)


@dataclass(frozen=True)
class Agreed:
    """The columns of files that are read as one table."""

    names: tuple[str, ...]
    places: Mapping[str, tuple[int | None, ...]]
    """Of each file: where each column is among its own; None: it lacks it."""
    declared: Mapping[str, str]
    """Of columns that `columns` declares: the word under which it does."""


@dataclass(frozen=True)
class _File:
    source: str
    written: Sequence[str]
    own: Sequence[str]  # as the spec and the files before it spell them
    finals: Sequence[str]


@dataclass(frozen=True)
class _Entry:
    """A column that is wanted, by its final name, and what it is looked for by."""

    name: str
    word: str


def agreed(
    files: Mapping[str, Sequence[str]],
    given: Naming,
    declared: Collection[str] = (),
    *,
    loose: bool = False,
) -> Agreed:
    """Settle the columns of `files` (at least one), whose own names these are.

    Columns are matched by name: in the order of the first file that has them, or of `select`. One
    that a file lacks is refused, unless it is `optional`. `loose`: a file may lack any, as in JSON,
    and no file needs to have those that are `declared`. Raises `BadOption`, `BadRow`.
    """
    alike = _alike(files)
    lacking = [*given.optional, *(declared if loose else ())]
    read = list(_read({source: files[source] for source in alike.values()}, given, declared))
    for file in () if loose and not any(files.values()) else read:
        _require_renamed(file, given, lacking)
    meaning = _Meaning(read, given)
    optional = dict.fromkeys(map(meaning.of, lacking))
    every = [_Entry(name, name) for name in meaning.finals | optional]
    entries = _chosen(read, given, optional, meaning) if given.select else every
    places = {file.source: _places(file, entries, bool(given.select)) for file in read}
    if not loose:
        _refuse_drift(read, places, entries, optional)
    return Agreed(
        tuple(entry.name for entry in entries),
        {source: places[same] for source, same in alike.items()},
        _declared(read, given, declared, entries, meaning),
    )


def chosen(names: Sequence[str], given: Naming, where: str) -> list[tuple[int, str]]:
    """The columns of one file that are wanted, in order: index in `names`, and final name.

    `select` knows a column by its final name and by the file's own. What is not selected may
    clash, and may have no name.
    """
    found = agreed({where: names}, given)
    pairs = zip(found.places[where], found.names, strict=True)
    return [(index, name) for index, name in pairs if index is not None]


def meant(words: Mapping[str, str], given: Naming, names: Sequence[str]) -> dict[str, str]:
    """What is said of columns, by the last names that files gave them: see `agreed`."""
    folded: dict[str, set[str]] = {}
    for name in names:
        folded.setdefault(name.casefold(), set()).add(name)
    found = {}
    for word, said in words.items():
        last = final(word, given)
        same = folded.get(word.casefold()) or folded.get(last.casefold()) or set()
        near = next(iter(same)) if len(same) == 1 else word
        found[next((name for name in (word, last) if name in names), near)] = said
    return found


def final(name: str, given: Naming) -> str:
    """Apply `aliases`, `rename` (by the file's own name or by the snake-cased one) and `names`."""
    plain = snake_case(name) if given.names == "snake_case" else name
    for new, known in given.aliases.items():
        if name == new or name in known or plain in known:
            return new
    return given.rename.get(name, given.rename.get(plain, plain))


def filled(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch with the columns that its file lacks, as nulls, in the order of all."""
    if batch.schema.equals(schema):
        return batch
    place = {name: index for index, name in enumerate(batch.schema.names)}
    arrays = [
        batch.column(place[field.name])
        if field.name in place
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _alike(files: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Each file with the first one of the same names: thousands of files are looked at once."""
    first: dict[tuple[str, ...], str] = {}
    return {source: first.setdefault(tuple(own), source) for source, own in files.items()}


def _read(
    files: Mapping[str, Sequence[str]], given: Naming, declared: Collection[str]
) -> Iterator[_File]:
    spoken = [*given.rename, *given.aliases, *given.select, *given.optional, *declared]
    spoken += [name for known in given.aliases.values() for name in known]
    spoken = [name for name in spoken if name not in given.rename.values()]
    before: dict[str, None] = {}
    for source, names in files.items():
        own = _respelled(_respelled(names, spoken, given), before, given)
        before |= dict.fromkeys(own)
        yield _File(source, names, own, [final(name, given) for name in own])


def with_more(agreed: Agreed, names: Sequence[str]) -> Agreed:
    """With columns that no file has."""
    lacking = (None,) * len(names)
    places = {source: (*own, *lacking) for source, own in agreed.places.items()}
    return Agreed((*agreed.names, *names), places, agreed.declared)


def late(name: str, agreed: Agreed, given: Naming) -> str:
    """The final name of what comes up when columns are `agreed`, as keys of JSON do."""
    if (found := final(name, given)) in agreed.names:
        return found
    known = [*agreed.names, *given.rename, *(old for one in given.aliases.values() for old in one)]
    return final(_respelled([name], known, given)[0], given)


def _respelled(names: Sequence[str], known: Iterable[str], given: Naming) -> list[str]:
    """Names as they are `known`, where they differ in case alone and one is meant."""
    styled = given.names == "snake_case"
    folded: dict[str, dict[str, str]] = {}
    for name in known:
        folded.setdefault(name.casefold(), {})[name] = final(name, given)
    words = {name for same in folded.values() for name in same}
    forms = [{name, snake_case(name)} if styled else {name} for name in names]
    there = words & set().union(*forms)
    count = Counter(name.casefold() for name in names)
    result = []
    for name, form in zip(names, forms, strict=True):
        same = folded.get(name.casefold(), {})
        one = len(set(same.values())) == 1 and count[name.casefold()] == 1
        sure = one and there.isdisjoint(same)
        result.append(next(iter(same)) if sure and not form & there else name)
    return result


def _require_renamed(file: _File, given: Naming, optional: Collection[str]) -> None:
    """What is renamed is there."""
    plain = [snake_case(name) for name in file.own] if given.names == "snake_case" else []
    for name, new in given.rename.items():
        if name not in file.own and name not in plain and not {name, new} & {*optional}:
            error = unknown(f"column in 'rename', {file.source} has no", name, [*file.own, *plain])
            raise BadOption(error.message, f"{error.hint}. {_may_lack(name)}")
    for new, known in given.aliases.items():
        if new not in file.finals and not {new, *known} & {*optional}:
            said = f"{file.source} has none of the names of {new!r}: {', '.join(known)}"
            raise BadOption(said, f"Give its own, too. {_may_lack(new)}")


def _may_lack(name: str) -> str:
    return f"If files may lack it, say so: `optional: [{name}]`"


def _index(file: _File, word: str) -> int | None:
    """A column by its final name, or by the file's own."""
    for known in (file.finals, file.own, file.written):
        found = [index for index, other in enumerate(known) if other == word]
        if len(found) == 1:
            return found[0]
        if found:
            said = f"{file.source}: {len(found)} columns are named {word!r}"
            raise BadOption(said, _HOW_TO_NAME)
    return None


class _Meaning:
    """What a word of the spec means: a final name, or a file's own."""

    def __init__(self, read: Sequence[_File], given: Naming) -> None:
        self.finals = dict.fromkeys(name for file in read for name in file.finals)
        self._given = given
        self._own: dict[str, str] = {}
        self._folded: dict[str, set[str]] = {}
        for file in read:
            for own, name in zip(file.own, file.finals, strict=True):
                self._own.setdefault(own, name)
                self._folded.setdefault(name.casefold(), set()).add(name)

    def of(self, word: str) -> str:
        """The final name of the column, whether a file has it or not."""
        if word in self.finals:
            return word
        if word in self._own:
            return self._own[word]
        named = _named(word, self._given)
        same = self._folded.get(word.casefold()) or self._folded.get(named.casefold()) or set()
        return next(iter(same)) if len(same) == 1 else named


def _named(word: str, given: Naming) -> str:
    """The name of a column that no file has."""
    return word if word in given.rename.values() else final(word, given)


def _chosen(
    read: Sequence[_File], given: Naming, optional: Collection[str], meaning: _Meaning
) -> list[_Entry]:
    old = {each: new for new, known in given.aliases.items() for each in known}
    entries = []
    for word in given.select:
        word = word if word in meaning.finals else old.get(word, word)
        found = [(file, index) for file in read if (index := _index(file, word)) is not None]
        if found:
            file, index = found[0]
            entries.append(_Entry(file.finals[index], word))
            continue
        name = meaning.of(word)
        if name not in optional and name not in meaning.finals:
            first = read[0]
            known = [*first.own, *first.finals]
            error = unknown(f"column in 'select', {first.source} has no", word, known)
            raise BadOption(error.message, f"{error.hint}. {_may_lack(word)}")
        entries.append(_Entry(name, name))
    return entries


def _places(file: _File, entries: Sequence[_Entry], selected: bool) -> tuple[int | None, ...]:
    """Where each column is; two of one name are an error."""
    if not selected:
        _check(file.written, file.finals, file.source)
        place = {name: index for index, name in enumerate(file.finals)}
        return tuple(place.get(entry.name) for entry in entries)
    places = tuple(_index(file, entry.word) for entry in entries)
    taken = [index for index in places if index is not None]
    _check([file.written[i] for i in taken], [file.finals[i] for i in taken], file.source)
    return places


def _rename_one(first: str, second: str, name: str) -> str:
    """The one that has another name of its own: by this name, both would be renamed."""
    return f"Rename one: {hints.rename(first if second == name else second)}"


def _check(own: Sequence[str], result: Sequence[str], where: str) -> None:
    seen: dict[str, str] = {}
    for number, (before, after) in enumerate(zip(own, result, strict=True), 1):
        if not after:
            raise BadRow(
                f"{where}: column {number} has no name",
                f"Give it one: {hints.rename(before)}; or `select` the others",
            )
        if after in seen:
            raise BadOption(
                f"{where}: the columns {seen[after]!r} and {before!r} would both be {after!r}",
                _HOW_TO_NAME if before == seen[after] else _rename_one(seen[after], before, after),
            )
        seen[after] = before


def _refuse_drift(
    read: Sequence[_File],
    places: Mapping[str, tuple[int | None, ...]],
    entries: Sequence[_Entry],
    optional: Collection[str],
) -> None:
    """Files that lack a column of the first, or have one more."""
    first = read[0]
    for file in read:
        lacked: list[_Entry] = []
        more: list[_Entry] = []
        for entry, here, there in zip(
            entries, places[file.source], places[first.source], strict=True
        ):
            if entry.name not in optional and (here is None) != (there is None):
                (lacked if here is None else more).append(entry)
        if lacked or more:
            without = f"without the {_listed(lacked)}" if lacked else ""
            parts = [without, f"with the {_listed(more)}" if more else ""]
            said = f"{file.source} has other columns than {first.source}: "
            said += " and ".join(filter(None, parts))
            raise BadRow(said, _way_out(first, file, lacked, more))
        if all(place is None for place in places[file.source]):
            names = ", ".join(entry.name for entry in entries[:_SHOWN])
            raise BadRow(f"{file.source} has none of the columns that are wanted: {names}")


def _listed(entries: Sequence[_Entry]) -> str:
    names = ", ".join(repr(entry.name) for entry in entries[:_SHOWN])
    word = "column" if len(entries) == 1 else "columns"
    return f"{word} {names}" + " …" * (len(entries) > _SHOWN)


def _way_out(first: _File, file: _File, lacked: Sequence[_Entry], more: Sequence[_Entry]) -> str:
    """How a load of such files is said."""
    for one in lacked:
        own = first.written[first.finals.index(one.name)]
        for other in more:
            theirs = file.written[file.finals.index(other.name)]
            if _bare(theirs) in (_bare(own), _bare(one.name)):
                said = f"`aliases: {{{one.name}: [{own}, {theirs}]}}`"
                return f"If {theirs!r} is {own!r}, say so: {said}"
    if len(lacked) == len(first.finals) and len(more) == len(file.finals):
        return _NONE_IN_COMMON  # as optional ones, they would be rows of nulls
    names = ", ".join(entry.name for entry in [*lacked, *more][:_SHOWN])
    return f"If files may lack it, say so: `optional: [{names}]`; or `select` those of all files"


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()


def _declared(
    read: Sequence[_File],
    given: Naming,
    declared: Collection[str],
    entries: Sequence[_Entry],
    meaning: _Meaning,
) -> dict[str, str]:
    names = [entry.name for entry in entries]
    found: dict[str, str] = {}
    for word in declared:
        name = meaning.of(word)
        if name not in names and not given.select:
            raise unknown(f"column in 'columns', {read[0].source} has no", word, names)
        if name in found:
            said = f"{found[name]!r} and {word!r} of `columns` are both the column {name!r}"
            raise BadOption(said, "Declare it once")
        found[name] = word
    return found
