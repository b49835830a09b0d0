"""The slow gear: every JSON Schema error of a value, in the words of the person who wrote it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, validators
from referencing import Registry

from factory.amounts import counted
from factory.diagnostics import (
    MAX_TOLD,
    Path,
    did_you_mean,
    nearest,
    one_of,
    quoted,
    same_but_for_case,
)
from factory.problem import Problem, Problems
from factory.spec.scalars import is_text
from factory.spec.schema import PLACEHOLDER_PATTERN
from factory.spec.syntax import as_quoted

ValidationError = Any  # jsonschema's: its fields are typed as unions with an `Unset`

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


def _matches(_: Any, pattern: str, value: Any, __: Any) -> Iterator[ValidationError]:
    """`pattern`, where `$` is the end of the text, not also the place before a last newline."""
    if isinstance(value, str) and not _pattern_of(pattern).search(value):
        yield _mismatch(pattern, value)


def _pattern_of(pattern: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"(?<!\\)\$(?=\Z|\|)", r"\\Z", pattern), re.ASCII)


def _mismatch(pattern: str, value: str) -> ValidationError:
    from jsonschema import ValidationError

    return ValidationError(f"{value!r} does not match {pattern!r}")


_Validator: Any = validators.extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"pattern": _matches}
)


def violations(schema: dict[str, Any], value: Any, prefix: Path = ()) -> Problems:
    """The problems of `value`, their paths beginning with `prefix`; too many are only counted."""
    root = _Validator(schema, registry=Registry())
    found = Problems()
    for error in root.iter_errors(value):
        room = MAX_TOLD - len(found)
        told = list(islice(_problems(error, prefix, schema), room))
        found += told
        if found.full:
            found.more += max(0, _weight(error) - len(told))
    return found


def _weight(error: ValidationError) -> int:
    """How many problems an error becomes, at least."""
    if error.validator != "additionalProperties":
        return 1
    return len(error.instance.keys() - error.schema.get("properties", {}).keys())


def _problems(error: ValidationError, prefix: Path, root: dict[str, Any]) -> Iterator[Problem]:
    path = (*prefix, *error.absolute_path)
    if error.validator in ("anyOf", "oneOf"):
        yield from _branch(error, prefix, path, root)
        return
    if error.validator == "additionalProperties":
        yield from _unknown_keys(error, path, root)
        return
    translate = _TRANSLATORS.get(str(error.validator))
    if translate is None:
        yield Problem(path, "schema", error.message)
    else:
        yield from translate(error, path)


def _branch(
    error: ValidationError, prefix: Path, path: Path, root: dict[str, Any]
) -> Iterator[Problem]:
    """Follow the branch that fits the value's type; else say what all the branches take."""
    options = error.validator_value
    wrong_type = {
        context.schema_path[0]
        for context in error.context or ()
        if context.validator == "type" and not context.path
    }
    fitting = [index for index in range(len(options)) if index not in wrong_type]
    if not fitting:  # `null` aside, there may be one type only: its words are the best
        fitting = [index for index, option in enumerate(options) if option.get("type") != "null"]
        fitting = fitting if len(fitting) == 1 and "$ref" not in options[fitting[0]] else []
    inner = [
        context
        for context in error.context or ()
        if fitting and context.schema_path[0] == fitting[0]
    ]
    if inner and not _number_was_meant(inner, options):
        about = {key: error.schema[key] for key in ("examples",) if key in error.schema}
        for context in inner:
            if not context.path:
                context.schema = {**about, **context.schema}
            # absolute_path of a context counts from its parent
            yield from _problems(context, prefix, root)
        return
    said = [_words(option, root) for option in options if option.get("type") != "null"]
    expected = " or ".join(dict.fromkeys(said))
    message = f"{_shown(error.instance)} is {_kind(error.instance)}"
    lists = [option for option in options if option.get("type") == "array"]
    spellings = (_other_spelling(error.instance, [], option) for option in options)
    hint = _as_list(error.instance, lists[0]) if lists else next(filter(None, spellings), "")
    yield Problem(path, "type", message, expected, hint)


def _number_was_meant(errors: list[ValidationError], options: list[dict[str, Any]]) -> bool:
    """Text of a form may stand for a number; to name the form alone would mislead."""
    kinds = {option.get("type", "?") for option in options} - {"string", "null"}
    form = all(error.validator == "pattern" and not error.path for error in errors)
    return form and bool(kinds) and kinds <= {"integer", "number"}


def _words(option: dict[str, Any], root: dict[str, Any]) -> str:
    if "$ref" in option:
        option = root.get("$defs", {}).get(option["$ref"].rpartition("/")[2], {})
    kind = option.get("type")
    if "enum" in option:
        return one_of([str(choice) for choice in option["enum"]])
    if isinstance(kind, list):
        return in_words(kind, option)
    return str(option.get("title") or _WORDS.get(str(kind), str(kind)))


def in_words(kinds: list[str], schema: dict[str, Any]) -> str:
    """`["integer", "string"]` as words; the text may be a placeholder only."""
    if schema.get("pattern") == PLACEHOLDER_PATTERN:
        kinds = [kind for kind in kinds if kind != "string"]
        return " or ".join([*(_WORDS[kind] for kind in kinds), "${…}"])
    return " or ".join(_WORDS[kind] for kind in kinds)


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    names = {str: "text", bool: "a boolean", list: "a list", dict: "a mapping"}
    return names.get(type(value), "a number")


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "this"
    if isinstance(value, bool):
        return str(value).lower()
    if value is None:
        return "the value"
    return quoted(value) if isinstance(value, str) else str(value)


def _type(error: ValidationError, path: Path) -> Iterator[Problem]:
    if "then" in islice(reversed(error.schema_path), 3):
        return  # of one shape of several, which together tell it
    wanted = error.validator_value
    kinds = wanted if isinstance(wanted, list) else [wanted]
    value, schema = error.instance, error.schema
    expected = _titled(schema) or in_words(kinds, schema) + _told_apart(schema)
    yield Problem(
        path,
        "type",
        f"{_shown(value)} is {_kind(value)}",
        expected + _example(schema),
        hint=_other_spelling(value, kinds, schema),
        quote="string" in kinds and _is_text_in_quotes(value, schema),
    )


def _titled(schema: dict[str, Any]) -> str:
    title = str(schema.get("title", ""))
    if not title[:1].isalpha():
        return title
    return f"an {title}" if title[0] in "AEIO" else f"a {title}"


def _is_text_in_quotes(value: Any, schema: dict[str, Any]) -> bool:
    """Whether quotes would make the value right."""
    if isinstance(value, (dict, list)) or value is None:
        return False
    return bool(re.search(schema.get("pattern", ""), str(value)))


def _other_spelling(value: Any, kinds: list[str], schema: dict[str, Any]) -> str:
    """What the value may have been meant to be, as it must be written."""
    if "array" in kinds:
        return _as_list(value, schema)
    if schema.get("title") == "duration" and isinstance(value, int) and value is not True:
        return f"write {value}s for seconds"
    if "string" in kinds and isinstance(value, dict):
        return _as_text(value)
    if not isinstance(value, str):
        return ""
    if "object" in kinds:
        return _as_mapping(value, schema)
    if "boolean" in kinds and value.lower() in _TRUTH:
        return f"write {_TRUTH[value.lower()]}, without quotes"
    if {"integer", "number"} & set(kinds) and re.fullmatch(r"[-+]?[0-9]{1,15}", value):
        return f"write {int(value)}, without quotes"
    if "number" in kinds or "integer" in kinds:
        return _as_number(value)
    return ""


def _as_text(value: dict[str, Any]) -> str:
    """`say: this`, where a text was meant."""
    text = ", ".join(f"{key}: {entry}" for key, entry in value.items())
    plain = len(value) == 1 and all(isinstance(entry, str | int) for entry in value.values())
    return f"if text is meant put it in quotes: {as_quoted(text)}" if plain else ""


_TRUTH = {"true": "true", "yes": "true", "on": "true", "false": "false", "no": "false"}


def _as_number(text: str) -> str:
    """`1e3` is text in YAML 1.1."""
    if not re.fullmatch(r"[-+]?[0-9]{1,9}(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,2})?", text):
        return ""
    number = float(text)
    return f"write {int(number) if number.is_integer() else number}, without quotes"


_LENGTH = re.compile(r"[0-9]{1,20}(\.[0-9]{1,6})?[smhd]")


def _as_duration(text: str) -> str:
    """`15 minutes` as `15m`, `2:00:00`, `PT2H` and `1h30m` by their smallest unit."""
    clock = re.fullmatch(r"([0-9]{1,4}):([0-5]?[0-9]):([0-5]?[0-9])", text.strip())
    parts = re.fullmatch(r"(?:([0-9]{1,4})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,4})s)?", _short(text))
    if clock or (parts and any(parts.groups())):
        given = clock.groups() if clock else parts.groups() if parts else ()
        hours, minutes, seconds = (int(each or 0) for each in given)
        return f"write {_in_seconds(3600 * hours + 60 * minutes + seconds)}"
    match = re.fullmatch(r"([0-9]{1,8}) ?([smhd]?)(?!onth)[a-z]{0,6}\.?", text.strip().lower())
    return f"write {match[1]}{match[2] or 's'}" if match else ""


def _short(text: str) -> str:
    """ISO 8601's `PT2H` as `2h`."""
    between = r"(?<=[a-z]) +(?=[0-9])|(?<=[0-9]) +(?=[a-z])"  # but not `1 5m`, which is no 15m
    return re.sub(between, "", text.strip().lower()).removeprefix("pt")


def _in_seconds(seconds: int) -> str:
    """So many seconds by the largest unit that is whole."""
    for unit, name in ((3600, "h"), (60, "m")):
        if seconds and seconds % unit == 0:
            return f"{seconds // unit}{name}"
    return f"{seconds}s"


def _as_list(value: Any, schema: dict[str, Any]) -> str:
    if isinstance(value, dict):
        return "begin each entry with `- `"
    takes_text = schema.get("items", {}).get("type", "string") == "string"
    if takes_text and "$ref" not in schema.get("items", {}) and isinstance(value, str):
        return f"write [{value}]" if len(value) <= 40 else ""
    return ""


def _shapes(schema: dict[str, Any]) -> tuple[str, list[str]]:
    """The key that tells shapes of a mapping apart, and its choices."""
    for key in schema.get("required", ())[:1] if "allOf" in schema else ():
        return key, schema["properties"][key].get("enum", [])
    return "", []


def _told_apart(schema: dict[str, Any]) -> str:
    key, choices = _shapes(schema)
    return f" whose `{key}` is {one_of(choices)}" if choices else ""


def _as_mapping(text: str, schema: dict[str, Any]) -> str:
    """`merge` as `{mode: merge}`: a choice in place of the mapping, or the one value it needs."""
    key, choices = _shapes(schema)
    word = _choice_meant(text, choices)
    if word in choices:
        return f"write {{{key}: {word}}}"
    needed = schema.get("required", ())
    is_one = len(needed) == 1 and "allOf" not in schema and len(text) <= _SHORT
    is_text = is_one and schema["properties"].get(needed[0], {}).get("type") == "string"
    return f"write {{{needed[0]}: {_written(text)}}}" if is_text and text else ""


_SHORT = 100


def _as_address(text: str) -> str:
    """`/data/a.csv` as `file:///data/a.csv`."""
    path = text.removeprefix("file:").lstrip("/")
    if text.startswith(("/", "file:/")):
        return f"write file:///{path}"
    return "" if "://" in text else f"write the whole path: file:///…/{path.removeprefix('./')}"


def _example(schema: dict[str, Any]) -> str:
    examples = schema.get("examples")
    if not examples or isinstance(examples[0], bool | float | type(None)):
        return ""
    first = examples[0]
    return f", such as {_written(first) if isinstance(first, dict | list) else first}"


def _written(value: Any) -> str:
    """An example as one writes it in YAML, on one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {_written(entry)}' for key, entry in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        is_plain = re.fullmatch(r"[\w@./:-]*\w", value) and is_text(value)
        return value if is_plain else as_quoted(value)
    return str(value).lower()


def _unknown_keys(error: ValidationError, path: Path, root: dict[str, Any]) -> Iterator[Problem]:
    yield from unknown_keys(error.instance, error.schema.get("properties", {}), path, root)


def unknown_keys(
    given: Iterable[str], known: dict[str, Any], path: Path, root: dict[str, Any]
) -> Iterator[Problem]:
    """The keys of a mapping that are not among the properties of its schema."""
    unused = [name for name in known if name not in given]
    below = {name: set(_keys_of(about, root)) for name, about in known.items()}
    for key in given:
        if key in known:
            continue
        hint = _home(key, below)
        yield Problem(
            (*path, key),
            "unknown-key",
            f"the key {quoted(key)} is not known here",
            expected=_keys(unused) if not hint else "",
            hint=hint or _there(key, unused, known) or _meant(key, unused, known, below),
            at_key=True,
        )


def _has_address(known: dict[str, Any]) -> bool:
    """Whether one of these keys takes the address of files."""
    schemas = (one for about in known.values() for one in (about, *about.get("anyOf", ())))
    return any(one.get("title") in ("file URI", "URI of a folder") for one in schemas)


def _there(key: str, unused: list[str], known: dict[str, Any]) -> str:
    """What to do about a key of others that has none of ours to take its place."""
    beside, hint = _NEEDLESS.get(key, ("", ""))
    if beside in known:
        return hint
    if key.endswith("conn_id") and "conn_id" not in known and _has_address(known):
        return "the connection stands in the address: `s3://conn_id@bucket/key`"
    ours = [word for word in _OTHER_WORDS.get(key.lower(), "").split() if word in known]
    return f"`{ours[0]}:` stands here already" if ours and not {*ours} & {*unused} else ""


def _home(key: str, below: dict[str, set[str]]) -> str:
    if key == "vars" and "kinds" in below:  # what an environment overrides
        return "`vars:` stand at the top of the file, beside `override:`"
    homes = [f"`{name}:`" for name, keys in below.items() if key in keys]
    return f"put it under {' or '.join(homes)}" if homes else ""


def _meant(key: str, unused: list[str], known: Iterable[str], below: dict[str, set[str]]) -> str:
    """The nearest key: by its meaning, here, and last one level below."""
    if other := our_word(key, unused):
        return f"did you mean {other!r}?"
    near = did_you_mean(key, unused) or did_you_mean(key, known)
    if near:
        return near
    found = nearest(key, set().union(*below.values()))  # few: they are those of the schema
    home = next((name for name, keys in below.items() if found in keys), "")
    return f"did you mean {found!r}, under `{home}:`?" if found else ""


def our_word(key: str, unused: Collection[str]) -> str:
    """What we call a key of others, unless it is one of ours in another case."""
    ours = _OTHER_WORDS.get(key.lower(), "").split()
    other = next((word for word in ours if word in unused), "")
    return "" if other and same_but_for_case(key, unused) else other


_OTHER_WORDS = {
    "args": "with",
    "asset": "updates",
    "bash_command": "command",
    "concurrency": "max_active_tasks",
    "cron": "schedule",
    "dag_id": "pipeline",
    "default_args": "defaults",
    "dependencies": "needs",
    "depends_on": "needs",
    "dest": "to target",
    "destination": "to target",
    "do_xcom_push": "output",
    "expand": "for_each",
    "external_dag_id": "pipeline",
    "external_task_id": "task",
    "is_paused_upon_creation": "paused",
    "kind": "uses",
    "name": "id",
    "on_sla_miss": "on_deadline",
    "operator": "uses",
    "schedule_interval": "schedule",
    "outlets": "updates",
    "query": "sql",
    "rows": "records",
    "script": "run",
    "since": "incremental",
    "sla": "deadline",
    "source": "from",
    "steps": "tasks",
    "target": "to",
    "task_group": "id",
    "task_id": "id",
    "timeout": "execution_timeout",
    "trigger_dag_id": "pipeline",
    "upstream": "needs",
    "uri": "assets",
    "url": "endpoint",
    "variables": "vars",
    "wait_for_completion": "wait",
    "when": "if",
    "working_dir": "cwd",
}
"""What others call our keys: the first that is known where it stands."""
_NEEDLESS = {
    "conditions": ("assets", "`{any: […]}` and `{all: […]}` stand in `assets:` themselves"),
    "dag_id": ("tasks", "leave it out: the file's name is the dag_id"),
    "expand_kwargs": (
        "for_each",
        "`for_each:` gives each copy an `{{ item }}`, which `with` reads",
    ),
    **dict.fromkeys(
        ("email", "email_on_failure", "email_on_retry"),
        ("retries", "at the top: `alerts: {on_failure: [{type: email, to: […]}]}`"),
    ),
    "map_index_template": ("for_each", "leave it out: a copy is called after its item"),
    "partial": ("for_each", "leave it out: with `for_each:`, arguments stand under `with:`"),
    "render_template_as_native_obj": (
        "tasks",
        "leave it out: what is one template keeps its type",
    ),
}
"""Keys of others that have none beside these of ours, and what to do."""


_LEADING = ("id", "uses", "run", "with", "needs", "tasks")
"""Keys of a task that are told first, for of many the last are cut."""


def _keys(names: list[str]) -> str:
    leading = [name for name in _LEADING if name in names and len(names) > _MOST_KEYS]
    rest = sorted(name for name in names if name not in leading)
    return one_of([*leading, *rest], limit=_MOST_KEYS) if names else "no further key"


_MOST_KEYS = 16


def _keys_of(schema: Any, root: dict[str, Any], depth: int = 0) -> Iterable[str]:
    """The keys that a value of a schema may have."""
    if not isinstance(schema, dict) or depth > 3:
        return
    if "$ref" in schema:
        schema = root.get("$defs", {}).get(schema["$ref"].rpartition("/")[2], {})
    yield from schema.get("properties", ())
    for branch in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from _keys_of(branch.get("then", branch), root, depth + 1)


def _missing(error: ValidationError, path: Path) -> Iterator[Problem]:
    known = error.schema.get("properties", {})
    # jsonschema gives one error a missing key; its name stands only in the message
    for key in error.validator_value:
        if key in error.instance or not error.message.startswith(f"{key!r} "):
            continue
        unused = [name for name in known if name not in error.instance]
        unknown = (given for given in error.instance if given not in known)
        told = islice(unknown, MAX_TOLD)
        meant = (one for one in told if (our_word(one, unused) or nearest(one, unused)) == key)
        about = known.get(key, {})
        choices = about.get("enum") if isinstance(about, dict) else None
        expected = f"`{key}:` {one_of([str(c) for c in choices])}" if choices else f"`{key}:`"
        if (other := next(meant, None)) is not None:
            if error.schema.get("additionalProperties") is not False:  # else told as unknown
                message = f"the key {quoted(other)} is not known here"
                hint = f"did you mean {key!r}?"
                yield Problem((*path, other), "unknown-key", message, expected, hint, at_key=True)
            continue
        hint = str(about.get("description", "")) if isinstance(about, dict) else ""
        yield Problem(
            path, "missing-key", f"the key {key!r} is missing", expected, hint, at_key=True
        )


def _enum(error: ValidationError, path: Path) -> Iterator[Problem]:
    choices = [str(choice) for choice in error.validator_value]
    hint = ""
    if isinstance(error.instance, str):
        hint = did_you_mean(_choice_meant(error.instance, choices), choices)
    yield Problem(
        path,
        "not-a-choice",
        f"{_shown(error.instance)} is not a choice here",
        one_of(choices, limit=20),
        hint,
    )


def _choice_meant(word: str, choices: list[str]) -> str:
    """What others call a choice, unless it is one of these in another case."""
    other = _OTHER_CHOICES.get(word.lower(), "")
    return other if other in choices and not same_but_for_case(word, choices) else word


_PERIODS = ("hour", "day", "week", "month", "quarter", "year")
_OTHER_CHOICES = {
    **{period: f"previous_{period}" for period in _PERIODS},
    **{f"last_{period}": f"previous_{period}" for period in _PERIODS},
    "dummy": "always",
    "excel": "xlsx",
    "insert": "append",
    "ndjson": "jsonl",
    "none_failed_or_skipped": "none_failed_min_one_success",
    "overwrite": "replace",
    "postgresql": "postgres",
    "s3": "file",
    "gcs": "file",
    "sftp": "file",
    "teams": "webhook",
    "truncate": "replace",
    "upsert": "merge",
}
"""What others call our choices."""


def _const(error: ValidationError, path: Path) -> Iterator[Problem]:
    wanted, given = error.validator_value, error.instance
    hint = f"write {wanted}, without quotes" if given == str(wanted) else ""
    if isinstance(wanted, str) and isinstance(given, str):
        hint = did_you_mean(_choice_meant(given, [wanted]), [wanted])
    message = f"{_shown(given)} is not a choice here"
    yield Problem(path, "not-a-choice", message, f"{wanted!r}", hint)


def _as_type(word: str) -> str:
    from factory.definitions.formats.types import nearest

    return nearest(word)


_HINTS: dict[str, Callable[[str], str]] = {
    "column type": _as_type,
    "duration": lambda text: _as_duration(text),
    "file URI": _as_address,
}
"""By the title of a form: what was meant."""


def _pattern(error: ValidationError, path: Path) -> Iterator[Problem]:
    kinds = error.schema.get("type")
    if isinstance(kinds, list) and error.validator_value == PLACEHOLDER_PATTERN:
        problem = f"{_shown(error.instance)} is text"
        yield Problem(path, "type", problem, in_words(kinds, error.schema))
        return
    if error.schema.get("title") == "duration" and _LENGTH.fullmatch(error.instance):
        message = f"{_shown(error.instance)} is too long"
        yield Problem(
            path, "out-of-bounds", message, "at most 9999d, 99999h, 9999999m or 99999999s"
        )
        return
    title = error.schema.get("title")
    expected = _titled(error.schema) or f"text that matches {error.validator_value}"
    yield Problem(
        path,
        "format",
        f"{_shown(error.instance)} is not written as it must be",
        f"{expected}{_example(error.schema)}",
        hint=_HINTS[title](error.instance) if title in _HINTS else "",
    )


def _limit(words: str, noun: str = "") -> Callable[[ValidationError, Path], Iterator[Problem]]:
    def translate(error: ValidationError, path: Path) -> Iterator[Problem]:
        value, bound = error.instance, error.validator_value
        message = f"{_shown(value)} is out of bounds"
        if noun:
            message = f"this has {counted(len(value), noun)}" if value else "this is empty"
        yield Problem(
            path,
            "out-of-bounds",
            message,
            f"{words} {counted(bound, noun) if noun else bound}",
        )

    return translate


_TRANSLATORS: dict[str, Callable[[ValidationError, Path], Iterator[Problem]]] = {
    "type": _type,
    "required": _missing,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "minimum": _limit("at least"),
    "maximum": _limit("at most"),
    "exclusiveMinimum": _limit("more than"),
    "exclusiveMaximum": _limit("less than"),
    "minLength": _limit("at least", "character"),
    "maxLength": _limit("at most", "character"),
    "minItems": _limit("at least", "entry"),
    "maxItems": _limit("at most", "entry"),
    "minProperties": _limit("at least", "key"),
    "maxProperties": _limit("at most", "key"),
}
