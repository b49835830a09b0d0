"""Small projects for the tests of this folder, and values as hypothesis makes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from factory.spec.layers import Layer
from factory.spec.read import Document, read
from factory.spec.resolve import Context, Resolved, context, resolve
from factory.spec.scalars import is_text

TASKS = "version: 1\ntasks:\n  - {id: a, run: echo}\n"

# what looks like quotes or spaces and is none is refused without quotes, and PyYAML writes none
LETTERS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12
).filter(lambda text: text.isascii() or is_text(text))
TRICKY = st.sampled_from(
    [
        "yes",
        "no",
        "on",
        "null",
        "~",
        "12:30",
        "1e3",
        "007",
        "0x1F",
        "2024-01-01",
        "",
        " ",
        "- a",
        "{{ ds }}",
        "{% x %}",
        "${vars.a}",
        "$${x}",
        "#x",
        "a: b",
        "*x",
        "&x",
        "!x",
        "%x",
        "@x",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    LETTERS,
    TRICKY,
)
KEYS = st.one_of(LETTERS.filter(lambda text: text != "<<"), TRICKY)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


def document(folder: Path, text: str, name: str = "spec.yaml") -> Document:
    """A file in a folder, as read."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return read(path, name)


def resolved(folder: Path, text: str, *below: str, above: str = "") -> list[Resolved]:
    """A spec over layers, weakest first, under an environment."""
    layers = [
        Layer(document(folder, layer, f"layer{number}.yaml")) for number, layer in enumerate(below)
    ]
    top = document(folder, above, "dev.yaml") if above else None
    around: Context = context(layers, "dev", top)
    return resolve(document(folder, text), around)
