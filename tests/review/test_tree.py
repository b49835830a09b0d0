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
  └── last      BashOperator  needs inner__a.two, inner__b.two
  end           BashOperator  needs outer.last"""


def test_groups_stand_in_groups_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SPEC)
    (spec,) = Project(tmp_path, "dev").resolved(tmp_path / "x.yaml")
    lines = [*tree(compile(spec, "x.yaml"), "configs", lambda _, text: text)]
    assert "\n".join(lines).endswith(DRAWN)


MAPPED = """version: 1
params: {years: [2023]}
tasks:
  - {id: year, for_each: "{{ params.years }}", run: "ls {{ item }}"}
  - id: table
    for_each: [a, b]
    tasks: [{id: load, run: "ls {{ item }}"}]
"""
DRAWN_MAPPED = """\
  year__items  Items
  table  for each of 2
  └── load     BashOperator
  year         BashOperator  needs year__items  for each of year__items"""


def test_what_there_is_one_copy_for_each_of(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(MAPPED)
    (spec,) = Project(tmp_path, "dev").resolved(tmp_path / "x.yaml")
    lines = [*tree(compile(spec, "x.yaml"), "configs", lambda _, text: text)]
    assert "\n".join(line.rstrip() for line in lines).endswith(DRAWN_MAPPED)
