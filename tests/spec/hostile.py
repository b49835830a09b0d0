"""Files that are broken on purpose, and what each must be told: name → (how to make it, code)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

V = "version: 1\n"
TASKS = "tasks:\n  - {id: a, run: echo}\n"
GOOD = V + TASKS
QUOTED = '"${{vars.v{}}}"'


def chain(count: int, line: str) -> str:
    """A line for each number."""
    return "".join(line.format(i=i, next=i + 1, last=i - 1) for i in range(count))


TEXTS: dict[str, tuple[str | bytes, str]] = {
    "alias_bomb": (
        V
        + "vars:\n  a0: &a0 [x, x]\n"
        + "".join(f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 40)),
        "too-many-values",
    ),
    "alias_bomb_by_its_square": (
        V + f"vars:\n  a: &a [{', '.join('x' * 5000)}]\n  b: [{', '.join(['*a'] * 5000)}]\n",
        "too-many-values",
    ),
    "merge_bomb": (
        V
        + "vars:\n  a0: &a0 {k0: 1}\n"
        + "".join(f"  a{i}: &a{i} {{<<: *a{i - 1}, k{i}: 1}}\n" for i in range(1, 20_000)),
        "too-many-values",
    ),
    "merge_of_many": (
        V + "vars:\n  a: &a {k: 1}\n  b: {<<: [" + ", ".join(["*a"] * 100_000) + "]}\n",
        "too-many-values",
    ),
    "recursive_alias": (V + "vars: &a [*a]\n", "unknown-alias"),
    "flow_1000_deep": (V + "vars: " + "[" * 1000 + "]" * 1000, "too-deep"),
    "flow_100000_deep": (V + "vars: " + "[" * 100_000, "too-deep"),
    "braces_100000_deep": (V + "vars: " + "{a: " * 100_000, "too-deep"),
    "open_braces": (V + "vars: " + "{" * 100_000, "too-deep"),
    "block_1000_deep": (V + "".join(f"{' ' * i}a:\n" for i in range(1000)), "too-deep"),
    "dashes_100000_deep": (V + "vars:\n  " + "- " * 100_000 + "a\n", "too-deep"),
    "question_marks": (V + "vars:\n  " + "? " * 100_000 + "a\n", "too-deep"),
    "long_line": (V + "owner: " + "x" * 900_000 + "\n" + "owner: b\n", "duplicate-key"),
    "100000_keys": (V + "vars:\n" + chain(100_000, "  {i}: 1\n"), "too-large"),
    "100000_text_keys": (V + "vars:\n" + chain(100_000, "  k{i}:\n"), "too-many-values"),
    "40000_unknown_keys": (V + chain(40_000, "k{i}: 1\n"), "unknown-key"),
    "20000_duplicate_keys": (V + "a: 1\n" * 20_000, "duplicate-key"),
    "1900_broken_tasks": (V + "tasks:\n" + "- {}\n" * 1900, "missing-key"),
    "20000_broken_tasks": (V + "tasks:\n" + "- {}\n" * 20_000, "too-many"),
    "copy_of_a_deep_name": (
        V
        + "tasks:\n"
        + "".join(f"{'    ' * i}- id: n{i}\n{'    ' * i}  tasks:\n" for i in range(28))
        + f"{'    ' * 28}- {{id: end, run: echo}}\n"
        + f"- {{id: q, run: echo, needs: '{'.'.join(f'n{i}' for i in range(28))}.end[x]'}}\n",
        "unknown-task",
    ),
    "1900_tasks_with_unknown_needs": (
        V + "tasks:\n" + chain(1900, "- {{id: t{i}, run: echo, needs: [u{i}]}}\n"),
        "unknown-task",
    ),
    "integer_of_100000_digits": (V + "vars: {n: " + "9" * 100_000 + "}\n", "number"),
    "hex_of_100000_digits": (V + "vars: {n: 0x" + "f" * 100_000 + "}\n", "number"),
    "octal_of_100000_digits": (V + "vars: {n: 0" + "7" * 100_000 + "}\n", "number"),
    "underscores": (V + "vars: {n: 1" + "_0" * 100_000 + "}\n", "number"),
    "sexagesimal": (V + "vars: {n: 1" + ":59" * 100_000 + "}\n", "number"),
    "sexagesimal_float": (V + "vars: {n: 1" + ":59" * 100_000 + ".5}\n", "number"),
    "float": (V + "vars: {n: 1.0e+999}\n", "number"),
    "long_float": (V + "vars: {n: 1." + "0" * 100_000 + "}\n", "number"),
    "key_of_a_megabyte": (GOOD + "? " + "k" * 1_000_000 + "\n: 1\n", "unknown-key"),
    "two_keys_of_a_megabyte": (V + ("? " + "k" * 400_000 + "\n: 1\n") * 2, "duplicate-key"),
    "odd_anchor": (V + "vars: &a.b:c 1\n", "yaml-syntax"),
    "long_anchor": (V + "vars: {a: &" + "a" * 100_000 + " 1, b: *b}\n", "unknown-alias"),
    "vars_1000_in_a_row": (
        V + "vars:\n" + chain(1000, "  v{i}: ${{vars.v{next}}}\n") + "  v1000: x\n"
        "description: ${vars.v0}\n" + TASKS,
        "too-deep",
    ),
    "vars_that_double": (
        V
        + "vars:\n"
        + chain(40, "  v{i}: ${{vars.v{next}}}${{vars.v{next}}}\n")
        + "  v40: x\ndescription: ${vars.v0}\n"
        + TASKS,
        "too-large",
    ),
    "vars_that_double_from_the_end": (
        V
        + "vars:\n  v0: x\n"
        + "".join(f"  v{i}: ${{vars.v{i - 1}}}${{vars.v{i - 1}}}\n" for i in range(1, 40))
        + TASKS,
        "too-large",
    ),
    "lists_that_double": (
        V
        + "vars:\n  v0: [x]\n"
        + "".join(f'  v{i}: ["${{vars.v{i - 1}}}", "${{vars.v{i - 1}}}"]\n' for i in range(1, 30))
        + TASKS,
        "too-large",
    ),
    "lists_ten_wide": (
        V
        + "vars:\n  v0: [x]\n"
        + "".join(f"  v{i}: [{', '.join([QUOTED.format(i - 1)] * 10)}]\n" for i in range(1, 12))
        + TASKS,
        "too-large",
    ),
    "a_long_text_many_times": (
        V
        + "vars: {x: "
        + "x" * 500_000
        + "}\ntasks:\n"
        + chain(5000, "- {{id: t{i}, run: 'echo ${{vars.x}}'}}\n"),
        "too-large",
    ),
    "vars_in_a_circle": (
        V + "vars:\n" + chain(20, "  v{i}: ${{vars.v{next}}}\n") + "  v20: ${vars.v0}\n" + TASKS,
        "placeholder-cycle",
    ),
    "matrix_10000": (
        V + "matrix:\n" + chain(4, "  m{i}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n") + TASKS,
        "too-many",
    ),
    "matrix_10_to_the_1000": (
        V + "matrix:\n" + chain(1000, "  m{i}: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]\n") + TASKS,
        "too-many",
    ),
    "matrix_of_a_large_file": (
        V + f"matrix: {{m: {[*range(1000)]}}}\nvars: {{x: [{', '.join('x' * 50_000)}]}}\n" + TASKS,
        "too-large",
    ),
    "matrix_in_a_matrix": (
        V + f"matrix: {{m: {[*range(1000)]}}}\ntasks:\n"
        f"  - {{id: a, run: echo, matrix: {{n: {[*range(1000)]}}}}}\n",
        "too-many",
    ),
    "needs_of_copies": (
        V + "tasks:\n"
        f"  - {{id: a, run: echo, matrix: {{n: {[*range(900)]}}}}}\n"
        f"  - {{id: b, run: echo, needs: [a], matrix: {{n: {[*range(900)]}}}}}\n",
        "too-large",
    ),
    "a_mistake_in_1000_copies": (
        V + f"owner: 5\nmatrix: {{m: {[*range(1000)]}}}\n" + TASKS,
        "type",
    ),
    "cycle_of_1900": (
        V
        + "tasks:\n"
        + chain(1900, "- {{id: t{i}, run: echo, needs: [t{next}]}}\n")
        + "- {id: t1900, run: echo, needs: [t0]}\n",
        "cycle",
    ),
    "cron_of_a_megabyte": (V + "schedule: '" + "1," * 400_000 + "1 * * * *'\n" + TASKS, "schedule"),
    "duration_of_a_megabyte": (V + f"dagrun_timeout: '{'9' * 900_000}s'\n" + TASKS, "format"),
    "zone_of_a_megabyte": (V + f"timezone: {'x' * 900_000}\n" + TASKS, "timezone"),
    "python_object": (V + "vars: {x: !!python/object/apply:os.system [false]}\n", "tag"),
    "python_name": (V + "vars: {x: !!python/name:os.system ''}\n", "tag"),
    "several_documents": (GOOD + "---\n" + GOOD, "several-documents"),
    "empty": ("", "empty"),
    "only_comments": ("# nothing\n", "empty"),
    "only_a_marker": ("---\n", "empty"),
    "tabs": (V + "tasks:\n\t- id: a\n", "tab"),
    "nul": (b"version: 1\x00\n", "control-character"),
    "only_nul": (b"\x00" * 1000, "control-character"),
    "bell": (b"owner: \x07\n", "control-character"),
    "latin_1": ("owner: M\u00fcller\n".encode("latin-1"), "not-utf-8"),
    "utf_16": (GOOD.encode("utf-16"), "not-utf-8"),
    "utf_16_without_mark": (GOOD.encode("utf-16-le"), "not-utf-8"),
    "utf_32": (GOOD.encode("utf-32"), "not-utf-8"),
    "byte_order_mark": (b"\xef\xbb\xbf" + GOOD.encode(), "byte-order-mark"),
    "surrogate": (b"owner: \xed\xa0\x80\n", "not-utf-8"),
    "escaped_surrogate": (V + 'owner: "\\ud800"\n', "yaml-syntax"),
    "random": (bytes(range(256)) * 40, "not-utf-8"),
    "fifty_megabytes": (b"# " + b"x" * (50 * 1024 * 1024), "too-large"),
    "zip": (b"PK\x03\x04" + b"\x00" * 100, "control-character"),
}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _waiting(path: Path) -> None:
    path.symlink_to("/dev/tty")


def _folder(path: Path) -> None:
    path.mkdir()


def _nowhere(path: Path) -> None:
    path.symlink_to("nowhere")


def _itself(path: Path) -> None:
    path.symlink_to(path.name)


def _unreadable(path: Path) -> None:
    path.symlink_to("/proc/self/mem")  # EIO, for root as well


OTHERS: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (_pipe, "not-a-file"),
    "socket": (_socket, "not-a-file"),
    "endless_device": (_endless, "link-outside"),
    "folder": (_folder, "not-a-file"),
    "link_to_nowhere": (_nowhere, "broken-link"),
    "link_to_itself": (_itself, "broken-link"),
    "bytes_that_cannot_be_read": (_unreadable, "link-outside"),
}


def make(root: Path) -> None:
    """Every hostile file, between two good ones."""
    root.mkdir()
    (root / "a_good_one.yaml").write_text(GOOD)
    (root / "zz_good_one.yaml").write_text(GOOD)
    for name, (data, _) in TEXTS.items():
        path = root / f"{name}.yaml"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    for name, (build, _) in OTHERS.items():
        build(root / f"{name}.yaml")
    circle = root / "circle"
    circle.mkdir()
    (circle / "back").symlink_to(root)
    (circle / "itself").symlink_to("itself")
    (circle / "up").symlink_to("/")
