"""Codes of files that cannot be read."""

from factory.codes.code import Code, Group

GROUP = Group(
    name="files",
    codes=(
        Code(
            name="yaml-syntax",
            title="not valid YAML",
            meaning="The file cannot be read as YAML from this place on.",
            advice="The hint says what to change: mostly quotes, a bracket or the indentation.",
            wrong="description: Load: then report",
            right='description: "Load: then report"',
        ),
        Code(
            name="csv",
            title="not a table",
            meaning="A CSV file that `$file` names has rows of other columns, or a column twice.",
            advice="The first row names the columns, each once; every other row has as many cells.",
        ),
        Code(
            name="tab",
            title="a tab in the indentation",
            meaning="YAML takes no tabs for indentation.",
            advice="Indent with spaces.",
            wrong="tags:\n\t- sales",
            right="tags:\n  - sales",
        ),
        Code(
            name="control-character",
            title="a control character",
            meaning="A character that cannot be seen, such as NUL, stands in the file.",
            advice='Remove it; in quotes write it as an escape, such as `"\\x1b"`.',
        ),
        Code(
            name="unquoted-template",
            title="a template without quotes",
            meaning="`{{ run_id }}` without quotes is a mapping in YAML, not a text.",
            advice="Put the whole value in quotes.",
            wrong="tasks: [{id: a, run: {{ run_id }}}]",
            right='tasks: [{id: a, run: "echo {{ run_id }}"}]',
        ),
        Code(
            name="unquoted-placeholder",
            title="a placeholder without quotes",
            meaning="Inside `{ }` or `[ ]` YAML cannot read `${vars.x}` without quotes.",
            advice='Put it in quotes: `"${vars.x}"`.',
            wrong="vars: {who: me}\ntags: [${vars.who}]",
            right='vars: {who: me}\ntags: ["${vars.who}"]',
        ),
        Code(
            name="other-format",
            title="a file of another program",
            meaning=(
                "The file is none of ours: dag-factory's, Airflow's own, a workflow of GitHub, "
                "a Compose file or the like."
            ),
            advice="Move it out of the folder of pipelines, or write it as one: see the hint.",
        ),
        Code(
            name="bare-key",
            title="a key without a value",
            meaning=(
                "Inside `{ }` a text without quotes ends at a comma; what follows is a key of its "
                "own, of which nothing is said."
            ),
            advice="Put a text that holds a comma in quotes. Nothing, where meant, is `key: null`.",
            wrong="tasks: [{id: a, run: ls, description: All orders, not only new ones}]",
            right='tasks: [{id: a, run: ls, description: "All orders, not only new ones"}]',
        ),
        Code(
            name="merge-conflict",
            title="a conflict that git has left",
            meaning="Git writes lines that begin with `<<<<<<<` where two versions do not fit.",
            advice="Keep one of the two versions, and remove git's lines.",
        ),
        Code(
            name="odd-quotes",
            title="quotes of a word processor",
            meaning="To YAML `“` and `‘` are letters as any other, and would be part of the text.",
            advice="Write `\"` or `'`; where such quotes are meant, put straight ones around them.",
            wrong="owner: “sales”",
            right='owner: "sales"',
        ),
        Code(
            name="odd-space",
            title="a space that is none",
            meaning="A no-break space, or one without width, as copied from a web page or a chat.",
            advice="Write an ordinary space in its place.",
            wrong="owner: sales\u00a0",
            right="owner: sales",
        ),
        Code(
            name="ambiguous",
            title="a value that is read in two ways",
            meaning="YAML 1.1 and 1.2 read `yes`, `off`, `on:`, `12:30` and `0755` differently.",
            advice="Write `true` or `false` where that is meant, and quotes where text is.",
            wrong="catchup: no",
            right="catchup: false",
        ),
        Code(
            name="number",
            title="a number that JSON cannot hold",
            meaning="`.nan`, `.inf`, or a number of more than 64 bits or too many digits.",
            advice="Put it in quotes where text is meant.",
            wrong="vars: {limit: .inf}",
            right='vars: {limit: ".inf"}',
        ),
        Code(
            name="duplicate-key",
            title="a key that stands twice",
            meaning="A key stands twice in one mapping; YAML would drop one of them in silence.",
            advice="Remove one.",
            wrong="owner: sales\nowner: finance",
            right="owner: sales",
        ),
        Code(
            name="key-not-text",
            title="a key that is no text",
            meaning="YAML reads a key such as `5:` as a number.",
            advice="Put the key in quotes.",
            wrong="vars: {5: five}",
            right='vars: {"5": five}',
        ),
        Code(
            name="tag",
            title="a tag of YAML",
            meaning="Tags such as `!!python/object` build objects; a pipeline is plain data.",
            advice="Remove the tag.",
            wrong="tags: !!python/tuple [a, b]",
            right="tags: [a, b]",
        ),
        Code(
            name="bad-merge",
            title="a merge of what is no mapping",
            meaning="`<<` merges a mapping, or a list of mappings, into another.",
            advice="Name an anchor of a mapping.",
            wrong="vars: {<<: sales}",
            right="vars: {a: &a {b: 1}, c: {<<: *a}}",
        ),
        Code(
            name="unknown-alias",
            title="an alias without an anchor",
            meaning="`*name` stands where no `&name` has come before.",
            advice="Define the anchor before it is used; a text that begins with `*` needs quotes.",
            wrong="description: *all",
            right='description: "*all"',
        ),
        Code(
            name="several-documents",
            title="several documents in one file",
            meaning="A line `---` starts a second document, and one file is one pipeline.",
            advice="Put each pipeline into a file of its own.",
        ),
        Code(
            name="empty",
            title="an empty file",
            meaning="The file holds nothing, or only comments.",
            advice="Remove it, or write a pipeline: `factory new` has the beginnings of one.",
        ),
        Code(
            name="not-a-mapping",
            title="a file that is no mapping",
            meaning="A file is one mapping, of keys such as `version` and `tasks`.",
            advice="Write `key: value` at the left margin.",
        ),
        Code(
            name="not-utf-8",
            title="a file that is not UTF-8",
            meaning="The file holds bytes that are not UTF-8.",
            advice="Save it as UTF-8.",
        ),
        Code(
            name="byte-order-mark",
            title="a byte order mark",
            meaning="The file begins with a byte order mark.",
            advice="Save it as UTF-8 without a byte order mark.",
        ),
        Code(
            name="too-large",
            title="a file that is too large",
            meaning="A file of more than 1 MiB: the bound keeps every other pipeline fast.",
            advice="Describe data, do not hold it in the file.",
        ),
        Code(
            name="too-deep",
            title="values that are nested too deeply",
            meaning="More than 64 levels, or values that need each other through too many others.",
            advice="Make the file flatter.",
        ),
        Code(
            name="too-many",
            title="too many tasks or pipelines",
            meaning=(
                "At most 1,000 combinations of a matrix, 2,000 tasks of one pipeline, and 10,000 of"
                " all that one file describes; the bound keeps every other pipeline fast. Beyond"
                " 100,000 Airflow tasks of all files it is a warning."
            ),
            advice="Let one task do more, or share the work out among files.",
        ),
        Code(
            name="too-many-values",
            title="too many values",
            meaning="More than 100,000 values in one file, those of aliases counted each time.",
            advice="Describe data, do not hold it in the file.",
        ),
        Code(
            name="too-long",
            title="a name that is too long",
            meaning="A combination of a matrix has a name of more than 250 characters.",
            advice="Shorten the file's name or the values.",
        ),
        Code(
            name="more-problems",
            title="more problems than are told",
            meaning="A file's first 100 problems are told, and how many more there are.",
            advice="Mend these first: many may be the same mistake.",
        ),
        Code(
            name="unreadable",
            title="a file that cannot be read",
            meaning="The operating system refuses the file or the folder.",
            advice="Make it readable for the user that Airflow runs as.",
        ),
        Code(
            name="not-a-file",
            title="no file",
            meaning="Where a file is expected is something else, such as a folder or a pipe.",
            advice="Remove or rename it.",
        ),
        Code(
            name="broken-link",
            title="a link that leads nowhere",
            meaning="A symbolic link leads to what does not exist, or to itself.",
            advice="Remove or mend it.",
        ),
        Code(
            name="folder-twice",
            title="a folder that is found twice",
            meaning="Links lead to one folder a second time; it is read once.",
            advice="Remove the link.",
        ),
        Code(
            name="file-name",
            title="a file name that cannot be a dag_id",
            meaning=(
                "The file's name is the `dag_id`. A file or folder whose name is not UTF-8 or holds"
                " control characters is not read."
            ),
            advice="Rename it: letters, digits, `-`, `.` and single `_`, and the end `.yaml`.",
        ),
        Code(
            name="duplicate-dag-id",
            title="two files of one name",
            meaning="The file's name is the `dag_id`, and two files have one. The first stays.",
            advice="Rename one of them.",
        ),
        Code(
            name="link-outside",
            title="a link out of the project",
            meaning="A link leads out of the project; what it leads to is not read.",
            advice="Put the file itself there, or link to one of the project.",
        ),
    ),
)
