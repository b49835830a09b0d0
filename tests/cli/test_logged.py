"""What a run's log says of one task."""

from pathlib import Path

import pytest

from factory.cli.logged import account

BEGIN = "2026-11-27T03:00:00.000000Z [info     ] "


def log(folder: Path, *lines: str) -> Path:
    file = folder / "run.log"
    file.write_text("".join(f"{line}\n" for line in lines))
    return file


def test_all_that_a_task_says_it_did_and_nothing_else(tmp_path: Path) -> None:
    file = log(
        tmp_path,
        f"{BEGIN}part_0.csv: 2 rows read [factory.account] loc=account.py:12",
        f"{BEGIN}seconds: copy 0.01 [factory.transfer.warehouse.load] loc=load.py:1",
        f"{BEGIN}raw.few: 2 rows read [factory.account] loc=account.py:12",
        f"{BEGIN}said by a person [mine] loc=mine.py:1",
        "[factory.account]",
    )
    assert account(file, 0).did == ("part_0.csv: 2 rows read", "raw.few: 2 rows read")


HOOK = "[airflow.task.hooks.airflow.providers.standard.hooks.subprocess.SubprocessHook] loc=x.py:1"


def test_what_a_command_printed(tmp_path: Path) -> None:
    said = [
        "Tmp dir root location: /tmp",
        "Running command: x",
        "Output:",
        "one [mine] 1",
        "",
        " b",
    ]
    said += ["Command exited with return code 0", "and no more"]
    file = log(tmp_path, *(f"{BEGIN}{text:<30} {HOOK}" for text in said))
    assert account(file, 0).printed == ("one [mine] 1", "", " b")


def test_a_long_line_of_another_is_read_at_once(tmp_path: Path) -> None:
    long = '["a"] ' * 200_000
    assert account(log(tmp_path, f"{BEGIN}{long}[other]"), 0).printed == ()


def test_of_many_lines_the_last(tmp_path: Path) -> None:
    lines = ["Output:", *map(str, range(100))]
    found = account(log(tmp_path, *(f"{BEGIN}{text:<30} {HOOK}" for text in lines)), 0)
    assert found.printed == tuple(map(str, range(80, 100)))
    assert found.before == 80


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], ()),
        (["Running statement: CREATE TABLE x (a int), parameters: None"], ("1 statement",)),
        (
            [
                "Running statement: INSERT INTO x",
                "Rows affected: 1203",
                "Running statement: ANALYZE",
                "Running statement: DELETE FROM x",
                "Rows affected: 0",
            ],
            ("3 statements, rows affected: 1,203 + 0",),
        ),
        (
            ["Running statement: SELECT 1", "Rows affected: 1"] * 12,
            (f"12 statements, rows affected: {' + '.join('1' * 10)} + …",),
        ),
    ],
    ids=["none", "no rows", "several", "many"],
)
def test_statements_of_sql(tmp_path: Path, said: list[str], expected: tuple[str, ...]) -> None:
    hook = "[airflow.task.hooks.PostgresHook] loc=sql.py:1"
    file = log(tmp_path, *(f"{BEGIN}{text} {hook}" for text in said))
    assert account(file, 0).did == expected
