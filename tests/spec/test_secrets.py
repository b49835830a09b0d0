"""What is a secret in a file and what is not; and that nothing shows one."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from factory.errors import SpecError
from factory.lint.check import check
from factory.lint.reporters import plain, reporter
from factory.project import Project
from factory.spec.secrets import hidden, scan, secrets_of

MARK = "S3CRETpart"
KEY_ID = "AKIA" + "ABCDEFGH12345678"  # in two parts, so that no scanner takes this file for one

SECRETS = [
    # by their key
    f"password: {MARK}",
    "password: 123456",
    "password: 0x1F",
    f"PGPASSWORD: {MARK}",
    f"clientSecret: {MARK}",
    f"X-Api-Key: {MARK}",
    f"Authorization: {MARK}",
    f"api_key: !!str {MARK}",
    f"db_pass: {MARK}",
    f'"pass\\x77ord": {MARK}',
    f"password: &anchor {MARK}",
    f"password: |\n  {MARK}\n",
    f"password: [{MARK}]",
    f"token_value: {MARK}",
    f"sharedAccessKey: {MARK}",
    f"? password\n: {MARK}",
    f"params: {{password: {{type: string, default: {MARK}}}}}",
    f"env: [{{name: DB_PASSWORD, value: {MARK}}}]",
    # headers
    f"x: Bearer {MARK}",
    f"x: 'Basic bWU6{MARK}='",
    f"run: 'curl -H \"Authorization: Bearer {MARK}\" https://x'",
    f"run: \"curl -H 'X-Api-Key: {MARK}' https://x\"",
    f"run: 'curl -H \"Cookie: {MARK}\" https://x'",
    # commands
    f"run: PGPASSWORD={MARK} psql",
    f"run: export AWS_SECRET_ACCESS_KEY={MARK}",
    f"run: export TOKEN='{MARK}'",
    f"run: curl -u me:{MARK} https://x",
    f"run: curl -sSu me:{MARK} https://x",
    f"run: curl --user=me:{MARK} https://x",
    f"run: tool --password={MARK}",
    f"run: tool --password {MARK}",
    f"run: tool --api-key '{MARK}'",
    f"run: mysql -p{MARK} db",
    f"run: sshpass -p {MARK} ssh x",
    f"run: openssl rsa -passin pass:{MARK}",
    f"run: |\n  echo a\n  tool --token={MARK}\n  echo b",
    f'run: \'http POST x <<< "{{\\"password\\": \\"{MARK}\\"}}"\'',
    f"args: [--password, {MARK}]",
    f"args: [--verbose, --token={MARK}]",
    f"args:\n  - --client-secret\n  - {MARK}",
    # connection strings and addresses
    f"dsn: host=db user=me password={MARK} dbname=x",
    f"url: postgres://me:{MARK}@host/db",
    f"url: redis://:{MARK}@host",
    f"url: https://host/x?api_key={MARK}&y=1",
    f"url: https://host/x?sv=1&sig={MARK}",
    f"url: https://host/x?X-Amz-Signature={MARK}",
    f"x: AccountName=a;AccountKey={MARK}==;EndpointSuffix=y",
    # what is known by its own look
    f"x: {KEY_ID}",
    "x: " + "gh" + "p_0123456789abcdefghijABCDEFGHIJ",
    "x: " + "github" + "_pat_0123456789abcdefghij",
    "x: " + "glp" + "at-0123456789abcdefghij",
    "x: " + "xo" + "xb-123456789012-abcdefgh",
    "x: https://hooks.slack" + ".com/services/T00000000/B00000000/abcdefgh",
    "x: https://discord" + ".com/api/webhooks/123456/abcdef_gh",
    "x: " + "AI" + "za0123456789abcdefghijABCDEFGHIJ01234",
    "x: eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghij",
    "x: |\n  -----BEGIN RSA PRIVATE KEY-----\n  abcdefghij\n  -----END RSA PRIVATE KEY-----",
    "x: |\n  -----BEGIN PRIVATE KEY-----\n  abcdefghij\n",
]

NONE = [
    "password: '{{ var.value.x }}'",
    "password: ${vars.x}",
    "password: $PASSWORD",
    "password: ''",
    "password:",
    "password: null",
    "password: true",
    "password: '***'",
    "password: <your password>",
    "token_url: https://x/token",
    "secret_name: vault/path",
    "secret_id: abc",
    "password_file: /run/secrets/x",
    "max_tokens: 5",
    "tokens: many",
    "next_page_token: $.next",
    "key: [id]",
    "primary_key: [id]",
    "conn_id: api_token",
    "columns: {password: text, api_token: varchar}",
    "columns: [password, token]",
    "password: {type: string, description: yours}",
    "description: The password is in the vault, the token too",
    "description: 'password: ask the team'",
    "description: Basic authentication, a Bearer token",
    "run: PGPASSWORD=$PGPASSWORD psql",
    'run: PGPASSWORD="$PGPASSWORD" psql',
    "run: PGPASSWORD={{ conn.x.password }} psql",
    "run: export TOKEN=$(vault read x)",
    "run: export TOKEN=`vault read x`",
    "run: tool --password-stdin --token-file x --max-tokens=5",
    "run: tool --password ${PASSWORD}",
    'run: tool --token "$TOKEN" --verbose',
    "run: curl -u $USER:$PASSWORD https://x",
    "run: docker run -u 1000:1000 x",
    "run: mkdir -p here",
    "run: |\n  python -c 'x(token=get_token())'",
    "run: 'curl -H \"Authorization: Bearer $TOKEN\" https://x'",
    "sql: SELECT * FROM a JOIN b ON a.token=b.token WHERE token=:token AND password=%(password)s",
    "sql: UPDATE t SET token=? WHERE password=%s",
    "args: [--password, '{{ var.value.x }}']",
    "args: [--token-file, x]",
    "url: https://host/a@b:c",
    "url: postgres://me@host/db",
    "url: 'postgres://me:{{ var.value.x }}@host/db'",
    "url: postgres://me:${vars.x}@host/db",
    "url: https://host:8080/x?mail=a@b",
    "headers: {Authorization: 'Bearer {{ var.value.x }}', Cookie: ''}",
    "x: ghost_writer, skeleton, sk-short, dapi, xoxo",
    "x: -----BEGIN CERTIFICATE-----",
]


def named(line: str) -> str:
    """Every character of the line's secret; the mark where the line has one."""
    return MARK if MARK in line else ""


@pytest.mark.parametrize("line", SECRETS)
def test_a_secret(line: str) -> None:
    found = [*scan(line)]
    assert found
    assert named(line) in "".join(entry.secret for entry in found)
    shown = hidden(line)
    assert "*" in shown
    assert MARK not in shown
    for part in ("abcdefgh", "12345678", "0123456789"):
        assert part not in shown
    assert [*map(len, shown.split("\n"))] == [*map(len, line.split("\n"))]
    assert not [entry for entry in found if entry.secret in entry.what]


@pytest.mark.parametrize("line", NONE)
def test_no_secret(line: str) -> None:
    assert [entry.what for entry in scan(line)] == []
    assert hidden(line) == line


@pytest.mark.parametrize("broken", ["x: [", "x: 'a", "\tx: 1", "a: b: c", "x: @", "[" * 100])
@pytest.mark.parametrize("line", [f"password: {MARK}", f"run: tool --token={MARK}"])
def test_a_file_that_no_parser_reads(line: str, broken: str) -> None:
    for text in (f"{line}\n{broken}\n", f"{broken}\n{line}\n"):
        assert MARK in secrets_of(text)
        assert MARK not in hidden(text)


def test_a_secret_is_hidden_wherever_it_stands_in_the_file() -> None:
    text = f"ä: 1\npassword: {MARK}\nother: see {MARK} # or {MARK}\n# PASSWORD={MARK}x\nemoji: 🙂\n"
    assert MARK not in hidden(text)
    assert hidden(f"pw: x # TOKEN={MARK}\n") == f"pw: x # TOKEN={'*' * len(MARK)}\n"
    assert hidden("password: a\nbanana: a\n") == "password: *\nbanana: a\n"


Says = Callable[..., str]


@pytest.fixture
def says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """All that lint prints, and the loader's errors, of one file."""
    monkeypatch.delenv("FACTORY_ENV", raising=False)
    root = tmp_path / "configs"
    root.mkdir()

    def says(text: str, name: str = "x.yaml") -> str:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
        (root / "good.yaml").write_text("version: 1\ntasks: [{id: a, run: echo}]\n")
        report = check(Project(root))
        lines = [line for r in ("text", "json") for line in reporter(r)(report, tmp_path, plain)]
        for outcome in Project(root).outcomes():
            lines += map(str, outcome.diagnostics)
        try:
            Project(root).plan("x" if name == "x.yaml" else "good")
        except SpecError as error:
            lines += map(str, error.diagnostics)
        return "\n".join(lines)

    return says


TASKS = "tasks: [{id: a, run: echo}]\n"


@pytest.mark.parametrize(
    "text",
    [
        f"version: 1\npassword: {MARK}\n{TASKS}",  # an unknown key
        f"version: 1\nretries: {{password: {MARK}}}\n{TASKS}",
        f"version: 1\n{TASKS}schedule: 'postgres://a:{MARK}@host'\n",
        f"version: 1\n{TASKS}start_date: 'Bearer {MARK}'\n",
        f"version: 1\ntasks: [{{id: a, run: echo, needs: ['--password={MARK}']}}]\n",
        f"version: 1\ntasks: [{{id: a, uses: http, with: {{password: {MARK}}}}}]\n",
        f"version: 1\ntasks: [{{id: a, uses: bash, with: {{env: 'token={MARK}'}}}}]\n",
        f"version: 1\ntasks: [{{id: 'password={MARK}', run: echo}}]\n",
        f"version: 1\ntasks: [{{id: a, uses: 'x.y.--token={MARK}'}}]\n",
        f"version: 1\n{TASKS}password: {MARK}\npassword: {MARK}\n",  # a duplicate key
        f"version: 1\n{TASKS}password: {MARK}: 1\n",  # a mistake of syntax
        f"version: 1\n{TASKS}vars: {{token: {MARK}}}\nowner: '${{vars.tokn}} {MARK}'\n",
        f"version: 1\n{TASKS}params: {{password: {{type: integer, default: {MARK}}}}}\n",
        f"version: 1\nrun: |\n  PGPASSWORD={MARK} psql\n{TASKS}",
    ],
)
def test_nothing_that_is_said_repeats_it(text: str, says: Says) -> None:
    said = says(text)
    assert MARK not in said
    assert "[secret]" in said


@pytest.mark.parametrize("name", ["_defaults.yaml", "environments/dev.yaml"])
def test_nothing_that_is_said_of_a_layer_repeats_it(name: str, says: Says) -> None:
    said = says(f"version: 1\nvars: {{password: {MARK}}}\nretries: 'password={MARK}'\n", name)
    assert MARK not in said
    assert "[secret]" in said
    assert "error[" in said


def test_a_secret_longer_than_what_a_message_quotes(says: Says) -> None:
    long = f"{MARK} and {MARK} " * 9
    said = says(f"version: 1\n{TASKS}schedule: {{password: {long}}}\nowner: [{long}]\n")
    assert MARK not in said


HUGE: dict[str, Callable[[int], str]] = {
    "words": lambda n: "password " * n,
    "assigned": lambda n: "a=" * n,
    "quotes": lambda n: "a=\"b='" * n,
    "dashes": lambda n: "-" * n + " --password",
    "addresses": lambda n: "x://" * n + "@",
    "at_signs": lambda n: "://a:b@" * n,
    "tokens": lambda n: "eyJ-" * n + ".",
    "letters": lambda n: "a" * n + "password",
    "underscores": lambda n: "token_" * n,
    "bearers": lambda n: "Bearer " * n,
    "options": lambda n: "--token --token " * n,
    "logins": lambda n: "curl -u " * n,
    "headers": lambda n: "X-a" * n + "X-Key: ",
    "keys": lambda n: "-----BEGIN " * n,
}


@pytest.mark.parametrize("kind", HUGE)
def test_time_grows_as_the_text_does(kind: str) -> None:
    def seconds(size: int) -> float:
        line = HUGE[kind](size // len(HUGE[kind](1)))
        text = f"password: x\nrun: '{line}'\n" if "'" not in line else f"run: |\n  {line}\n"
        best = 9.0
        for _ in range(2):
            start = time.perf_counter()
            hidden(text)
            best = min(best, time.perf_counter() - start)
        return best

    small, large = seconds(60_000), seconds(480_000)
    assert large < 3
    assert large < 24 * max(small, 0.005)


def test_many_secrets_in_one_file() -> None:
    text = "tasks:\n" + "".join(f"  - {{password: {MARK}{n}}}\n" for n in range(20_000))
    start = time.perf_counter()
    assert MARK not in hidden(text)
    assert time.perf_counter() - start < 10
