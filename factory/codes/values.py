"""Codes of values that are wrong."""

from factory.codes.code import Code, Group

GROUP = Group(
    name="values",
    codes=(
        Code(
            name="unknown-key",
            title="a key that is not known",
            meaning="The key is not one of those that may stand here.",
            advice="The hint has the nearest name, or the place where the key belongs.",
            wrong="tasks: [{id: a, uses: bash, with: {comand: ls}}]",
            right="tasks: [{id: a, uses: bash, with: {command: ls}}]",
        ),
        Code(
            name="missing-key",
            title="a key that has to be there",
            meaning="A key that has no default is missing, or another one asks for it.",
            advice="Add it.",
            wrong="tasks: [{id: a, uses: bash, with: {cwd: /tmp}}]",
            right="tasks: [{id: a, uses: bash, with: {command: ls, cwd: /tmp}}]",
        ),
        Code(
            name="type",
            title="a value of another type",
            meaning="Text stands where a number was meant, a list where a text was, and so on.",
            advice="Do as the hint says: mostly quotes.",
            wrong="owner: 5",
            right='owner: "5"',
        ),
        Code(
            name="schema",
            title="a value that the schema refuses",
            meaning="A value does not fit its schema, in a way that has no code of its own.",
            advice="Do as the message says.",
        ),
        Code(
            name="bad-value",
            title="a value that does not fit another",
            meaning=(
                "An encoding that does not exist, a column named twice, two options that exclude"
                " each other."
            ),
            advice="Do as the message says.",
        ),
        Code(
            name="key-columns",
            title="key columns that do not fit",
            meaning="A column stands twice in a key, or a primary key is not that of `merge`.",
            advice="Name each column of the key once.",
        ),
        Code(
            name="not-a-choice",
            title="not one of the choices",
            meaning="Only certain words may stand here.",
            advice="Choose one of those that are expected.",
            wrong="tasks: [{id: a, run: ls, trigger_rule: allways}]",
            right="tasks: [{id: a, run: ls, trigger_rule: always}]",
        ),
        Code(
            name="format",
            title="not in the format",
            meaning="The text is not written as it has to be: a duration, an address, a name.",
            advice="Write it as expected says.",
            wrong="tasks: [{id: a b, run: ls}]",
            right="tasks: [{id: a_b, run: ls}]",
        ),
        Code(
            name="out-of-bounds",
            title="not within the bounds",
            meaning="A number, a length or a duration is too small or too large.",
            advice="Stay within what is expected.",
            wrong="tasks: []",
            right="tasks: [{id: a, run: ls}]",
        ),
        Code(
            name="own-copy",
            title="a copy within what is copied",
            meaning=(
                "Files would be copied to where they are, or into the folder that is copied: the "
                "next run would copy the copies, too."
            ),
            advice="Copy to a folder beside it, or take a pattern without `**`.",
        ),
        Code(
            name="whole-store",
            title="a delete of all that is in a store",
            meaning="Nothing but a pattern is said, or the root: every file would be removed.",
            advice="Name a folder in it, or a beginning of names.",
        ),
        Code(
            name="one-of",
            title="not exactly one of two",
            meaning="Of several keys one has to be there, and not more; or a list has one twice.",
            advice="Keep one of them.",
        ),
        Code(
            name="unknown-kind",
            title="a kind that is not known",
            meaning="`uses` names no kind that is built in or that an installed package brings.",
            advice="Name a kind, or an operator by its whole import path.",
            wrong="tasks: [{id: a, uses: bsh, with: {command: ls}}]",
            right="tasks: [{id: a, uses: bash, with: {command: ls}}]",
        ),
        Code(
            name="kind-name",
            title="a name of one's own that cannot be",
            meaning=(
                "A name under `kinds`, or of a file in `_kinds/`, is a kind already; or it leads"
                " back to itself. Such a file is not read: the kind stays what it is."
            ),
            advice="Choose another name; let `uses` name a kind or an operator.",
            wrong="kinds: {bash: {uses: sql}}\ntasks: [{id: a, run: ls}]",
            right="kinds: {show: {uses: bash, with: {command: ls}}}\ntasks: [{id: a, uses: show}]",
        ),
        Code(
            name="import-path",
            title="no import path",
            meaning="`uses` is neither a kind nor the whole import path of an operator.",
            advice="Write the whole path, such as `airflow.providers.standard.operators.empty."
            "EmptyOperator`.",
        ),
        Code(
            name="unknown-task",
            title="a task that is not there",
            meaning="`needs` names no task of this pipeline.",
            advice="The hint has the nearest id.",
            wrong="tasks: [{id: load, run: ls}, {id: report, run: ls, needs: [laod]}]",
            right="tasks: [{id: load, run: ls}, {id: report, run: ls, needs: [load]}]",
        ),
        Code(
            name="self-need",
            title="a task that needs itself",
            meaning="A task stands in its own `needs`.",
            advice="Name another task, or none.",
            wrong="tasks: [{id: a, run: ls, needs: [a]}]",
            right="tasks: [{id: a, run: ls}]",
        ),
        Code(
            name="cycle",
            title="tasks that wait for each other",
            meaning="Each of these tasks needs another of them, so none can start.",
            advice="Take one of the `needs` out, so that they make an order.",
            wrong="tasks: [{id: a, run: ls, needs: [b]}, {id: b, run: ls, needs: [a]}]",
            right="tasks: [{id: a, run: ls}, {id: b, run: ls, needs: [a]}]",
        ),
        Code(
            name="duplicate-id",
            title="two tasks of one id",
            meaning="The id of a task stands once in a pipeline.",
            advice="Rename one of them.",
            wrong="tasks: [{id: a, run: ls}, {id: a, run: ls}]",
            right="tasks: [{id: a, run: ls}, {id: b, run: ls}]",
        ),
        Code(
            name="teardown",
            title="a teardown that does not fit",
            meaning=(
                "A task with `teardown_for` runs whatever happened, after all that needs the tasks"
                " that it names. So it has no trigger rule, need not need them itself, and they"
                " have to be needed; what needs them directly runs only when they have succeeded."
            ),
            advice="Do as the message says.",
            wrong="tasks:\n  - {id: up, run: ls}\n  - {id: work, run: ls, needs: [up]}\n"
            "  - {id: down, run: ls, teardown_for: [up], trigger_rule: all_done}",
            right="tasks:\n  - {id: up, run: ls}\n  - {id: work, run: ls, needs: [up]}\n"
            "  - {id: down, run: ls, teardown_for: [up]}",
        ),
        Code(
            name="said-twice",
            title="a setting that is said twice",
            meaning="A task says a setting beside `with` and, as an operator's argument, in it.",
            advice="Keep one of them; it wins over all defaults in both places.",
        ),
        Code(
            name="asset",
            title="an asset that Airflow refuses",
            meaning="Airflow refuses the asset's address, or nobody fills its template in.",
            advice="Write what is expected; what `ingest` loads is"
            " `table://<conn_id>/<schema>/<table>`.",
        ),
        Code(
            name="table-name",
            title="no name of a table",
            meaning="The warehouse takes no such name of a table, or would read it as another.",
            advice="Write it in one of the ways that the message names.",
        ),
        Code(
            name="column-name",
            title="no name of a column",
            meaning="No warehouse takes such a name of a column, or that of the target does not.",
            advice="Give the column another name of one line, by `rename`.",
        ),
        Code(
            name="name-too-long",
            title="a name that is too long",
            meaning="The warehouse would cut it, and two could become one, or refuses it."
            " How long a name may be is in [what each target can](reference/targets.md).",
            advice="Shorten it.",
        ),
        Code(
            name="unknown-column",
            title="a column that the load does not have",
            meaning=(
                "`key`, `column`, an index, a check or `rename` names a column that the load does"
                " not have: the spec says which it has (`select`, or `columns` of a file without a"
                " header)."
            ),
            advice="The hint has the nearest name.",
        ),
        Code(
            name="header",
            title="a header that HTTP cannot send",
            meaning="A header's name or value cannot be sent over HTTP.",
            advice="Write one line of Latin-1; a name has letters, digits and `-`.",
        ),
        Code(
            name="condition",
            title="an `if` that is neither true nor false",
            meaning=(
                "`if` is one expression that Airflow evaluates in the run, or true or false. A text"
                " is neither; two `{{ … }}` beside each other are a text."
            ),
            advice='Put all of it into one: `if: "{{ a and b }}"`.',
            wrong="params: {full: false}\ntasks: [{id: a, if: params.full, run: ls}]",
            right='params: {full: false}\ntasks: [{id: a, if: "{{ params.full }}", run: ls}]',
        ),
        Code(
            name="for-each",
            title="a `for_each` that gives no copies",
            meaning=(
                "`for_each` is a list, or one expression that gives one in the run. It stands in"
                " no other, and none beside `teardown_for`; `max_parallel` is about its copies."
                " In the copies of a group, Airflow runs what an operator that branches or"
                " short-circuits would skip."
            ),
            advice=(
                'Write a list, or an expression: `for_each: "{{ tasks.cities.output }}"`. In place'
                " of such an operator, write `if` on the steps."
            ),
            wrong='tasks: [{id: a, for_each: params.years, run: "echo {{ item }}"}]',
            right=(
                "params: {years: [2023, 2024]}\n"
                'tasks: [{id: a, for_each: "{{ params.years }}", run: "echo {{ item }}"}]'
            ),
        ),
        Code(
            name="two-commands",
            title="two commands in one task",
            meaning="`run` stands together with `uses` or `with.command`.",
            advice="Keep one of them.",
            wrong="tasks: [{id: a, run: ls, uses: bash}]",
            right="tasks: [{id: a, run: ls}]",
        ),
        Code(
            name="unknown-placeholder",
            title="a placeholder that is not known",
            meaning="Nothing has the name that stands in `${…}`, here or in a `.sql` file.",
            advice=(
                "Add it under `vars`; for the shell's own variable write `$NAME` or `$${NAME}`."
            ),
            wrong='vars: {schema: raw}\ndescription: "${vars.shema}"',
            right='vars: {schema: raw}\ndescription: "${vars.schema}"',
        ),
        Code(
            name="placeholder-left",
            title="a placeholder that nobody fills in",
            meaning=(
                "A `${…}` in a `.sql` file has no name of a spec, and is near to one. It stays as "
                "it is, for it may be another program's."
            ),
            advice="Write the whole name, such as `${vars.day}`.",
        ),
        Code(
            name="placeholder-cycle",
            title="variables that need each other",
            meaning="The value of a variable needs, through others, itself.",
            advice="Give one of them a value of its own.",
            wrong='vars: {a: "${vars.b}", b: "${vars.a}"}\ndescription: "${vars.a}"',
            right='vars: {a: "${vars.b}", b: x}\ndescription: "${vars.a}"',
        ),
        Code(
            name="placeholder-type",
            title="a list or mapping in the middle of a text",
            meaning="A `${…}` in a longer text stands for a single value, not a list or a mapping.",
            advice="Make it the whole value, or name a part of it.",
            wrong='vars: {all: [a, b]}\ndescription: "of ${vars.all}"',
            right='vars: {all: a and b}\ndescription: "of ${vars.all}"',
        ),
        Code(
            name="placeholder-in-key",
            title="a placeholder in a key",
            meaning="`${…}` is filled in in values, not in keys.",
            advice="Write the key itself.",
        ),
        Code(
            name="open-placeholder",
            title="a placeholder that is not closed",
            meaning="A `${` has no `}`.",
            advice="Close it; for the shell's own write `$${`.",
            wrong='description: "${vars.x"',
            right='vars: {x: sales}\ndescription: "${vars.x}"',
        ),
        Code(
            name="bad-matrix",
            title="a matrix that is none",
            meaning=(
                "A matrix is names, each with a list of single values; or a list of rows, which"
                " have the same fields, and a single value in the first one."
            ),
            advice="Values become part of ids: letters, digits, `-`, `.` and single `_`.",
            wrong='matrix: {table: "a b"}',
            right="matrix: {table: [a, b]}",
        ),
        Code(
            name="matrix-clash",
            title="two combinations of one id",
            meaning="Two combinations of a matrix become the same id.",
            advice="Make the values differ.",
        ),
        Code(
            name="schedule",
            title="no schedule",
            meaning="The schedule is no cron expression, preset or interval that Airflow takes.",
            advice='Write what is expected, such as `"0 6 * * *"` or `"@daily"`.',
            wrong='schedule: "every day"\nstart_date: 2024-01-01',
            right='schedule: "@daily"\nstart_date: 2024-01-01',
        ),
        Code(
            name="covers",
            title="a schedule and an interval that do not fit",
            meaning=(
                "`covers` says what a run is of. Airflow makes one run for each interval: a cron"
                " that fires twice in a month cannot be of `previous_month`, and one that leaves"
                " days out has no run for some of them (a warning)."
            ),
            advice="Write what is expected; `since_last_run` fits any schedule.",
            wrong='schedule: {cron: "0 6 2,16 * *", covers: previous_month}',
            right='schedule: {cron: "0 6 2 * *", covers: previous_month}',
        ),
        Code(
            name="timezone",
            title="no time zone",
            meaning="There is no time zone of this name.",
            advice="Write a name such as `Europe/Berlin` or `UTC`.",
            wrong="timezone: Berlin",
            right="timezone: Europe/Berlin",
        ),
        Code(
            name="date",
            title="no date",
            meaning="The text is no date or moment.",
            advice="Write it as ISO 8601 does: `2024-01-31`.",
            wrong="start_date: 2024-02-30",
            right="start_date: 2024-02-29",
        ),
        Code(
            name="date-order",
            title="an end before its start",
            meaning="The end of a span of time is not after its start.",
            advice="Change one of them.",
            wrong="start_date: 2024-02-01\nend_date: 2024-01-01",
            right="start_date: 2024-01-01\nend_date: 2024-02-01",
        ),
        Code(
            name="catchup",
            title="catching up without a first day",
            meaning="Airflow catches up with runs from `start_date` on.",
            advice="Say `start_date` as well.",
            wrong='schedule: "@daily"\ncatchup: true',
            right='schedule: "@daily"\ncatchup: true\nstart_date: 2024-01-01',
        ),
        Code(
            name="deadline",
            title="a deadline that cannot be",
            meaning=(
                "A deadline that nobody is told of, alerts of a deadline that there is not, one"
                " that every run misses or that cannot be counted."
            ),
            advice="Do as the hint says.",
        ),
        Code(
            name="param",
            title="a parameter that does not fit",
            meaning=(
                "A default of `params` is not what it declares, or the declaration is no JSON"
                " Schema, or one that Airflow should not be given: a `$ref` out of the file or to"
                " itself, a pattern that may match without end, a default that takes too long to"
                " check ([which patterns are taken](#patterns))."
            ),
            advice="Do as expected says.",
            wrong="params: {day: {type: integer, default: monday}}",
            right="params: {day: {type: string, default: monday}}",
        ),
    ),
)
