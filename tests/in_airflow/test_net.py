"""Whatever one spec does while it is built, the others are there, and the error names it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from factory.errors import TimeIsUp
from factory.in_airflow import loader, net
from factory.in_airflow.journal import Blame, Journal, journal, signature
from factory.plan import compile as plan_compile
from factory.project import Project
from factory.spec import discover
from tests.patience import output, until

from .test_loader import copy_loaders

Write = Callable[[str, str], Path]
GOOD = "version: 1\ntasks: [{id: a, run: echo}]\n"
EMPTY = "airflow.providers.standard.operators.empty.EmptyOperator"

PARSED = """
import json, sys
from airflow.dag_processing.dagbag import BundleDagBag
folder = sys.argv[1]
bag = BundleDagBag(dag_folder=f"{folder}/dags", bundle_path=folder, bundle_name="b")
print("FOUND" + json.dumps([sorted(bag.dags), bag.import_errors]))
"""
OPERATOR = "from airflow.sdk import BaseOperator\nclass Op(BaseOperator):\n"
INIT = "    def __init__(self, **more):\n        super().__init__(**more)\n        "

RAISING = {
    "panic": "class Panic(BaseException): pass\nraise Panic('rust')\n",
    "exit": "raise SystemExit(3)\n",
    "interrupt": "raise KeyboardInterrupt\n",
    "cancelled": f"import asyncio\n{OPERATOR}{INIT}raise asyncio.CancelledError\n",
    "generator": f"{OPERATOR}{INIT}raise GeneratorExit\n",
    "deep": f"{OPERATOR}{INIT}(f := lambda: f())()\n",
    "memory": f"{OPERATOR}{INIT}raise MemoryError\n",
    "surrogate": f"{OPERATOR}{INIT}raise ValueError('\\udc80')\n",
    "downstream": f"{OPERATOR}    def set_downstream(self, *a, **k): raise BaseException('no')\n",
    "silent": "class E(Exception):\n    def __repr__(self): raise self\n    __str__ = __repr__\n"
    f"{OPERATOR}{INIT}raise E\n",
    "long": f"{OPERATOR}{INIT}raise ValueError('x' * 10**8)\n",
    "cause_of_itself": f"{OPERATOR}{INIT}e = ValueError('round')\n        raise e from e\n",
    "name": f"{OPERATOR}{INIT}more['dag'].dag_id = 'good'\n",
    "tasks": f"{OPERATOR}{INIT}BaseOperator(task_id='c', dag=more['dag'])\n",
    "circle": f"{OPERATOR}{INIT}self.set_downstream(self)\n",
    "folder": f"import os\nos.chdir('/')\n{OPERATOR}{INIT}raise ValueError('moved')\n",
}
SEGFAULT = """
import ctypes, resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
ctypes.string_at(0)
"""
NEVER = """
import time
open(BEGUN, "w").close()
while True:
    try: time.sleep(1)
    except BaseException: pass
"""
WAITING = f"import time\n{OPERATOR}{INIT}time.sleep(600)\n"


def parse(
    root: Path, killed_when: Path | None = None, **environment: str
) -> tuple[int, list[str], str]:
    """Both Dag files, read by Airflow in a process of its own: exit code, DAGs, import errors.

    :param killed_when: end the process when this file is there.
    """
    site = root.parent / "site"
    env = {**os.environ, "PYTHONPATH": str(site), "TMPDIR": str(root.parent), **environment}
    command = [sys.executable, "-c", PARSED, str(root.parent)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, errors="replace", env=env
    ) as process:
        while killed_when is not None and process.poll() is None:
            if killed_when.exists():
                time.sleep(2.5)  # what swallows an alarm has swallowed some
                process.kill()
            time.sleep(0.05)
        out, _ = output(process, 300)
    _, found, answer = out.rpartition("FOUND")
    dags, errors = json.loads(answer) if found else ([], {})
    return process.returncode, dags, "\n".join(errors.values())


@pytest.fixture
def module(root: Path) -> Callable[[str, str], None]:
    """A module that a worker could import."""
    copy_loaders(root)
    (root.parent / "site").mkdir()

    def make(name: str, text: str) -> None:
        (root.parent / f"site/{name}.py").write_text(text)

    return make


Module = Callable[[str, str], None]


def test_whatever_it_raises(root: Path, write: Write, module: Module) -> None:
    for name, text in RAISING.items():
        module(f"m_{name}", text)
        write(
            f"{name}.yaml",
            f"version: 1\ntasks: [{{id: a, uses: m_{name}.Op}}, {{id: b, run: x, needs: [a]}}]\n",
        )
    write("good.yaml", GOOD)
    write("zlast.yaml", GOOD)
    code, dags, errors = parse(root)
    assert (code, dags) == (0, ["good", "zlast"])
    for name in RAISING:
        assert f"dag_factory_configs/{name}.yaml:" in errors, name


def test_a_spec_that_ends_the_process_is_left_out_by_the_next(
    root: Path, write: Write, module: Module
) -> None:
    module("ending", SEGFAULT)
    write("good.yaml", GOOD)
    bad = write("mbad.yaml", "version: 1\ntasks: [{id: a, uses: ending.Op}]\n")
    write("zlast.yaml", GOOD)
    assert parse(root)[1] == []
    for _ in range(2):  # found by a trial, then known
        code, dags, errors = parse(root)
        assert (code, dags) == (0, ["good", "zlast"])
        assert "dag_factory_configs/mbad.yaml:1:1: the pipeline is left out" in errors
        assert "by the signal SIGSEGV" in errors
    bad.write_text(GOOD)
    assert parse(root)[1:] == (["good", "mbad", "zlast"], "")


def leaves_a_child_behind() -> None:
    if os.fork() == 0:
        time.sleep(600)
    os._exit(4)


def closes_all() -> None:
    os.closerange(3, 200)
    time.sleep(600)


ENDS: dict[str, tuple[Callable[[], object], str]] = {
    "returns": (lambda: 1, ""),
    "raises": (lambda: 1 / 0, ""),
    "panics": (lambda: (_ for _ in ()).throw(BaseException()), ""),
    "exits": (lambda: sys.exit(3), ""),
    "exit_0": (lambda: os._exit(0), "it ends the process that builds it, with exit code 0"),
    "exit_3": (lambda: os._exit(3), "it ends the process that builds it, with exit code 3"),
    "killed": (lambda: os.kill(os.getpid(), 9), "by the signal SIGKILL"),
    "abort": (os.abort, "by the signal SIGABRT"),
    "child": (leaves_a_child_behind, "with exit code 4"),
    "waits": (lambda: time.sleep(600), "it was still not built after 2 s"),
    "closes_all": (closes_all, "it was still not built after 2 s"),
}


@pytest.mark.parametrize("name", ENDS)
def test_how_a_trial_ends(name: str) -> None:
    make, expected = ENDS[name]
    found = net._in_a_child(make, 2)
    assert found.endswith(expected)
    assert bool(found) == bool(expected)


def test_it_comes_back_when_its_module_is_mended(root: Path, write: Write, module: Module) -> None:
    module("ending", "import os\nos._exit(1)\n")
    write("bad.yaml", "version: 1\ntasks: [{id: a, uses: ending.Op}]\n")
    parse(root)
    assert "left out" in parse(root)[2]
    module("ending", f"{OPERATOR}    pass\n")
    assert parse(root)[1:] == (["bad"], "")


def test_a_call_in_yaml_that_ends_the_process(root: Path, write: Write, module: Module) -> None:
    call = "{x: {$call: os._exit, with: {status: 0}}}"
    write("good.yaml", GOOD)
    write("mbad.yaml", f"version: 1\ntasks:\n  - {{id: a, uses: {EMPTY}, with: {call}}}\n")
    parse(root)
    assert parse(root)[1] == ["good"]


def test_two_that_wait(root: Path, write: Write, module: Module) -> None:
    module("waiting", WAITING)
    write("good.yaml", GOOD)
    for name in ("m1", "m2"):
        write(f"{name}.yaml", f"version: 1\ntasks: [{{id: {name}, uses: waiting.Op}}]\n")
    write("zlast.yaml", GOOD)
    code, dags, errors = parse(root, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="10")
    assert (code, dags) == (0, ["good", "zlast"])
    for name in ("m1", "m2"):
        assert re.search(rf"{name}\.yaml:1:1: .*was still not built after \d", errors)
    # the first waited for its whole share: it is known, and costs no time any more
    assert "m1.yaml:1:1: the pipeline is left out" in parse(root)[2]


def test_one_that_never_ends_and_keeps_the_alarm_to_itself(
    root: Path, write: Write, module: Module
) -> None:
    begun = root.parent / "begun"
    module("never", NEVER.replace("BEGUN", repr(str(begun))))
    write("good.yaml", GOOD)
    write("mbad.yaml", "version: 1\ntasks: [{id: a, uses: never.Op}]\n")
    # Airflow's Dag processor kills such a process
    assert parse(root, begun, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="4")[0] == -9
    code, dags, errors = parse(root, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="4")
    assert (code, dags) == (0, ["good"])
    assert "mbad.yaml:1:1: the pipeline is left out: it was still not built after" in errors


def test_who_is_killed_while_an_innocent_is_built_holds_nothing_against_it(
    root: Path, write: Write, module: Module
) -> None:
    begun, go = root.parent / "begun", root / "go"
    module(
        "slow",
        f"import time, os\nopen({str(begun)!r}, 'w').close()\n"
        f"if not os.path.exists({str(go)!r}): time.sleep(600)\n{OPERATOR}    pass\n",
    )
    write("slow.yaml", "version: 1\ntasks: [{id: a, uses: slow.Op}]\n")
    assert parse(root, begun)[0] == -9
    go.touch()
    assert parse(root)[1:] == (["slow"], "")
    folder = next(root.parent.glob("pipeline-factory-*/journal/*"))
    assert json.loads((folder / "blamed.json").read_text()) == {}
    assert not list(folder.glob("*.building"))


PASSES: dict[str, tuple[Any, str]] = {
    "read": (Project, "_read"),
    "layers": (Project, "_context"),
    "resolve": (Project, "resolve"),
    "validate": (Project, "validate"),
    "compile": (plan_compile, "_pipeline"),
    "render": (loader, "render"),
    "fit": (loader, "require_fit"),
    "place": (Project, "place"),
}
THROWN = [
    RuntimeError("defect"),
    RecursionError(),
    MemoryError(),
    OSError(5, "I/O error"),
    UnicodeEncodeError("utf-8", "\udc80", 0, 1, "no"),
    KeyError("x"),
    AssertionError(),
    SystemExit(1),
    GeneratorExit(),
    BaseException("panic"),
]


@pytest.mark.parametrize("thrown", THROWN, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("name", PASSES)
def test_an_exception_at_every_pass(
    name: str, thrown: BaseException, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, function = PASSES[name]
    real = getattr(holder, function)

    def throw(*args: Any, **more: Any) -> Any:
        if "mbad" in repr(args):
            raise thrown
        return real(*args, **more)

    monkeypatch.setattr(holder, function, throw)
    write("good.yaml", GOOD)
    write("mbad/mbad.yaml", f"version: 1\ntasks: [{{id: a, uses: {EMPTY}, with: {{nope: 1}}}}]\n")
    write("zlast.yaml", GOOD)
    found = {built: dag for built, dag, _ in loader.build(root)}
    assert found["mbad"] is None
    assert found["good"] is not None
    assert found["zlast"] is not None
    with pytest.raises(loader.BrokenSpecs, match=r"mbad\.yaml:"):
        loader.report(str(root.parent / "dags/pipeline_errors.py"))


def test_an_error_that_repeats_a_secret_is_told_without_it(
    root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("bad.yaml", f"{GOOD}vars: {{password: S3CRETpart9xyz}}\n")

    def throw(*_: Any) -> Any:
        raise GeneratorExit("S3CRETpart9xyz")

    monkeypatch.setattr(loader, "render", throw)
    ((_, _, (told,)),) = loader.build(root)
    assert "building the pipeline fails: GeneratorExit('***')" in told.message


@pytest.mark.parametrize("function", ["discover", "folders", "_walk"])
def test_an_exception_while_the_folder_is_looked_at(
    function: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("good.yaml", GOOD)

    def throw(*_: Any) -> Any:
        raise RuntimeError("defect")

    monkeypatch.setattr(discover, function, throw)
    assert any("defect" in entry.message for _, _, wrong in loader.build(root) for entry in wrong)


@pytest.mark.parametrize("how", ["deleted", "edited", "matrix", "fixed", "defaults"])
def test_a_file_that_changes_while_it_is_built(
    how: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"version: 1\ntasks: [{{id: a, uses: {EMPTY}, with: {{nope: 1}}}}]\n"
    bad = write("mbad.yaml", text)
    write("good.yaml", GOOD)
    write("zgood.yaml", GOOD)
    real = vars(loader)["render"]

    def change(plan: Any, *more: Any) -> Any:
        if plan.dag_id == "mbad":
            if how == "deleted":
                bad.unlink()
            elif how == "defaults":
                write("_defaults.yaml", "nope: 1\n")
            else:
                texts = {"edited": "tasks: [\n", "matrix": f"{GOOD}matrix: {{x: [1]}}\n"}
                bad.write_text(texts.get(how, GOOD))
        return real(plan, *more)

    monkeypatch.setattr(loader, "render", change)
    found = list(loader.build(root))
    assert [name for name, dag, _ in found if dag is not None] == ["good", "zgood"]
    assert [entry.column for _, _, wrong in found for entry in wrong] == [text.index("nope") - 10]


MAKES_DAGS = """
from airflow.sdk import DAG, dag, BaseOperator
with DAG("good"):
    BaseOperator(task_id="mine")
@dag
def stranger(): BaseOperator(task_id="x")
stranger()
DAG("left_open").__enter__()
class Op(BaseOperator): pass
"""
CHANGES = """
import faulthandler, os, resource, signal, subprocess, sys
os.chdir("/")
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
sys.setrecursionlimit(120)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.5)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGTERM})
faulthandler.dump_traceback_later(0.5, exit=True)
child = subprocess.Popen(["sleep", "600"])
open(PID, "w").write(str(child.pid))
resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
raise RuntimeError("changed")
"""


def test_what_a_module_leaves_behind_is_put_back(root: Path, write: Write, module: Module) -> None:
    pid = root.parent / "pid"
    module("changes", CHANGES.replace("PID", repr(str(pid))))
    module("makes_dags", MAKES_DAGS)
    write("good.yaml", GOOD)
    write("changes.yaml", "version: 1\ntasks: [{id: a, uses: changes.Op}]\n")
    write("makes.yaml", "version: 1\ntasks: [{id: a, uses: makes_dags.Op}]\n")
    write("zlast.yaml", f"version: 1\ntasks: [{{id: a, uses: {EMPTY}}}]\n")
    code, dags, errors = parse(root)
    assert (code, dags) == (0, ["good", "makes", "zlast"])
    assert "changes.yaml:3:5" not in errors
    assert "changed" in errors
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_a_persons_interrupt_ends_it(root: Path, write: Write) -> None:
    write("good.yaml", GOOD)
    call = "{x: {$call: time.sleep, with: {secs: 60}}}"
    write("wait.yaml", f"version: 1\ntasks:\n  - {{id: a, uses: {EMPTY}, with: {call}}}\n")

    def wait(*_: Any) -> Any:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        time.sleep(30)

    with journal(root) as kept:
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            net.Net(kept).catch("x", wait)
    assert signal.getsignal(signal.SIGINT) is before


def test_airflows_own_alarm_goes_on_after_ours() -> None:
    rung: list[float] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(time.monotonic()))
    try:
        signal.setitimer(signal.ITIMER_REAL, 6)
        held = net.Net(Journal(None))
        start = time.monotonic()
        _, error = held.catch("x", lambda: time.sleep(60))
        assert isinstance(error, TimeIsUp)
        assert not rung
        until(lambda: rung, "Airflow's alarm")
        assert rung[0] - start >= 5.9
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_blame_holds_until_something_changes_or_its_time_is_over() -> None:
    blame = Blame(signature="a", reason="it does harm", strikes=1, at=1000.0)
    assert blame.holds("a", 1001.0)
    assert not blame.holds("b", 1001.0)
    assert not blame.holds("a", 1000.0 + 241)
    assert not Blame(signature="a", at=1000.0).holds("a", 1001.0)


def test_a_blame_of_many_strikes_is_one_that_can_be_counted_with() -> None:
    assert Blame(signature="a", reason="x", strikes=10**6, at=1000.0).holds("a", 1000.0 + 3599)


DAMAGED: dict[str, Callable[[Path], object]] = {
    "no_json": lambda folder: (folder / "blamed.json").write_text("{"),
    "no_hex": lambda folder: (folder / "blamed.json").write_text('{"zz": {"reason": "r"}}'),
    "pipe": lambda folder: os.mkfifo(folder / "blamed.json"),
    "lock_is_a_pipe": lambda folder: os.mkfifo(folder / "lock"),
    "folder": lambda folder: (folder / "blamed.json").mkdir(),
    "mark_is_a_folder": lambda folder: (folder / "x.building").mkdir(),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_journal_costs_no_pipeline(
    name: str, root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(root.parent))
    write("good.yaml", GOOD)
    list(loader.build(root))
    (folder,) = root.parent.glob("pipeline-factory-*/journal/*")
    for file in folder.iterdir():
        file.unlink()
    DAMAGED[name](folder)
    with journal(root) as kept:
        kept.blame("mbad.yaml", Blame(reason="r"))
        assert "mbad.yaml" in kept.blames
    assert [name for name, dag, _ in loader.build(root) if dag is not None] == ["good"]


def test_the_signature_is_that_of_what_a_spec_stands_on(root: Path, write: Write) -> None:
    path = write("team/a.yaml", GOOD)
    first = signature(root, path)
    assert signature(root, path) == first
    write("team/_defaults.yaml", "owner: x\n")
    second = signature(root, path)
    write("environments/dev.yaml", "vars: {}\n")
    third = signature(root, path)
    write("_kinds/load.yaml", "tasks: []\n")
    assert len({first, second, third, signature(root, path)}) == 4


def test_a_journal_that_cannot_be_kept_costs_no_pipeline(
    root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("good.yaml", GOOD)
    others = root.parent / f"pipeline-factory-{os.getuid()}"
    others.mkdir()
    others.chmod(0o777)
    monkeypatch.setattr("tempfile.tempdir", str(root.parent))
    assert [name for name, dag, _ in loader.build(root) if dag is not None] == ["good"]
    assert list(others.iterdir()) == []


def test_many_that_are_a_little_slow_keep_no_other_from_being_built(
    root: Path, write: Write, module: Module
) -> None:
    module("slow", f"import time\n{OPERATOR}{INIT}time.sleep(0.5)\n")
    write("zgood.yaml", GOOD)
    for number in range(20):
        write(f"m{number:02}.yaml", f"version: 1\ntasks: [{{id: m{number}, uses: slow.Op}}]\n")
    code, dags, errors = parse(root, AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT="5")
    assert code == 0
    assert {"m00", "zgood"} <= set(dags)
    # the two Dag files are read one after the other: how many each has time for may differ
    assert "m19" not in dags
    assert "m19.yaml:1:1: the pipeline is not built: the time that Airflow gives" in errors


def test_one_address_has_one_name_over_all_pipelines(
    root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "naming.py").write_text(
        "from airflow.sdk import Asset, BaseOperator\n"
        "class Op(BaseOperator):\n"
        "    def __init__(self, name, **more):\n"
        "        super().__init__(**more, outlets=[Asset(name, 's3://lake/orders')])\n"
    )
    monkeypatch.syspath_prepend(str(root.parent))
    task = "version: 1\ntasks: [{id: a, uses: naming.Op, with: {name: %s}}]\n"
    write("a_other.yaml", task % "orders")
    write("b_same.yaml", task % '"s3://lake/orders"')
    write("waits.yaml", f"{GOOD}schedule: {{assets: ['s3://lake/orders']}}\n")
    found = {name: (dag, wrong) for name, dag, wrong in loader.build(root)}
    assert [name for name, (dag, _) in found.items() if dag is not None] == ["waits", "b_same"]
    assert "it names the asset s3://lake/orders 'orders'" in found["a_other"][1][0].message


def test_one_name_has_one_address_over_all_pipelines(
    root: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "naming_twice.py").write_text(
        "from airflow.sdk import Asset, BaseOperator\n"
        "class Op(BaseOperator):\n"
        "    def __init__(self, **more):\n"
        "        super().__init__(**more, outlets=[Asset('x://lake/orders', 'x://other/')])\n"
    )
    monkeypatch.syspath_prepend(str(root.parent))
    write("a_other.yaml", "version: 1\ntasks: [{id: a, uses: naming_twice.Op}]\n")
    write("waits.yaml", f"{GOOD}schedule: {{assets: ['x://lake/orders']}}\n")
    found = {name: (dag, wrong) for name, dag, wrong in loader.build(root)}
    assert [name for name, (dag, _) in found.items() if dag is not None] == ["waits"]
    assert "has the name 'x://lake/orders' for x://other" in found["a_other"][1][0].message
