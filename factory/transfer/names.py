"""Names of columns: from a file's own to a table's."""

from collections.abc import Sequence

from factory.definitions.formats.names import Naming, snake_case
from factory.transfer import hints
from factory.transfer.errors import BadOption, BadRow, unknown

_HOW_TO_NAME = "Name the columns yourself: `header: false`, `skip_rows: 1` and `columns`"


def final(names: Sequence[str], given: Naming, where: str) -> list[str]:
    """Apply `rename` (by the file's own name or by the snake-cased one) and `names`.

    Two columns of one name are an error.
    """
    result = _renamed(names, given, where)
    _check(names, result, where)
    return result


def chosen(names: Sequence[str], given: Naming, where: str) -> list[tuple[int, str]]:
    """The columns that `select` names, in its order, else all: index in `names`, and final name.

    `select` knows a column by its final name and by the file's own. What is not selected may
    clash, and may have no name.
    """
    if not given.select:
        return list(enumerate(final(names, given, where)))
    renamed = _renamed(names, given, where)
    indices = [_selected(name, names, renamed, where) for name in given.select]
    _check([names[i] for i in indices], [renamed[i] for i in indices], where)
    return [(index, renamed[index]) for index in indices]


def _selected(name: str, own: Sequence[str], renamed: Sequence[str], where: str) -> int:
    for known in (renamed, own):
        found = [index for index, other in enumerate(known) if other == name]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadOption(f"{where}: {len(found)} columns are named {name!r}", _HOW_TO_NAME)
    raise unknown(f"column in 'select', {where} has no", name, [*own, *renamed])


def _renamed(names: Sequence[str], given: Naming, where: str) -> list[str]:
    styled = given.names == "snake_case"
    rename = given.rename
    plain = [snake_case(name) if styled else name for name in names]
    for name in rename:
        if name not in names and name not in plain:
            raise unknown(f"column in 'rename', {where} has no", name, [*names, *plain])
    return [
        rename.get(own, rename.get(other, other)) for own, other in zip(names, plain, strict=True)
    ]


def _rename_one(first: str, second: str, name: str) -> str:
    """The one that has another name of its own: by this name, both would be renamed."""
    return f"Rename one: {hints.rename(first if second == name else second)}"


def _check(own: Sequence[str], result: Sequence[str], where: str) -> None:
    seen: dict[str, str] = {}
    for number, (before, after) in enumerate(zip(own, result, strict=True), 1):
        if not after:
            raise BadRow(f"{where}: column {number} has no name", "Name it, or declare the header")
        if after in seen:
            raise BadOption(
                f"{where}: the columns {seen[after]!r} and {before!r} would both be {after!r}",
                _HOW_TO_NAME if before == seen[after] else _rename_one(seen[after], before, after),
            )
        seen[after] = before
