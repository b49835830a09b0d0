import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"^\S.*?:\d+:\d+: ([a-z-]+): ")


def test_every_code_of_the_cases_is_on_the_errors_page() -> None:
    page = (ROOT / "docs" / "errors.md").read_text()
    expected = (ROOT / "tests" / "cases" / "invalid").rglob("expected.txt")
    lines = [line for file in expected for line in file.read_text().splitlines()]
    codes = {found[1] for line in lines if (found := LINE.match(line))}
    assert len(codes) > 40
    assert sorted(code for code in codes if f"`{code}`" not in page) == []
