"""What lint tells of a `python` step, by reading only."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from factory.kinds import python
from factory.plan.kind import Step
from factory.spec.problem import Problem

RUN = "def run(a, b=1, *, c, d=2): pass"


def problems(folder: Path, callable: str, **args: Any) -> list[Problem]:
    given = msgspec.convert({"callable": callable, "args": args}, python.Arguments)
    return list(python.check(Step(id="x", uses="python", arguments=given, dag_id="d"), folder))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code.py").write_text(RUN)
    return tmp_path


def code(folder: Path, text: str, **args: Any) -> list[Problem]:
    (folder / "code.py").write_text(text)
    return problems(folder, "code.py:run", **args)


def test_nothing_is_wrong(folder: Path) -> None:
    assert problems(folder, "code.py:run", a=1, c=2) == []
    assert problems(folder, "code.py:run", a=1, b=1, c=2, d=3) == []


@pytest.mark.parametrize(
    ("callable", "message", "hint"),
    [
        ("cod.py:run", "there is no file 'cod.py' beside this one", "did you mean 'code.py'?"),
        ("code.py:rum", "there is no function 'rum' in code.py", "did you mean 'run'?"),
        ("../code.py:run", "the file '../code.py' is outside of the folder of this spec", ""),
        ("/code.py:run", "the file '/code.py' is outside of the folder of this spec", ""),
        (
            "sub/code.py:run",
            "there is no file 'sub/code.py' beside this one",
            "did you mean 'code.py'?",
        ),
    ],
)
def test_a_file_or_function_that_is_not_there(
    folder: Path, callable: str, message: str, hint: str
) -> None:
    (problem,) = problems(folder, callable, a=1, c=2)
    assert (problem.path, problem.message, problem.hint) == (("callable",), message, hint)


def test_arguments_that_it_does_not_take_or_lacks(folder: Path) -> None:
    (unknown,) = problems(folder, "code.py:run", a=1, cc=2)
    assert (unknown.path, unknown.at_key) == (("args", "cc"), True)
    assert unknown.message == "run has no argument 'cc'"
    assert unknown.expected == "one of a, b, c, d"
    assert unknown.hint == "did you mean 'c'?"
    (lacking,) = problems(folder, "code.py:run", a=1)
    assert (lacking.path, lacking.message) == (("args",), "run needs the argument 'c'")
    assert [problem.path for problem in problems(folder, "code.py:run")] == [("callable",)] * 2


@pytest.mark.parametrize(
    "text",
    [
        "def run(ds, params, *, ti, data_interval_start): pass",
        "def run(*args, **kwargs): pass",
        "async def run(ds): pass",
        "def wrap(f): return f\n@wrap\ndef run(other): pass",
        "class run: pass",
        "from somewhere import run",
        "from somewhere import *",
        "import somewhere as run",
        "run = print",
        "run: object = print",
        "def __getattr__(name): return print",
        "if 1:\n    def run(): pass\nelse:\n    run = None",
        "try:\n    import x\nexcept ImportError:\n    def run(): pass",
        "with open('x') as run: pass",
    ],
)
def test_what_cannot_be_told_by_reading_is_let_pass(folder: Path, text: str) -> None:
    assert code(folder, text) == []


def test_a_name_inside_a_function_or_class_is_none_of_the_file(folder: Path) -> None:
    (problem,) = code(folder, "def other():\n    def run(): pass\n    run2 = 1")
    assert problem.expected == "one of other"
    assert code(folder, "class A:\n    def run(self): pass") != []


def test_by_position_only(folder: Path) -> None:
    unknown, only = code(folder, "def run(a, /, b): pass", a=1, b=2)
    assert unknown.message == "run has no argument 'a'"
    assert only.message == "run takes 'a' by position only, and arguments are given by name"
    assert code(folder, "def run(a=1, /, *, b=2): pass", b=2) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def run(:", "code.py is not Python in line 1: invalid syntax"),
        ("\n\nreturn = 1", "code.py is not Python in line 3: invalid syntax"),
        ("x = '\0'", "code.py is not Python"),
    ],
)
def test_what_is_not_python(folder: Path, text: str, message: str) -> None:
    (problem,) = code(folder, text)
    assert problem.message.startswith(message)


def test_a_file_is_never_run(folder: Path) -> None:
    assert code(folder, "raise SystemExit('run')\ndef run(): pass") == []
    assert not (folder / "__pycache__").exists()


def test_functions_of_packages_are_found_without_importing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "acme").mkdir()
    (folder / "acme" / "__init__.py").write_text("raise SystemExit('run')")
    (folder / "acme" / "orders.py").write_text(RUN)
    monkeypatch.syspath_prepend(folder)
    assert problems(folder, "acme.orders.run", a=1, c=1) == []
    (problem,) = problems(folder, "acme.orders.rum")
    assert problem.hint == "did you mean 'run'?"
    assert problems(folder, "somewhere.else.run") == []
    assert problems(folder, "math.sqrt", x=4) == []


@pytest.mark.parametrize("callable", ["run", "code.py", "code.py:", "code.txt:run", "a..b", "a.1"])
def test_what_is_no_callable(callable: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"callable": callable}, python.Arguments)
