"""`factory lint --explain`: what the catalogue says, for a terminal."""

import pytest

from factory.codes import CODES
from factory.errors import UsageError
from factory.lint.explain import explain


def test_all_of_them_are_listed() -> None:
    listed = [line.partition(" ")[0] for line in explain("")]
    assert listed[: len(CODES)] == list(CODES)


def test_a_code_is_explained_as_it_is_written_in_a_message() -> None:
    assert list(explain("[tab]")) == list(explain("tab"))


@pytest.mark.parametrize("name", CODES)
def test_no_line_is_wider_than_a_terminal_nor_holds_a_link(name: str) -> None:
    lines = "\n".join(explain(name)).splitlines()
    assert max(map(len, lines)) <= 100
    assert "](" not in "\n".join(lines)


def test_an_unknown_code_gets_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        explain("unkown-key")
    assert caught.value.hint == "did you mean 'unknown-key'?"
    with pytest.raises(UsageError) as caught:
        explain("qqq")
    assert "--explain" in caught.value.hint
