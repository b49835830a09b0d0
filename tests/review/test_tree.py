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


def test_groups_stand_in_groups_as_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(SPEC)
    (spec,) = Project(tmp_path, "dev").resolved(tmp_path / "x.yaml")
    lines = [*tree(compile(spec, "x.yaml"), "configs", lambda _, text: text)]
    assert "\n".join(lines).endswith(DRAWN)
