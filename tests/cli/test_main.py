"""Exit codes, start-up and completion: what belongs to no single command."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.cli import main as cli_main
from factory.cli.commands import COMMANDS
from tests.patience import output, until

from .conftest import Cli, process


def test_every_command_has_help(cli: Cli) -> None:
    for name, about in COMMANDS.items():
        result = cli(name, "--help")
        assert result.code == 0
        assert result.out.startswith(f"usage: factory {name}")
        assert about[1:].split(":")[0] in " ".join(result.out.split())


def test_only_the_called_command_is_imported() -> None:
    script = (
        "import sys; from factory.cli.main import main; main([]);"
        "heavy = {'yaml', 'msgspec', 'argcomplete', 'jsonschema', 'factory.project'};"
        "print('HEAVY', sorted(heavy & set(sys.modules)));"
        "print('COMMANDS', sorted(m for m in sys.modules if m.startswith('factory.cli.')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "HEAVY []" in done.stdout
    assert "COMMANDS ['factory.cli.commands', 'factory.cli.main']" in done.stdout


def test_version(cli: Cli) -> None:
    assert cli("--version").out.startswith("factory 0.")


def test_argparse_complaints_are_short(cli: Cli, enter: Callable[[str], Path]) -> None:
    enter("shop")
    result = cli("render", "orders_daily", "--format", "jsn")
    assert result.code == 2
    assert "invalid choice: 'jsn'" in result.err
    assert len(result.err.splitlines()) == 2
    assert "one word too many" in cli("render", "orders_daily", "again").err
    assert "comes before its options" in cli("--env", "prod", "lint").err


def test_a_kind_is_no_pipeline(cli: Cli, enter: Callable[[str], Path]) -> None:
    folder = enter("shop") / "dag_factory_configs/_kinds"
    folder.mkdir()
    (folder / "load.yaml").write_text("tasks: [{id: a, run: ls}]\n")
    for command in ("render", "explain"):
        result = cli(command, "load")
        assert result.code == 2
        assert "hint: 'load' is a kind: name a pipeline that calls it" in result.err


def test_a_project_is_needed(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = cli("lint")
    assert result.code == 1
    assert "there is no dag_factory_configs/" in result.err
    assert "`factory init` makes a project here" in cli("new", "bash", "hello").err


def test_a_file_tells_its_own_root(
    cli: Cli, enter: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = enter("shop")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    file = folder / "dag_factory_configs" / "orders" / "tables.yaml"
    assert cli("lint", str(file)).out == "2 pipelines fine in the environment dev\n"
    assert cli("render", "tables__items", "--configs", str(folder)).code == 0
    assert cli("render", "orders_daily", "--configs", str(file.parents[1])).code == 0


def test_a_defect_is_told_as_one(
    cli: Cli, enter: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    enter("shop")

    def command(name: str) -> object:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(cli_main, "command", command)
    result = cli("lint")
    assert result.code == 3
    assert "Traceback" in result.err
    assert "ZeroDivisionError: a defect" in result.err
    assert "this is a bug" in result.err


def test_a_reader_may_go_away(enter: Callable[[str], Path]) -> None:
    enter("mixed")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "factory", "lint"],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(writer)
    assert done.returncode == 141
    assert done.stderr == ""


def test_ctrl_c_is_quiet(enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    # a command that waits: lint never would
    script = (
        "import signal, sys, types; from factory.cli import main;"
        # started in the background of a script, it would be deaf to it
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "waits = types.SimpleNamespace(add_arguments=lambda parser: None,"
        " run=lambda args: open(sys.argv[1]).read());"
        "main.command = lambda name: waits; sys.exit(main.main(['lint']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(fifo)], stderr=subprocess.PIPE, text=True
    ) as child:
        until(lambda: f"{fifo}".encode() in Path(f"/proc/{child.pid}/cmdline").read_bytes())
        with fifo.open("w"):  # returns when the child has opened it, too
            child.send_signal(signal.SIGINT)
            _, err = output(child)
    assert child.returncode == 130
    assert err == "\nstopped\n"


def test_output_survives_a_terminal_without_unicode(enter: Callable[[str], Path]) -> None:
    enter("shop")
    result = process("explain", "orders_daily", env={"PYTHONIOENCODING": "ascii"})
    assert result.code == 0
    assert "? dag_factory_configs/_defaults.yaml:2" in result.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, cli: Cli) -> None:
    result = cli("completion", shell)
    assert result.code == 0
    assert "factory" in result.out


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("factory ren", {"render"}),
        ("factory render orders_", {"orders_daily", "orders_load"}),
        ("factory lint --env p", {"prod"}),
        ("factory new in", {"ingest"}),
        (
            "factory explain orders_daily tasks.say.re",
            {"tasks.say.retries", "tasks.say.retry_delay"},
        ),
        ("factory run orders_load --task ingest.l", {"ingest.load"}),
        ("factory lint --for", {"--format"}),
    ],
)
def test_completion(line: str, expected: set[str], enter: Callable[[str], Path]) -> None:
    folder = enter("shop")
    answer = folder / "answer"
    subprocess.run(
        [str(Path(sys.executable).with_name("factory"))],
        env={
            **os.environ,
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        },
        check=False,
    )
    assert {word.strip() for word in answer.read_text().splitlines()} == expected


@pytest.mark.parametrize(("output", "code"), [(">&-", 0), (">/dev/full", 1)])
def test_an_output_that_cannot_be_written_is_no_defect_of_ours(
    enter: Callable[[str], Path], output: str, code: int
) -> None:
    folder = enter("shop")
    command = f"'{sys.executable}' -c 'from factory.cli.main import console; console()' lint"
    done = subprocess.run(
        ["sh", "-c", f"{command} {output}"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "bug" not in done.stderr
