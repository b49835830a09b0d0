"""The reference pages in `docs/reference/`: up to date, and what they show works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from factory.ends.targets import BUILT_IN
from factory.lint.lint import lint_project
from factory.plan.kind import builtin_names
from factory.project import Project
from factory.review import docs, targets
from factory.review.yaml_text import block, flow
from factory.spec import model

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
PAGES = docs.files()
_BESIDE = {"file", "unknown-pipeline"}
"""What an example names, and only a whole project has."""
BLOCK = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def test_the_committed_pages_are_up_to_date() -> None:
    assert docs.stale(REFERENCE) == []


def test_the_table_of_targets_has_what_each_says_of_itself() -> None:
    lines = [line.strip("| ").split(" | ") for line in targets.table().splitlines()]
    found = {line[0]: line[1:] for line in lines[2:]}
    every: tuple[Any, ...] = BUILT_IN
    for number, target in enumerate(every):
        for mode in ("append", "replace", "merge", "partition"):
            said = found[f"`write: {{mode: {mode}}}`"][number]
            assert (said == "yes") == (mode in target.takes.modes)
        assert (found["texts with a NUL"][number] == "yes") == target.takes.holds.nul


def test_writing_makes_them_up_to_date_and_removes_what_is_left_over(tmp_path: Path) -> None:
    (tmp_path / "kinds").mkdir()
    (tmp_path / "kinds" / "gone.md").write_text("")
    assert set(docs.stale(tmp_path)) == {*PAGES, "kinds/gone.md"}
    docs.write(tmp_path)
    assert docs.stale(tmp_path) == []


@pytest.mark.parametrize("name", builtin_names())
def test_the_example_of_a_kind_is_a_good_pipeline(name: str, tmp_path: Path) -> None:
    root = tmp_path / "dag_factory_configs"
    root.mkdir()
    (root / "example.yaml").write_text(docs.example(name))
    report = lint_project(Project(root))
    assert {f.diagnostic.code for f in report.findings} <= _BESIDE
    (outcome,) = Project(root).outcomes()
    assert [plan.dag_id for plan in outcome.plans] == ["example"]


NAMED = re.compile(r"# (dag_factory_configs/\S+)\n")
GRAMMAR = "\n".join(PAGES[f"{name}.md"] for name in docs.GRAMMAR)
EXAMPLES = BLOCK.findall(GRAMMAR)
VALUES = {
    named[1]: text
    for text in EXAMPLES
    if (named := NAMED.match(text)) and re.search(r"/_(?!defaults)[\w/]+\.yaml$", named[1])
}
"""Files that other examples name: by `$file`, or as a kind."""


@pytest.mark.parametrize("text", [text for text in EXAMPLES if text not in VALUES.values()])
def test_an_example_of_the_grammar_is_a_good_file(text: str, tmp_path: Path) -> None:
    for name, values in VALUES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(values)
    named = NAMED.match(text)
    root = tmp_path / "dag_factory_configs"
    path = tmp_path / named[1] if named else root / "example.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    is_environment = path.parent.name == "environments"
    if is_environment or path.name == "_defaults.yaml":
        (root / "below.yaml").write_text("version: 1\ntasks: [{id: a, run: ls}]\n")
    (outcome,) = Project(root, path.stem if is_environment else None).outcomes()
    assert outcome.diagnostics == ()
    assert outcome.plans


@pytest.mark.parametrize(
    "struct",
    [model.PipelineFile, model.WrittenTask, model.EnvironmentFile, model.KindFile, model.Alerts],
    ids=lambda struct: struct.__name__,
)
def test_every_key_of_the_grammar_has_its_row(struct: type) -> None:
    for field in struct.__struct_encode_fields__:  # type: ignore[attr-defined]
        assert f"| `{field}` |" in GRAMMAR


def test_no_mark_is_left() -> None:
    for text in PAGES.values():
        assert set(re.findall(r"<!--.*?-->", text)) == {docs.GENERATED.strip()}


def test_links_lead_somewhere() -> None:
    for name, text in PAGES.items():
        for target, anchor in re.findall(r"\]\(([\w./-]*)(?:#([\w-]+))?\)", text):
            page = (Path(name).parent / target).as_posix() if target else name
            page = re.sub(r"[\w-]+/\.\./", "", page)
            if page.startswith("../"):  # a picture, of `docs/` itself
                assert (REFERENCE / page).is_file()
                continue
            assert page in PAGES
            headings = re.findall(r"^#+ (.*)$", PAGES[page], re.MULTILINE)
            assert not anchor or anchor in [h.lower().replace(" ", "-") for h in headings]


def test_tables_are_whole() -> None:
    """Every row of a table has as many cells as its head."""
    for text in PAGES.values():
        for table in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(cells) == 1, table


def test_yaml_as_a_person_writes_it() -> None:
    assert flow({"a": ["2024-01-01", "on"], "b": "{{ ds }}"}) == (
        "{a: [2024-01-01, 'on'], b: '{{ ds }}'}"
    )
    assert flow("plain") == "plain"
    assert block({"a": ["x"]}) == "a:\n  - x\n"


def test_an_environment_overrides_nothing_by_default() -> None:
    (row,) = [line for line in GRAMMAR.splitlines() if line.startswith("| `override`")]
    assert row.split("|")[3].strip() == ""


def test_the_example_of_the_page_for_who_comes_from_airflow(tmp_path: Path) -> None:
    (example,) = BLOCK.findall((ROOT / "docs" / "from-airflow.md").read_text())
    root = tmp_path / "dag_factory_configs"
    root.mkdir()
    (root / "orders_hourly.yaml").write_text(example)
    (root / "rebuild.yaml").write_text("version: 1\ntasks: [{id: a, run: ls}]\n")
    functions = "def pages():\n    return [1]\n\n\ndef load(page): ...\n"
    (root / "shop.py").write_text(functions)
    assert lint_project(Project(root)).findings == ()
