"""Inputs that grow: name → (the files of a project for a size, the largest size).

The largest is where a bound refuses more, mostly a file's 1 MiB.
"""

from __future__ import annotations

from collections.abc import Callable

Files = dict[str, str]
Input = tuple[Callable[[int], Files], int]

V = "version: 1\n"
TASKS = "tasks:\n  - {id: a, run: echo}\n"


def lines(count: int, line: str) -> str:
    """A line for each number; `{i}` is the number, `{last}` the one before."""
    return "".join(line.format(i=i, last=i - 1) for i in range(count))


def one(text: Callable[[int], str]) -> Callable[[int], Files]:
    """A project of one file."""
    return lambda size: {"spec.yaml": V + text(size)}


def _listed(count: int, entry: str) -> str:
    return "[" + ", ".join(entry.format(i=i) for i in range(count)) + "]"


def _task(count: int, more: str, run: str = "run: echo") -> str:
    return "tasks:\n" + lines(count, f"- {{{{id: t{{i}}, {run}, {more}}}}}\n")


def _steps(count: int, uses: str, given: str) -> str:
    return "tasks:\n" + lines(count, f"- {{{{id: t{{i}}, uses: {uses}, with: {{{{{given}}}}}}}}}\n")


def _many(line: str) -> Callable[[int], Files]:
    return lambda size: {
        f"p{i}.yaml": V + "tasks:\n" + line.format(i=i, other=i // 2) for i in range(size)
    }


def _waits(size: int) -> Files:
    wait = "{id: a, uses: wait, with: {for: {type: pipeline, pipeline: p%d}}}"
    return {
        f"p{i}.yaml": f"{V}schedule: '{i % 60} {i // 60} * * *'\ntasks: [{wait % (i // 2)}]\n"
        for i in range(size)
    }


def _folders(size: int) -> Files:
    found = {}
    for i in range(size):
        found[f"f{i}/_defaults.yaml"] = f"{V}vars: {{a{i}: 1}}\n"
        found[f"f{i}/p{i}.yaml"] = V + "tasks: [{id: a, run: 'echo ${vars.a" + str(i) + "}'}]\n"
    return found


def _deep_layers(size: int) -> Files:
    found = {}
    folder = ""
    for i in range(size):
        folder += f"f{i}/"
        found[f"{folder}_defaults.yaml"] = f"{V}tags: [t{i}]\nvars: {{a{i}: 1}}\n"
    found[f"{folder}spec.yaml"] = V + TASKS + "tags: [x]\nowner: 5\n"
    return found


def _layer_of_tags(size: int) -> Files:
    tags = "tags: " + _listed(size, "tag{i}") + "\n"
    return {"_defaults.yaml": V + tags, "spec.yaml": V + tags.replace("tag", "tug") + TASKS}


def _python(size: int) -> Files:
    code = lines(size, "def f{i}(a, b=1): pass\n")
    return {"x.py": code, "spec.yaml": V + _steps(20, "python", "callable: 'x.py:g{i}'")}


def _python_tasks(size: int) -> Files:
    code = lines(2000, "def f{i}(a, b=1): pass\n")
    return {"x.py": code, "spec.yaml": V + _steps(size, "python", "callable: 'x.py:g{i}'")}


def _elif(size: int) -> Files:
    code = "if a: pass\n" + lines(size, "elif a{i}: b{i} = 1\n")
    return {"x.py": code, "spec.yaml": V + _steps(1, "python", "callable: 'x.py:f'")}


def _sql(files: int, tasks: int) -> Files:
    found = {f"query_{i}.sql": "SELECT 1" for i in range(files)}
    return {**found, "spec.yaml": V + _steps(tasks, "sql", "conn_id: c, sql: query{i}.sql")}


def _big_layer(size: int) -> Files:
    found = {f"p{i}.yaml": V + TASKS + "vars: {own: 1}\n" for i in range(4)}
    return {**found, "_defaults.yaml": V + "vars:\n" + lines(size, "  v{i}: ${{vars.w{i}}}\n")}


def _environment(size: int) -> Files:
    override = V + "override:\n  vars:\n" + lines(size, "    v{i}: 1\n")
    return {"environments/dev.yaml": override, "spec.yaml": V + TASKS}


def _group_of_one(size: int) -> str:
    return _steps(size, "nifi", "conn_id: nifi, group: Lake/Orders")


def _groups_in_a_row(size: int) -> str:
    given = "with: {{conn_id: nifi, group: Lake/Orders}}"
    return "tasks:\n- {id: t-1, run: echo}\n" + lines(
        size, f"- {{{{id: t{{i}}, uses: nifi, {given}, needs: [t{{last}}]}}}}\n"
    )


def _all_need_all(size: int) -> str:
    found = ["tasks:\n"]
    for i in range(size):
        needs = ", ".join(f"t{j}" for j in range(i))
        found.append(f"- {{id: t{i}, run: echo, needs: [{needs}]}}\n")
    return "".join(found)


_NIFI = "- {{id: a, uses: nifi, with: {{conn_id: nifi, group: Lake/g{i}/in}}}}\n"
_SAME = "- {{id: a, uses: nifi, with: {{conn_id: nifi, group: Lake}}}}\n"
_TRIGGER = "- {{id: a, uses: trigger, with: {{pipeline: pipelin{i}}}}}\n"
_CHECK = "        - {{type: not_null, columns: [c{i}]}}\n"
_CHECKS = "tasks:\n- id: a\n  uses: check\n  with:\n    conn_id: c\n    table: a.b\n    checks:\n"
_REF = "{{$ref: '#/$defs/d{i}'}}"

INPUTS: dict[str, Input] = {
    # YAML
    "keys": (one(lambda n: TASKS + "vars:\n" + lines(n, "  k{i}: 1\n")), 40_000),
    "keys_that_are_used": (
        one(lambda n: "vars:\n" + lines(n, "  k{i}: 1\n") + _run(lines(n, "${{vars.k{i}}} "))),
        20_000,
    ),
    "items": (one(lambda n: TASKS + f"vars: {{a: {_listed(n, '{i}')}}}\n"), 90_000),
    "texts": (one(lambda n: TASKS + f"vars: {{a: {_listed(n, 'text{i}')}}}\n"), 60_000),
    "quoted_texts": (one(lambda n: TASKS + f"vars: {{a: {_listed(n, QUOTED)}}}\n"), 60_000),
    "aliases": (one(lambda n: TASKS + f"vars: {{a: &a 1, b: {_listed(n, '*a')}}}\n"), 90_000),
    "anchors": (one(lambda n: TASKS + f"vars: {{a: {_listed(n, '&a{i} x')}}}\n"), 60_000),
    "merges": (one(lambda n: TASKS + "vars:\n  a: &a {k: 1}\n" + lines(n, MERGE)), 15_000),
    "merges_into_one": (
        one(lambda n: TASKS + "vars:\n  a: &a {k: 1}\n  b:\n" + lines(n, "    <<: *a\n")),
        40_000,
    ),
    "comments": (one(lambda n: TASKS + lines(n, "# comment {i}\n")), 60_000),
    "empty_lines": (one(lambda n: TASKS + "\n" * n + "owner: 5\n"), 900_000),
    "long_line": (one(lambda n: TASKS + "description: " + "x" * n + "\nowner: 5\n"), 1_000_000),
    "long_line_of_errors": (one(lambda n: "tasks: " + _listed(n, "{{id: t{i}}}") + "\n"), 1900),
    "long_text": (one(lambda n: "tasks:\n- id: a\n  run: |\n" + lines(n, "    line\n")), 100_000),
    "long_keys": (one(lambda n: TASKS + "? " + "k" * n + "\n: 1\n"), 1_000_000),
    "names_alike": (one(lambda n: TASKS + lines(n, "max_activ{i}e_tasks: 1\n")), 30_000),
    "deep_values": (one(lambda n: TASKS + "vars:\n" + lines(n, DEEP)), 1000),
    "duplicate_keys": (one(lambda n: lines(n, "a: 1\n")), 180_000),
    "tags_of_yaml": (one(lambda n: TASKS + f"vars: {{a: {_listed(n, '!t x')}}}\n"), 90_000),
    "broken_line": (one(lambda n: TASKS + "a: x " + "[" * n + "{: b\n"), 900_000),
    "broken_line_of_spaces": (one(lambda n: TASKS + "a: x " + "- " * n + ": b: c\n"), 450_000),
    "open_quote": (one(lambda n: TASKS + 'a: "' + "x\n" * n), 500_000),
    "escapes": (one(lambda n: TASKS + 'description: "' + "\\x41" * n + '"\n'), 250_000),
    # ${…}
    "references": (
        one(lambda n: "vars: {x: 1}\n" + TASKS + f"params: {{a: {_listed(n, REFERENCE)}}}\n"),
        50_000,
    ),
    "references_in_one_text": (one(lambda n: "vars: {x: 1}\n" + _run("${vars.x} " * n)), 100_000),
    "unknown_references": (
        one(lambda n: TASKS + "params:\n" + lines(n, "  k{i}: ${{vars.u{i}}}\n")),
        40_000,
    ),
    "unknown_references_in_one_text": (one(lambda n: _run(lines(n, "${{vars.u{i}}} "))), 60_000),
    "unknown_references_in_lines": (
        one(
            lambda n: "tasks:\n- id: a\n  run: |\n" + lines(n, "    ${{vars.u{i}}}\n"),
        ),
        50_000,
    ),
    "unknown_among_many": (
        one(
            lambda n: (
                "vars:\n"
                + lines(n, "  name{i}: 1\n")
                + "params:\n"
                + lines(n, "  k{i}: ${{vars.nam{i}}}\n")
                + TASKS
            )
        ),
        6000,
    ),
    "open_references": (one(lambda n: _run("${a " * n)), 100_000),
    "vars_of_vars": (
        one(lambda n: "vars:\n  v0: x\n" + lines(n, "  w{i}: ${{vars.v0}}\n") + TASKS),
        40_000,
    ),
    "placeholders_in_keys": (
        one(lambda n: TASKS + "params:\n" + lines(n, "  ${{vars.u{i}}}: 1\n")),
        40_000,
    ),
    # tasks
    "tasks": (one(lambda n: _task(n, "retries: 1")), 2000),
    "tasks_too_many": (one(lambda n: _task(n, "retries: 1")), 24_000),
    "needs": (one(lambda n: "tasks:\n- {id: t-1, run: echo}\n" + lines(n, NEED)), 1990),
    "needs_of_all": (one(_all_need_all), 400),
    "needs_that_are_unknown": (one(lambda n: _task(n, "needs: [u{i}, v{i}, t{last}]")), 1990),
    "ids_alike": (one(lambda n: "tasks:\n" + lines(n, "- {{id: t, run: echo}}\n")), 2000),
    "a_circle": (one(lambda n: _task(n, "needs: [t{last}]").replace("t-1", f"t{n - 1}")), 2000),
    "matrix": (one(lambda n: f"matrix: {{m: {_listed(n, '{i}')}}}\n" + TASKS), 1000),
    "matrix_of_a_task": (
        one(lambda n: f"tasks: [{{id: a, run: echo, matrix: {{m: {_listed(n, '{i}')}}}}}]\n"),
        1000,
    ),
    "matrix_with_errors": (
        one(lambda n: f"matrix: {{m: {_listed(n, '{i}')}}}\nowner: [1]\n" + TASKS),
        1000,
    ),
    "unknown_kinds": (one(lambda n: _steps(n, "kind{i}", "a: 1")), 2000),
    "unknown_arguments": (one(lambda n: _steps(n, "bash", "comand: a, envi: b")), 2000),
    "wrong_types": (one(lambda n: _task(n, "retries: many, pool: [1]")), 2000),
    "operators": (one(lambda n: _steps(n, "acme.Operator", "a: 1, b: {{$call: a.b}}")), 2000),
    "one_large_argument": (
        one(lambda n: _steps(1, "acme.Operator", f"a: {_listed(n, '{i}')}")),
        80_000,
    ),
    # what a pipeline has in numbers
    "params": (
        one(lambda n: TASKS + "params:\n" + lines(n, "  p{i}: {{type: string, default: a}}\n")),
        1600,
    ),
    "params_that_are_wrong": (
        one(lambda n: TASKS + "params:\n" + lines(n, "  p{i}: {{type: string, default: 1}}\n")),
        1600,
    ),
    "params_too_large": (
        one(lambda n: TASKS + "params:\n" + lines(n, "  p{i}: {{type: string, default: 1}}\n")),
        20_000,
    ),
    "references_in_params": (
        one(
            lambda n: (
                TASKS
                + "params:\n  p:\n    type: string\n    default: a\n"
                + f"    allOf: {_listed(n, _REF)}\n    $defs:\n"
                + lines(n, "      d{i}: {{type: string}}\n")
            )
        ),
        700,
    ),
    "a_large_default": (
        one(
            lambda n: (
                TASKS
                + "params: {p: {type: array, items: {type: string, pattern: '^[a-z]+[0-9]*$'}, "
                + f"default: {_listed(n, 'a{i}')}}}}}\n"
            )
        ),
        12_000,
    ),
    "patterns": (
        one(
            lambda n: (
                TASKS
                + "params:\n"
                + lines(n, "  p{i}: {{type: string, pattern: '^a{i}[a-z]+(-[a-z]+)*$'}}\n")
            )
        ),
        800,
    ),
    "a_long_pattern": (
        one(lambda n: TASKS + f"params: {{p: {{type: string, pattern: '^({'ab?' * n})*$'}}}}\n"),
        300_000,
    ),
    "a_long_text_for_a_pattern": (
        one(
            lambda n: (
                TASKS
                + "params: {p: {type: string, pattern: '^(a|b)*c$', default: "
                + "a" * n
                + "}}\n"
            )
        ),
        900_000,
    ),
    "assets": (one(lambda n: TASKS + f"schedule: {{assets: {_listed(n, ASSET)}}}\n"), 40_000),
    "tags": (one(lambda n: TASKS + f"tags: {_listed(n, 'tag{i}')}\n"), 80_000),
    "tags_in_layers": (_layer_of_tags, 40_000),
    "alerts": (
        one(
            lambda n: (
                TASKS
                + f"alerts: {{on_failure: [{{type: email, to: {_listed(n, 'a{i}@b.org')}}}]}}\n"
            )
        ),
        40_000,
    ),
    "checks": (
        one(lambda n: _CHECKS + lines(n, _CHECK)),
        8000,
    ),
    "secrets": (one(lambda n: _run("password " * n)), 110_000),
    "secrets_in_addresses": (one(lambda n: _run("a://b" * n + ":c")), 200_000),
    "secrets_in_an_address": (one(lambda n: _run("a://" + ":b" * n)), 500_000),
    "secrets_in_a_word": (one(lambda n: _run("a" * n + "@ token")), 1_000_000),
    "secrets_in_a_key": (one(lambda n: TASKS + "? " + "_" * n + "\n: token\n"), 1_000_000),
    "secrets_by_keys": (one(lambda n: TASKS + "vars:\n" + lines(n, "  key{i}: x\n")), 40_000),
    "secrets_by_aliases": (
        one(lambda n: TASKS + f"vars:\n  a: &a {'x1' * n}\n" + lines(n, "  password{i}: *a\n")),
        10_000,
    ),
    "secrets_in_a_comment": (
        one(lambda n: TASKS + "owner: 5 # " + lines(n, "x://a:b{i}@h ") + "\n"),
        50_000,
    ),
    "templates": (one(lambda n: "tasks:\n" + lines(n, _TEMPLATE)), 10_000),
    "templates_in_a_text": (one(lambda n: _run("{{ x }} {% if y %} " * n)), 3_000),
    "names_in_a_template": (one(lambda n: _run(lines(n, "{{{{ a{i} }}}} "))), 6_000),
    "a_template_that_nothing_ends": (one(lambda n: _run("{{ " * n)), 40_000),
    "comments_in_a_template": (one(lambda n: _run("{# " * n)), 40_000),
    "percent_in_sql": (one(lambda n: _sql_text("{{ % " * n)), 200_000),
    "quotes_in_sql": (one(lambda n: _sql_text("%(x)s ' % " * n)), 100_000),
    # many files
    "waits": (_waits, 600),
    "files": (_many("- {{id: a, run: echo {i}}}\n"), 800),
    "folders": (_folders, 200),
    "layers_above": (_deep_layers, 60),
    "a_large_layer": (_big_layer, 15_000),
    "an_environment": (_environment, 40_000),
    "pipelines_that_are_unknown": (_many(_TRIGGER), 600),
    "groups": (_many(_NIFI), 300),
    "one_group": (_many(_SAME), 300),
    "one_group_in_one_pipeline": (one(_group_of_one), 1000),
    "one_group_in_a_row": (one(_groups_in_a_row), 1000),
    "python_functions": (_python, 8000),
    "python_tasks": (_python_tasks, 500),
    "python_elif": (_elif, 12_000),
    "sql_files": (lambda n: _sql(n, 20), 3000),
    "sql_tasks": (lambda n: _sql(20, n), 2000),
}


def _sql_text(text: str) -> str:
    given = f'conn_id: c, sql: "{text}", parameters: {{x: 1}}'
    return f"tasks:\n- {{id: a, uses: sql, with: {{{given}}}}}\n"


_TEMPLATE = "- {{id: t{i}, run: 'echo {{{{ ds }}}} {{{{ x{i} }}}}'}}\n"


def _run(text: str) -> str:
    return f"tasks:\n- id: a\n  run: '{text}'\n"


QUOTED = '"text{i}"'
MERGE = "  m{i}: {{<<: *a, k{i}: 1}}\n"
DEEP = "  d{i}: " + "[" * 60 + "x" + "]" * 60 + "\n"
NEED = "- {{id: t{i}, run: echo, needs: [t{last}]}}\n"
REFERENCE = '"${{vars.x}}"'
ASSET = "'s3://bucket/key{i}'"
