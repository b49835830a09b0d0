"""What a person sees who writes a pipeline in an editor with the YAML language server."""

from pathlib import Path

import pytest

from factory.plan.kind import builtin_names

from .conftest import Editor

ROOT = Path(__file__).parents[2]
INGEST = """\
version: 1
tasks:
  - id: load
    uses: ingest
    with:
"""
GOOD = """\
version: 1
description: Trips of a month.
schedule: "0 6 2 * *"
start_date: 2024-01-01
catchup: true
vars: {tries: 3}
defaults: {retries: "${vars.tries}", retry_delay: 5m}
alerts:
  on_failure: [{type: email, to: [trips@example.org]}]
tasks:
  - id: load
    uses: ingest
    with:
      source:
        type: http
        url: "${vars.source}/{{ interval.month }}.csv.gz"
        format: {type: csv, delimiter: ";"}
      target: {table: raw.trips}
      write: {mode: merge, key: [id]}
      checks:
        - {type: row_count, min: "${vars.least}"}
  - id: tell
    run: echo done
    needs: [load]
    trigger_rule: all_done
  - id: other
    uses: airflow.providers.standard.operators.bash.BashOperator
    with: {bash_command: echo}
"""


def test_top_level_keys_are_offered(editor: Editor) -> None:
    labels = editor.labels("version: 1\n¦")
    assert {"schedule", "start_date", "catchup", "alerts", "defaults", "tasks"} <= set(labels)
    assert "version" not in labels  # it is there already


def test_uses_offers_the_kinds_with_what_they_do(editor: Editor) -> None:
    items = editor.items("version: 1\ntasks:\n  - id: a\n    uses: ¦\n")
    assert {item["label"] for item in items} == set(builtin_names())
    about = {item["label"]: item["documentation"]["value"] for item in items}
    assert about["bash"].startswith("Run shell commands with bash")


@pytest.mark.parametrize("kind", builtin_names())
def test_a_new_task_is_offered_for_each_kind(editor: Editor, kind: str) -> None:
    items = editor.items("version: 1\ntasks:\n  - ¦\n")
    (snippet,) = [item for item in items if item["label"] == f"uses: {kind}"]
    assert snippet["insertText"].startswith(f"id: ${{1:{kind}}}\n  uses: {kind}")


def test_with_offers_the_arguments_of_its_kind(editor: Editor) -> None:
    ingest = set(editor.labels(INGEST + "      ¦\n"))
    assert {"source", "target", "write", "checks", "on_bad_row"} <= ingest
    shell = editor.labels("version: 1\ntasks:\n  - id: a\n    uses: bash\n    with:\n      ¦\n")
    assert {"command", "env", "cwd"} <= set(shell)


def test_with_of_a_shell_script_is_that_of_bash(editor: Editor) -> None:
    labels = editor.labels("version: 1\ntasks:\n  - id: a\n    run: ls\n    with:\n      ¦\n")
    assert {"env", "cwd"} <= set(labels)


def test_type_offers_its_words(editor: Editor) -> None:
    sources = editor.labels(INGEST + "      source:\n        type: ¦\n")
    assert sources == ["file", "http", "mysql", "postgres", "sql", "bigquery", "snowflake"]
    checks = editor.labels(INGEST + "      checks:\n        - type: ¦\n")
    assert {"row_count", "not_null"} <= set(checks)
    assert editor.labels("alerts:\n  on_retry:\n    - type: ¦\n") == ["email", "slack", "webhook"]


def test_type_decides_which_keys_are_offered(editor: Editor) -> None:
    source = INGEST + "      source:\n        type: {}\n        ¦\n"
    http, file = editor.labels(source.format("http")), editor.labels(source.format("file"))
    assert {"url", "path"} & set(http) == {"url"}
    assert {"url", "path"} & set(file) == {"path"}


def test_settings_offer_their_values(editor: Editor) -> None:
    labels = editor.labels("version: 1\ntasks:\n  - id: a\n    trigger_rule: ¦\n")
    assert {"all_success", "all_done", "one_failed"} <= set(labels)
    assert set(editor.labels("catchup: ¦\n")) == {"true", "false"}


@pytest.mark.parametrize("schema", ["pipeline", "defaults"])
def test_kinds_offer_arguments_of_a_kind(editor: Editor, schema: str) -> None:
    assert set(editor.labels("kinds:\n  ¦\n", schema)) == set(builtin_names())
    assert "target" in editor.labels("kinds:\n  ingest:\n    ¦\n", schema)


def test_an_environment_offers_what_it_may_override(editor: Editor) -> None:
    assert {"vars", "override"} <= set(editor.labels("version: 1\n¦\n", "environment"))
    labels = editor.labels("override:\n  ¦\n", "environment")
    assert {"schedule", "stage", "kinds"} <= set(labels)
    assert "tasks" not in labels


def test_hover_tells_what_a_key_is_and_its_default(editor: Editor) -> None:
    shown = editor.hover("catch¦up: true\n")
    assert "Make the runs between `start_date` and now" in shown
    assert "Default: `false`" in shown


def test_hover_tells_what_an_argument_of_a_kind_is(editor: Editor) -> None:
    shown = editor.hover(INGEST + "      target: {ta¦ble: raw.trips}\n")
    assert "The table, with its schema." in shown
    assert "Required" in shown


def test_hover_tells_what_a_kind_does(editor: Editor) -> None:
    assert "Load files into a table" in editor.hover(INGEST.replace("ingest", "in¦gest"))


def test_hover_on_a_type_tells_each_word(editor: Editor) -> None:
    shown = editor.hover(INGEST + "      source: {ty¦pe: http, url: x}\n")
    assert "`http`: Files that are downloaded by HTTP or HTTPS" in shown


def test_a_good_pipeline_has_nothing_underlined(editor: Editor) -> None:
    assert editor.underlined(GOOD) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "words", "message"),
    [
        ("catchup: true", "cachup: true", 5, "cachup", "not allowed"),
        ("catchup: true", "catchup: maybe", 5, "maybe", "Expected true or false or ${…}."),
        ("retry_delay: 5m", "retry_delay: 5 min", 7, "5 min", "Expected duration such as 90s."),
        ("type: email", "type: emial", 9, "emial", '"email", "slack", "webhook"'),
        ("{type: email, to: [trips@example.org]}", "{type: email}", 9, "{", '"to"'),
        ("  - id: load", "  - name: load", 11, "name", "not allowed"),
        ("uses: ingest", "uses: ingets", 12, "ingets", '"ingest"'),
        ("      source:", "      sourse:", 14, "sourse", "not allowed"),
        ("type: http", "type: htpp", 15, "htpp", '"http"'),
        ("url:", "uri:", 16, "uri", "not allowed"),
        ("delimiter", "delimter", 17, "delimter", "not allowed"),
        ("mode: merge", "mode: upsert", 19, "upsert", '"merge"'),
        ('min: "${vars.least}"', "min: many", 21, "many", "Expected template."),
        ("    run: echo done\n", "", 22, "i", '"uses"'),
        ("run: echo done", "run: echo done\n    uses: bash", 24, "uses", "not allowed"),
        ("needs: [load]", "needs: 1", 24, "1", "Expected"),
        ("trigger_rule: all_done", "trigger_rule: done", 25, "done", '"all_done"'),
    ],
)
def test_a_mistake_is_underlined_where_it_stands(
    editor: Editor, right: str, wrong: str, line: int, words: str, message: str
) -> None:
    text = GOOD.replace(right, wrong, 1)
    assert text != GOOD
    found = [entry for entry in editor.underlined(text) if entry.words == words]
    assert [entry.line for entry in found] == [line]
    assert message in found[0].message


def test_only_the_mistake_is_underlined(editor: Editor) -> None:
    found = editor.underlined(GOOD.replace("delimiter", "delimter"))
    assert [entry.words for entry in found] == ["delimter"]


@pytest.mark.parametrize(
    ("wrong", "line", "words"),
    [("  taks: 1\n", 2, "taks"), ("  kinds: {ingest: {tagret: 1}}\n", 2, "tagret")],
)
def test_layers_are_checked_too(editor: Editor, wrong: str, line: int, words: str) -> None:
    found = editor.underlined(f"override:\n{wrong}", "environment")
    assert [(entry.line, entry.words) for entry in found] == [(line, words)]


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "dag_factory_configs").rglob("*.yaml")),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_our_own_files_have_nothing_underlined(editor: Editor, path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=")
    assert editor.underlined_in(path.parent, text) == []


GROUP = """version: 1
tasks:
  - id: table
    defaults: {retries: 1}
    tasks:
      - id: load
        uses: sql
        with: {conn_id: warehouse, sql: SELECT 1}
      - {id: end, run: echo, teardown_for: load}
"""


def test_the_tasks_of_a_group_are_tasks(editor: Editor) -> None:
    assert editor.underlined(GOOD + GROUP.partition("tasks:\n")[2]) == []
    spoiled = editor.underlined(GROUP.replace("conn_id", "con_id"))
    assert [(entry.line, entry.words) for entry in spoiled] == [(8, "con_id")]
    labels = editor.labels(GROUP.partition("      - {id: end")[0] + "      - ¦")
    assert {"id", "uses", "run", "teardown_for"} <= set(labels)
