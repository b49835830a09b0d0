"""Every code that a problem can have is in the catalogue, and the catalogue has no other."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from factory.codes import CODES, GROUPS
from factory.lint.lint import lint_project
from factory.project import Project
from factory.review import errors

ROOT = Path(__file__).parents[1]
CODE = re.compile(r"[a-z][a-z0-9-]+")
LINE = re.compile(r"^\S.*?:\d+:\d+: ([a-z0-9-]+): ")
# They have words of the same name for other things: rows that are set aside, codes of an exit.
OTHERS = ("factory/transfer/", "factory/cli/", "factory/nifi/", "factory/stores/disk/")

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def sources() -> dict[str, ast.Module]:
    files = {path.relative_to(ROOT).as_posix(): path for path in ROOT.glob("factory/**/*.py")}
    return {
        name: ast.parse(path.read_text("utf-8"))
        for name, path in files.items()
        if not name.startswith(OTHERS)
    }


@cache
def takers() -> dict[str, int]:
    """Where among its arguments a function or a class takes a `code`; by file what is private."""
    found: dict[str, int] = {}
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("__"):
                names = arguments(node)
                if "code" in names:
                    private = f"{file} " if node.name.startswith("_") else ""
                    found[f"{private}{node.name}"] = names.index("code")
    return found


def arguments(node: Function | ast.ClassDef) -> list[str]:
    if isinstance(node, ast.ClassDef):
        for made in node.body:
            if isinstance(made, Function) and made.name == "__init__":
                return arguments(made)
        fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
        return [field.id for field in fields if isinstance(field, ast.Name)]
    names = [one.arg for one in (*node.args.args, *node.args.kwonlyargs)]
    return names[1:] if names[:1] in (["self"], ["cls"]) else names


@cache
def codes() -> dict[str, str]:
    """Every code in the source, and a place of it."""
    found: dict[str, str] = {}
    for file, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (given := code_of(node, file)) is not None:
                place = f"{file}:{node.lineno}"
                found |= dict.fromkeys(values(given, tree, place), place)
    return found


def code_of(call: ast.Call, file: str) -> ast.expr | None:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    index = takers().get(f"{file} {name}", takers().get(name))
    if index is None:
        return None
    for word in call.keywords:
        if word.arg == "code":
            return word.value
    given = [part for one in call.args for part in ([one, one] if is_spot(one) else [one])]
    return given[index] if len(given) > index else None


def is_spot(given: ast.expr) -> bool:
    """`*place`: a line and a column."""
    return isinstance(given, ast.Starred)


def values(node: ast.expr, tree: ast.Module, place: str) -> Iterator[str]:
    """The codes that an expression may be; one that is handed on stands elsewhere."""
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    if isinstance(node, ast.Constant):
        if CODE.fullmatch(str(node.value)):  # `count` is a method of texts, too
            yield str(node.value)
    elif isinstance(node, ast.IfExp):
        yield from values(node.body, tree, place)
        yield from values(node.orelse, tree, place)
    elif name.isupper():
        owner = node.value if isinstance(node, ast.Attribute) else None
        yield constant(name, getattr(owner, "id", ""), tree)
    else:
        assert name == "code", f"{place}: write the code itself, not {ast.unparse(node)}"


def constant(name: str, module: str, tree: ast.Module) -> str:
    trees = [one for file, one in sources().items() if file.endswith(f"/{module}.py")]
    for one in (tree, *trees, *sources().values()):
        for line in one.body:
            if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == name:
                return str(ast.literal_eval(line.value))
    raise AssertionError(f"there is no {name}")


def test_the_catalogue_holds_every_code_of_the_source_and_no_other() -> None:
    found = codes()
    assert {code: place for code, place in found.items() if code not in CODES} == {}
    assert set(CODES) - set(found) == set()


def test_every_code_of_the_cases_is_in_the_catalogue() -> None:
    expected = (ROOT / "tests" / "cases" / "invalid").rglob("expected.txt")
    lines = [line for file in expected for line in file.read_text().splitlines()]
    found = {match[1] for line in lines if (match := LINE.match(line))}
    assert len(found) > 40
    assert found - set(CODES) == set()


def test_no_code_stands_in_two_groups() -> None:
    assert len(CODES) == sum(len(group.codes) for group in GROUPS)


def test_the_page_is_up_to_date_and_has_every_code() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert errors.filled(page) == page
    assert [name for name in CODES if f"### `{name}`" not in page] == []


def test_a_page_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    assert errors.files(tmp_path) == {}
    (tmp_path / errors.PAGE).write_text("# Ours\n")
    assert errors.files(tmp_path) == {errors.PAGE: "# Ours\n"}


EXAMPLES = [name for name, code in CODES.items() if code.wrong]


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_wrong_example_is_wrong_and_the_right_one_right(name: str, tmp_path: Path) -> None:
    code = CODES[name]
    assert (name, code.severity) in told(code.wrong, tmp_path / "wrong")
    assert told(code.right, tmp_path / "right") == set()


def told(example: str, folder: Path) -> set[tuple[str, str]]:
    """Codes and severities of the problems in an example, made a whole file."""
    root = folder / "dag_factory_configs"
    root.mkdir(parents=True)
    lines = ["version: 1", example]
    if not re.search("^tasks:", example, re.MULTILINE):
        lines.append("tasks: [{id: last, run: ls}]")
    (root / "example.yaml").write_text("\n".join(lines) + "\n")
    found = lint_project(Project(root)).findings
    shown = {(str(one.diagnostic.code), str(one.diagnostic.severity)) for one in found}
    return shown - {("unused-var", "warning")}
