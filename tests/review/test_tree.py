"""A plan as a tree."""

from pathlib import Path

from factory.plan.compile import compile
from factory.project import Project
from factory.review.tree import tree

SPEC = """version: 1
tasks:
  - id: outer
    tasks:
      - id: inner
        matrix: {x: [a, b]}
        tasks:
          - {id: one, run: ls}
          - {id: two, run: ls, needs: one}
      - {id: last, run: ls, needs: inner}
  - {id: end, run: ls, needs: outer}
"""
DRAWN = """\
  outer
  ├── inner__a
  │   ├── one   BashOperator
  │   └── two   BashOperator  needs one
  ├── inner__b
  │   ├── one   BashOperator
  │   └── two   BashOperator  needs one
  └── last      BashOperator  needs inner.two (all 2)
  end           BashOperator  needs outer.last"""

EACH = """version: 1
params: {years: [2023, 2024]}
tasks:
  - {id: year, for_each: "{{ params.years }}", run: "echo {{ item }}"}
  - id: table
    for_each: [orders, customers]
    tasks: [{id: load, run: "load {{ item }}"}]
  - {id: end, needs: [table, year], run: ls}
"""
DRAWN_EACH = """\
  year__items  Items
  table  for each of 2 items
  └── load     BashOperator
  year         BashOperator   needs year__items  for each of params.years
  watcher      EmptyOperator  needs table.load  none_failed: fails with any of them
  end          BashOperator   needs year, table.load"""


def drawn(text: str, folder: Path) -> str:
    (folder / "x.yaml").write_text(text)
    (spec,) = Project(folder, "dev").resolved(folder / "x.yaml")
    return "\n".join(tree(compile(spec, "x.yaml"), "configs", lambda _, text: text))


def test_groups_stand_in_groups_as_in_the_file(tmp_path: Path) -> None:
    assert drawn(SPEC, tmp_path).endswith(DRAWN)


def test_what_there_is_a_copy_for_each_of(tmp_path: Path) -> None:
    assert drawn(EACH, tmp_path).endswith(DRAWN_EACH)


def test_one_item_is_one(tmp_path: Path) -> None:
    assert "for each of 1 item\n" in drawn(EACH.replace("[orders, customers]", "[a]"), tmp_path)
