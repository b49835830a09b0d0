"""Names of columns: from a file's own to a table's."""

import re
from collections.abc import Mapping, Sequence

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, BadRow, unknown

_HOW_TO_NAME = "Name the columns yourself: `header: false`, `skip_rows: 1` and `columns`"
OPTIONS = ("rename", "names", "select")


def snake_case(name: str) -> str:
    """`PULocationID` → `pu_location_id`, `Trip Distance (mi)` → `trip_distance_mi`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[\W_]+", "_", name).strip("_").lower() or name


def final(names: Sequence[str], options: Mapping[str, object], where: str) -> list[str]:
    """Apply `rename` (by the file's own name or by the snake-cased one) and `names`.

    `names` is `snake_case` (default) or `as_is`. Two columns of one name are an error.
    """
    result = _renamed(names, options, where)
    _check(names, result, where)
    return result


def chosen(
    names: Sequence[str], options: Mapping[str, object], where: str
) -> list[tuple[int, str]]:
    """The columns that `select` names, in its order, else all: index in `names`, and final name.

    `select` knows a column by its final name and by the file's own. What is not selected may
    clash, and may have no name.
    """
    select = opt.texts(options, "select")
    if options.get("select") is None:
        return list(enumerate(final(names, options, where)))
    if not select:
        raise BadOption("'select' is empty", "Name at least one column")
    renamed = _renamed(names, options, where)
    indices = [_selected(name, names, renamed, where) for name in select]
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


def _renamed(names: Sequence[str], options: Mapping[str, object], where: str) -> list[str]:
    style = opt.get(options, "names", str, "snake_case")
    if style not in ("snake_case", "as_is"):
        raise unknown("style of names", style, ("snake_case", "as_is"))
    rename = opt.text_map(options, "rename")
    plain = [snake_case(name) if style == "snake_case" else name for name in names]
    for name in rename:
        if name not in names and name not in plain:
            raise unknown(f"column in 'rename', {where} has no", name, [*names, *plain])
    return [
        rename.get(own, rename.get(styled, styled))
        for own, styled in zip(names, plain, strict=True)
    ]


def _check(own: Sequence[str], result: Sequence[str], where: str) -> None:
    seen: dict[str, str] = {}
    for number, (before, after) in enumerate(zip(own, result, strict=True), 1):
        if not after:
            raise BadRow(f"{where}: column {number} has no name", "Name it, or declare the header")
        if after in seen:
            raise BadOption(
                f"{where}: the columns {seen[after]!r} and {before!r} would both be {after!r}",
                "Rename one: `rename: {" + before + ": …}`"
                if before != seen[after]
                else _HOW_TO_NAME,
            )
        seen[after] = before
