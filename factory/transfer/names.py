"""Names of columns: from a file's own to a table's."""

import re
from collections.abc import Mapping, Sequence

from factory.transfer import options as opt
from factory.transfer.errors import BadOption, BadRow, unknown

OPTIONS = ("rename", "names")


def snake_case(name: str) -> str:
    """`PULocationID` → `pu_location_id`, `Trip Distance (mi)` → `trip_distance_mi`."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[\W_]+", "_", name).strip("_").lower() or name


def final(names: Sequence[str], options: Mapping[str, object], where: str) -> list[str]:
    """Apply `rename` (by the file's own name or by the snake-cased one) and `names`.

    `names` is `snake_case` (default) or `as_is`. Two columns of one name are an error.
    """
    style = opt.get(options, "names", str, "snake_case")
    if style not in ("snake_case", "as_is"):
        raise unknown("style of names", style, ("snake_case", "as_is"))
    rename = opt.text_map(options, "rename")
    plain = [snake_case(name) if style == "snake_case" else name for name in names]
    for name in rename:
        if name not in names and name not in plain:
            raise unknown(f"column in 'rename', {where} has no", name, [*names, *plain])
    result = [
        rename.get(own, rename.get(styled, styled))
        for own, styled in zip(names, plain, strict=True)
    ]
    _check(names, result, where)
    return result


def _check(own: Sequence[str], result: Sequence[str], where: str) -> None:
    seen: dict[str, str] = {}
    for number, (before, after) in enumerate(zip(own, result, strict=True), 1):
        if not after:
            raise BadRow(f"{where}: column {number} has no name", "Name it, or declare the header")
        if after in seen:
            raise BadOption(
                f"{where}: the columns {seen[after]!r} and {before!r} would both be {after!r}",
                "Rename one: `rename: {" + before + ": …}`",
            )
        seen[after] = before
