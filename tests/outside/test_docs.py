"""What the pages show is the code that the tests run."""

import re
from pathlib import Path

import pytest

from .installing import HERE

DOCS = HERE.parents[1] / "docs"
BLOCK = re.compile(r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHOWN = {
    "add-a-kind.md": ("acme_kinds", ["greet.py"]),
    "add-a-source.md": ("acme_ends", ["numbers.py", "make_numbers.py"]),
    "add-a-target.md": ("acme_ends", ["folder.py", "keep_files.py"]),
}


@pytest.mark.parametrize("page", SHOWN)
def test_the_code_of_a_page_is_that_of_the_package(page: str) -> None:
    package, files = SHOWN[page]
    shown = dict(BLOCK.findall((DOCS / page).read_text(encoding="utf-8")))
    assert list(shown) == [*(f"{package}/{name}" for name in files), "pyproject.toml"]
    for name, code in shown.items():
        assert code == (HERE / package / Path(name)).read_text(encoding="utf-8"), name
