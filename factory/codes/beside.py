"""Codes of what stands beside a spec: files, packages, Airflow, other pipelines."""

from factory.codes.code import Code, Group

GROUP = Group(
    name="beside",
    codes=(
        Code(
            name="file",
            title="a file that is not there",
            meaning=(
                "A `.sql` or `.py` file is not there, or cannot be looked at: above 256 KiB of"
                " Python, nested too deeply. Or a text of an operator names none, and Airflow takes"
                " it for a file's name by its end, as the operator's `template_ext` says. Or (a"
                " warning) a command begins with a script in its own folder, and bash begins in an"
                " empty one."
            ),
            advice="Files are looked for beside the YAML; Python is read, never run.",
            wrong="tasks: [{id: a, uses: sql, with: {conn_id: db, sql: report.sql}}]",
            right="tasks: [{id: a, uses: sql, with: {conn_id: db, sql: select 1}}]",
        ),
        Code(
            name="callable",
            title="a function that is not there",
            meaning="The Python file has no such function, or it takes other arguments.",
            advice="Correct the name or `args`; Python is read, never run.",
        ),
        Code(
            name="stale-manifest",
            title="a manifest that is older than the models",
            meaning=(
                "The `manifest.json` of a dbt project was written before its models became what"
                " they are: `tasks: per_model` would wait for the wrong ones, or miss some."
            ),
            advice="Run `dbt parse` in the project, and put its `target/manifest.json` there.",
            severity="warning",
        ),
        Code(
            name="address",
            title="an address in no store that is known",
            meaning="A file, or a stage, is in no store that is known.",
            advice=(
                "Write a URI that begins with `file:///`, or as a [store of another package]"
                "(add-a-store.md) says; install its package where lint runs, too."
            ),
        ),
        Code(
            name="broken-kind",
            title="a kind that cannot be used",
            meaning=(
                "A kind of another package does not load, or has a field that no file can say; or"
                " the file of a kind of your own, in `_kinds/`, is wrong."
            ),
            advice="Mend or uninstall that package; or mend the file where the hint says.",
        ),
        Code(
            name="broken-package",
            title="a part of another package that cannot be used",
            meaning=(
                "A source, a target or a check of another package cannot be used: its module does"
                " not load, two packages offer it, it lacks a part that each has, or a field has a"
                " type that no file can say."
            ),
            advice="Mend or uninstall that package.",
        ),
        Code(
            name="internal",
            title="a defect of the factory",
            meaning=(
                "A defect of the factory, of a rule or of a kind that this file brings out. Other"
                " pipelines load, other findings are told."
            ),
            advice="Please report it with the file.",
        ),
        Code(
            name="no-environment",
            title="nobody chose an environment",
            meaning=(
                "In Airflow, `FACTORY_ENV` is not set, and `environments/` holds others than the"
                " one that is taken then, `dev`. The pipelines run, built for it; on a server that"
                " is hardly ever meant, so Airflow's list of import errors says it."
            ),
            advice=(
                "Set `FACTORY_ENV` for every process of Airflow: `FACTORY_ENV=prod` in production,"
                " `FACTORY_ENV=dev` where `dev` is meant."
            ),
        ),
        Code(
            name="not-built",
            title="a pipeline that Airflow refuses",
            meaning="Airflow, an operator or a kind refuses the pipeline or a task.",
            advice=(
                "The message has its own words. What operators refuse, `factory lint --build` tells"
                " before Airflow does."
            ),
        ),
        Code(
            name="template",
            title="a template that Airflow cannot fill in",
            meaning=(
                "A text is no Jinja, or names what Airflow's templates do not know; where only some"
                " runs would fail, a warning. Looked at are the arguments that an operator fills"
                " in, and `.sql` files beside the spec."
            ),
            advice=(
                "What is not for Airflow, such as the shell's `${#files[@]}` or Docker's"
                " `{{.Names}}`, stands between `{% raw %}` and `{% endraw %}`."
            ),
            wrong='tasks: [{id: a, run: "echo {{ run_idd }}"}]',
            right='tasks: [{id: a, run: "echo {{ run_id }}"}]',
        ),
        Code(
            name="not-before",
            title="an output that is not there yet",
            meaning=(
                "A template reads `tasks.x.output`, and nothing says that the task `x` comes first."
                " A graph is read in `needs`: a template adds no line to it."
            ),
            advice=(
                "Add the task to `needs`. What a needed task needs itself comes before as well."
            ),
            wrong=(
                "tasks:\n"
                "  - {id: count, uses: python, with: {callable: jobs.count, output: true}}\n"
                '  - {id: a, run: "echo {{ tasks.count.output }}"}'
            ),
            right=(
                "tasks:\n"
                "  - {id: count, uses: python, with: {callable: jobs.count, output: true}}\n"
                '  - {id: a, needs: [count], run: "echo {{ tasks.count.output }}"}'
            ),
        ),
        Code(
            name="always-skipped",
            title="a task that no run reaches",
            meaning=(
                "The task needs two others whose `if` are never both true, or that stand behind"
                " different ways of an operator that branches. Each run skips one of"
                " them, and by the rule `all_success` what needs a skipped task is skipped."
            ),
            advice="Where branches meet again, say `trigger_rule: none_failed_min_one_success`.",
            wrong=(
                "params: {full: false}\n"
                "tasks:\n"
                '  - {id: all, if: "{{ params.full }}", run: echo all}\n'
                '  - {id: new, if: "{{ not params.full }}", run: echo new}\n'
                "  - {id: report, needs: [all, new], run: echo report}"
            ),
            right=(
                "params: {full: false}\n"
                "tasks:\n"
                '  - {id: all, if: "{{ params.full }}", run: echo all}\n'
                '  - {id: new, if: "{{ not params.full }}", run: echo new}\n'
                "  - id: report\n"
                "    needs: [all, new]\n"
                "    trigger_rule: none_failed_min_one_success\n"
                "    run: echo report"
            ),
            severity="warning",
        ),
        Code(
            name="no-output",
            title="a task that hands nothing on",
            meaning=(
                "A template reads `tasks.x.output`, and the task `x` has none: its kind hands"
                " nothing on, or only when it is told to. What each kind hands on stands on its"
                " [page](reference/README.md#kinds)."
            ),
            advice="Most often `output: true` is missing in the other task's `with`.",
            wrong=(
                "tasks:\n"
                "  - {id: count, uses: python, with: {callable: jobs.count}}\n"
                '  - {id: a, needs: [count], run: "echo {{ tasks.count.output }}"}'
            ),
            right=(
                "tasks:\n"
                "  - {id: count, uses: python, with: {callable: jobs.count, output: true}}\n"
                '  - {id: a, needs: [count], run: "echo {{ tasks.count.output }}"}'
            ),
        ),
        Code(
            name="moved",
            title="an import path of Airflow 2",
            meaning=(
                "An operator stands elsewhere in Airflow 3; a warning where Airflow 3 still follows"
                " the old path."
            ),
            advice="Write the path that is expected, or the kind that the hint names.",
            wrong=("tasks: [{id: a, uses: airflow.operators.dummy.DummyOperator}]"),
            right=(
                "tasks: [{id: a, uses: airflow.providers.standard.operators.empty.EmptyOperator}]"
            ),
        ),
        Code(
            name="sql-percent",
            title="a `%` that the driver takes for a parameter",
            meaning="SQL whose parameters are `%s` or `%(name)s` holds a `%` of its own.",
            advice="Write `%%`.",
        ),
        Code(
            name="unknown-pipeline",
            title="a pipeline that is not there",
            meaning="A `wait` or `trigger` for a pipeline that is not in this folder.",
            advice="Correct the name; ignore it when the other one lives elsewhere.",
            severity="warning",
        ),
        Code(
            name="never-met",
            title="a wait in vain",
            meaning=(
                "A `wait` for a pipeline none of whose runs has the date of a run of this one, by"
                " their cron schedules; a warning where only some runs wait in vain, or where"
                " assets start the other's runs, which have no date then. Nothing is known of runs"
                " that an interval or people start."
            ),
            advice=(
                "Write the `offset` that is expected; or a schedule by an asset that the other"
                " updates."
            ),
        ),
        Code(
            name="group-driven-twice",
            title="a process group that two tasks drive",
            meaning="Two tasks drive one process group of NiFi, or one within the other.",
            advice=(
                "Let one pipeline drive it, or one task need the other: of two runs at once, one is"
                " refused."
            ),
            severity="warning",
        ),
        Code(
            name="hidden-failure",
            title="a failure that no run shows",
            meaning=(
                "To Airflow a run has failed when a task has failed behind which no other comes. A"
                " last task with `all_done` and the like succeeds whatever happened before it, and"
                " so does the run."
            ),
            advice=(
                "Where the last task cleans up, `teardown_for` in place of `needs` and"
                " `trigger_rule`: it runs all the same, and the run fails. Else let one more task"
                " need the work, without a trigger rule."
            ),
            wrong="tasks:\n  - {id: up, run: ls}\n  - {id: work, run: ls, needs: [up]}\n"
            "  - {id: down, run: ls, needs: [work], trigger_rule: all_done}",
            right="tasks:\n  - {id: up, run: ls}\n  - {id: work, run: ls, needs: [up]}\n"
            "  - {id: down, run: ls, teardown_for: [up]}",
            severity="warning",
        ),
        Code(
            name="append-again",
            title="an append that adds rows once more",
            meaning=(
                "`append` reads a pattern that no template narrows: each run adds all files that"
                " match once more. Or it reads a table with `overlap`, whose rows are those of the"
                " run before, too."
            ),
            advice=(
                "`only_new: true` on the source, a `{{ interval.day }}` in the pattern, no"
                " `overlap`, or `merge`."
            ),
            severity="warning",
        ),
        Code(
            name="runs-at-once",
            title="runs at once that load the same files",
            meaning=(
                "A pattern finds files that go when they are loaded (`when_done`). Another run that"
                " begins before they are gone finds them, too, and `append` adds their rows twice."
            ),
            advice="`max_active_runs: 1` in the pipeline, or `only_new: true` on the source.",
            severity="warning",
        ),
        Code(
            name="replace-by-interval",
            title="a whole that each run replaces by a part",
            meaning=(
                "The source reads the rows of the run's interval alone, and `replace` takes all"
                " others away: those of earlier runs, too."
            ),
            advice=(
                "`merge` by a key, `partition` by a date, or `append`; into files, a folder of each"
                " day: `…/day={{ interval.day }}`."
            ),
            severity="warning",
        ),
        Code(
            name="asset-never-updated",
            title="an asset that none updates",
            meaning=("A pipeline waits for an asset that none updates, and a near one is updated."),
            advice="Do as the hint says.",
            severity="warning",
        ),
        Code(
            name="asset-named-twice",
            title="an asset of two names",
            meaning=(
                "An asset has one name here and another elsewhere: Airflow activates one of them,"
                " and tasks that update the other fail."
            ),
            advice="Leave `name` out: then the address is the name.",
        ),
        Code(
            name="no-date",
            title="a date that some runs do not have",
            meaning="A task needs a date, and the runs that assets start have none.",
            advice="Do as expected says.",
            severity="warning",
        ),
        Code(
            name="no-interval",
            title="a step that needs an interval, and runs that have none",
            meaning=(
                "A template names `interval`, or `partition` has no bounds, and `schedule` does not"
                " say what a run covers. A warning where nothing is scheduled: who starts the run"
                " may give it one."
            ),
            advice="Say it in `schedule`: `{cron: …, covers: previous_day}`.",
        ),
        Code(
            name="cut-days",
            title="a partition by days, and runs that begin within a day",
            meaning=(
                "`partition` by a column of the type `date` replaces whole days, and a run covers"
                " parts of some: a cron at 6 o'clock covers from 6 to 6. The load fails, rather"
                " than take out rows of a day that it does not bring. Told only where the spec says"
                " that the column is a date."
            ),
            advice="Write `{cron: …, covers: previous_day}`, or a schedule at midnight.",
            severity="warning",
        ),
        Code(
            name="no-effect",
            title="what changes nothing",
            meaning="What is said here changes nothing.",
            advice="Do as expected says, or remove it.",
            severity="warning",
        ),
        Code(
            name="unused-var",
            title="a variable that nothing uses",
            meaning="Nothing reads this variable of `vars`, or this parameter of a kind.",
            advice="Remove it, or read it where it was meant.",
            severity="warning",
        ),
        Code(
            name="unknown-operator",
            title="an operator that is not there",
            meaning="The module that the import path names is installed, and has no such class.",
            advice="Correct the last part of the path, or install the version that has it.",
        ),
        Code(
            name="two-writers",
            title="a table that two steps write",
            meaning=(
                "Two steps, mostly of two pipelines, replace the rows of one table: what is there "
                "is what the later one has loaded. Or one appends, and the other writes "
                "intervals: an append is done once, also where its rows were in such an interval "
                "and are gone."
            ),
            advice="Load into two tables, or write by `partition`, `merge` or `append`.",
            severity="warning",
        ),
        Code(
            name="cut-text",
            title="a text that ends at a comment",
            meaning=(
                "In a text without quotes ` #` begins a comment, and what follows is lost. It is "
                "told where no space follows the `#`, as in `Ticket #42`."
            ),
            advice="Put the text in quotes, or a space after the `#` of a comment.",
            wrong="description: Orders of ticket #42",
            right='description: "Orders of ticket #42"',
            severity="warning",
        ),
        Code(
            name="unused-file",
            title="a file of values that nothing names",
            meaning="A `_….yaml` beside pipelines is named by no `{$file: …}`.",
            advice="Name it, or remove it; a pipeline's name does not begin with `_`.",
            severity="warning",
        ),
        Code(
            name="deprecated-kind",
            title="a kind that should not be called any more",
            meaning="A kind of your own, in `_kinds/`, says `deprecated`.",
            advice="Do as its message says: mostly, call its next version.",
            severity="warning",
        ),
        Code(
            name="unused-layer",
            title="a layer that nothing stands on",
            meaning="No pipeline is in the folder of this `_defaults.yaml`, or below it.",
            advice="Remove it.",
            severity="warning",
        ),
        Code(
            name="secret",
            title="a secret in a file",
            meaning="A password or a token stands in YAML, where everybody can read it.",
            advice=(
                "Secrets belong into Airflow's connections and variables. Change this one: the file"
                " may have been copied."
            ),
            severity="warning",
        ),
    ),
)
