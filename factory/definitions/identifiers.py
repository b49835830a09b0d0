"""Names of tables and columns: what a warehouse takes as one is said by `definitions.warehouses`.

A name that holds a template is known only when the task runs; nothing is said of it here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence

from factory.definitions.warehouses import Holds, Names
from factory.diagnostics import Path, quoted
from factory.literals import is_template
from factory.problem import Problem

_QUOTES = ('"', "'", "`", "[", "]")


def size(name: str, holds: Holds) -> int:
    """How long a name is: in bytes, or in characters where the warehouse counts those."""
    return len(name.encode(errors="replace")) if holds.unit == "bytes" else len(name)


def is_too_long(name: str, holds: Holds) -> bool:
    """Would the warehouse cut, or refuse, the name of a column?"""
    return holds.longest_name is not None and size(name, holds) > holds.longest_name


def parts(name: str, names: Names) -> list[str] | None:
    """The parts of a table's name; None where it has another number of them."""
    found = name.split(".")
    numbers = {form.count(".") + 1 for form in names.forms}
    return found if len(found) in numbers and all(found) else None


def forms(names: Names) -> str:
    """The ways to write a table's name, for people."""
    *others, last = [f"`{form}`" for form in names.forms]
    return f"{', '.join(others)} or {last}" if others else last


def table(name: str, path: Path, names: Names) -> Iterator[Problem]:
    """A name that no table of theirs has, or that would be read as another."""
    if is_template(name):
        return
    found = parts(name, names)
    if found is None:
        said = f"{quoted(name)} is not a table's name"
        hint = f"a dot separates the {_above(names)} from the table, and stands nowhere else"
        alone = max(form.count(".") for form in names.forms) == 1
        yield Problem(path, "table-name", said, forms(names), hint if alone else "")
    elif quote := next((one for one in _QUOTES if one in name), ""):
        said = f"the table's name holds a {quote}"
        hint = f"write `{_without(_QUOTES, name)}`: quotes are put around it where it needs them"
        yield Problem(path, "table-name", said, "a name without quotes", hint)
    elif ";" in name:
        said = "the table's name holds a `;`"
        hint = f"write `{_without(';', name)}`"
        yield Problem(path, "table-name", said, "a name without `;`", hint)
    elif any(part != part.strip() for part in found):
        said = f"{quoted(name)} has a space at an end, which would be a part of the name"
        yield Problem(path, "table-name", said, forms(names))
    elif wrong := wrong_letter(found, names):
        yield Problem(path, "table-name", *wrong, hint=_with_dots(name, names))
    else:
        for part in found:
            yield from _too_long(part, path, names, names.longest_table or names.longest_name)


def wrong_letter(parts: Sequence[str], names: Names) -> tuple[str, str] | None:
    """What a table's name holds and no table's does, and what is expected."""
    name = ".".join(parts)
    if wrong := _found(names.never, name):
        return f"{quoted(name)} holds a `{wrong}`", f"a name without `{wrong}`"
    *_, schema, _ = ("", *parts)
    if wrong := _found(names.never_schema, schema):
        what = _above(names)
        return f"the {what} {quoted(schema)} holds a `{wrong}`", f"a {what} without `{wrong}`"
    return None


def _above(names: Names) -> str:
    """What the warehouse calls the part before the table: a schema, a dataset, a database."""
    return names.forms[-1].split(".")[-2]


def _with_dots(name: str, names: Names) -> str:
    """For `project:dataset.table`, as older SQL of BigQuery's has it."""
    meant = name.replace(":", ".")
    found = parts(meant, names)
    is_good = meant != name and found is not None and wrong_letter(found, names) is None
    return f"write `{meant}`" if is_good else ""


def _found(letters: str, name: str) -> str:
    return next((letter for letter in letters if letter in name), "")


def _without(letters: Collection[str], name: str) -> str:
    return "".join(letter for letter in name if letter not in letters)


def columns(named: Iterable[tuple[Path, str]], holds: Holds) -> Iterator[Problem]:
    """Names, with their places, that no column has: too long, or of what the warehouse keeps."""
    for path, name in named:
        if is_template(name):
            continue
        yield from _too_long(name, path, holds, holds.longest_name)
        if isinstance(holds, Names) and (wrong := wrong_column(name, holds)):
            message = f"the column name {quoted(name)} {wrong}"
            expected = "another name, by `rename`"
            at_key = bool(path) and path[-1] == name
            yield Problem(path, "column-name", message, expected, at_key=at_key)


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


def as_one(name: str, names: Names) -> str:
    """What all names of columns become that are one column in the warehouse."""
    if names.one == "letters":
        return "".join(each.lower() if len(each.lower()) == 1 else each for each in name)
    if names.one == "folded":
        return name.casefold()
    return name.upper() if names.one == "plain" and _PLAIN.fullmatch(name) else name


def alike(names: Iterable[str], holds: Holds) -> Iterator[tuple[int, str, str]]:
    """Names that are spelled otherwise and are one column: place, name, and the one before it."""
    if not isinstance(holds, Names):
        return
    seen: dict[str, str] = {}
    for index, name in enumerate(names):
        other = seen.setdefault(as_one(name, holds), name)
        if other != name:
            yield index, name, other


def once(named: Iterable[tuple[Path, str]], holds: Holds) -> Iterator[Problem]:
    """Names, with their places, that stand in one list and are one column there."""
    lists: dict[Path, list[tuple[Path, str]]] = {}
    for path, name in named:
        if not is_template(name):
            lists.setdefault(path[:-1], []).append((path, name))
    for each in lists.values():
        for index, name, other in alike((name for _, name in each), holds):
            path = each[index][0]
            yield Problem(
                path,
                "column-name",
                f"{quoted(other)} and {quoted(name)} are one column in {holds.name}",
                "each column once, or another name by `rename`",
                at_key=bool(path) and path[-1] == name,
            )


def wrong_column(name: str, names: Names) -> str:
    """Why no column of the warehouse's has this name, whatever its length."""
    if wrong := _found(names.never_column, name):
        return f"holds a {wrong}, which {names.name}'s can't"
    if names.never_last and name.endswith(tuple(names.never_last)):
        return f"ends with a {_said(name[-1])}, which {names.name}'s can't"
    if name.upper().startswith(names.reserved):
        return f"is one of those that {names.name} keeps for itself"
    return ""


def _said(letter: str) -> str:
    return "space" if letter == " " else letter


def _too_long(name: str, path: Path, holds: Holds, most: int | None) -> Iterator[Problem]:
    if most is not None and (found := size(name, holds)) > most:
        yield Problem(
            path,
            "name-too-long",
            f"the name {quoted(name)} is {found} {holds.unit} long",
            f"at most {most} {holds.unit}: {holds.name} takes no longer name",
            at_key=bool(path) and path[-1] == name,
        )
