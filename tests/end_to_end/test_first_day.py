"""A team's first day: an empty folder, a CSV of one's own, a table, ten mistakes, Airflow.

The wheel is installed into an environment of its own; every command is one that README or a message
tells to type.
"""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
import yaml

from factory_embedded.airflow_api import AirflowApi
from tests.installed import build, environment, install, sources
from tests.patience import until

pytestmark = pytest.mark.slow

SPEC = "dag_factory_configs/orders.yaml"
CSV = """\
id;customer;unit price;day
1;Ann;10,50;2024-01-01
2;"Bob; Sons";7,00;2024-01-02
3;Eve;;2024-01-03
"""
ROWS = "1|Ann|10.5|2024-01-01\n2|Bob; Sons|7|2024-01-02\n3|Eve||2024-01-03\n"


class Mistake(NamedTuple):
    """`right` becomes `wrong`; the message says what to write: `told`, which `right` holds."""

    wrong: str
    right: str
    told: str


MISTAKES = (
    Mistake("uses: ingst", "uses: ingest", "ingest"),
    Mistake("targt: {", "target: {", "target"),
    Mistake("{mode: replce}", "{mode: replace}", "replace"),
    Mistake("id: bigin\n", "id: bigint\n", "bigint"),
    Mistake("schedule: daily", "schedule: '@daily'", "'@daily'"),
    Mistake("retires: 3", "retries: 3", "retries"),
    Mistake("retry_delay: 5 minutes", "retry_delay: 5m", "5m"),
    Mistake("tags: [orders, orders: all]", "tags: [orders]", "text"),
    Mistake("{{ ds }}", '"{{ ds }}"', '"{{ … }}"'),
    Mistake("${vars.plce}", "${vars.place}", "place"),
    Mistake("\twith:", "    with:", "spaces"),
    Mistake("vesion: 1", "version: 1", "version"),
)


@dataclass(frozen=True)
class Machine:
    """A project, and the environment that its commands run in."""

    project: Path
    programs: Path

    @property
    def env(self) -> dict[str, str]:
        theirs = ("AIRFLOW", "FACTORY_", "PYTHON", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(theirs)}
        return {**kept, "PATH": f"{self.programs}{os.pathsep}{kept['PATH']}"}

    def shell(self, line: str, code: int = 0) -> str:
        """What a line says, as typed in the project."""
        done = subprocess.run(
            ["sh", "-c", line], cwd=self.project, env=self.env, capture_output=True, text=True
        )
        said = done.stdout + done.stderr
        assert done.returncode == code, said
        return said

    def connected(self, line: str, code: int = 0) -> str:
        """As `shell`, with the connections of the services."""
        return self.shell(f". .services/connections.sh && {line}", code)

    def edit(self, name: str, change: Callable[[str], str]) -> None:
        path = self.project / name
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before

    def swap(self, name: str, old: str, new: str) -> None:
        self.edit(name, lambda text: text.replace(old, new, 1))


class Services(NamedTuple):
    """What `factory services` said to do."""

    psql: str
    api: AirflowApi


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # run as root, PostgreSQL is another user, who has to enter
        source = sources(folder / "source")
        wheel = build("wheel", source, folder / "wheel")
        services = build("wheel", source / "embedded", folder / "services")
        named = f"airflow-pipeline-factory[all] @ {wheel.as_uri()}"
        python = environment(folder / "venv", named)
        install(python, str(services), links="copy")  # the cache may be closed to that user, too
        project = folder / "project"
        project.mkdir()
        yield Machine(project, python.parent)


@pytest.fixture(scope="module")
def services(machine: Machine) -> Iterator[Services]:
    """A PostgreSQL and an Airflow, as README starts them, until Ctrl-C."""
    log = machine.project.parent / "services.log"
    command = [str(machine.programs / "factory"), "services", "warehouse=postgres", "airflow"]
    with (
        log.open("w") as output,
        subprocess.Popen(command, cwd=machine.project, env=machine.env, stdout=output) as running,
    ):
        try:
            while "Ctrl-C" not in log.read_text():
                assert running.poll() is None, log.read_text()
                time.sleep(0.3)
            psql, airflow = re.findall(r"to look inside:\n  (.*)", log.read_text())
            url, user, password = re.findall(r"(\S+) \(user (\S+), password (\S+)\)", airflow)[0]
            yield Services(psql, AirflowApi(url, user, password))
        finally:
            running.send_signal(signal.SIGINT)
    assert running.returncode == 128 + signal.SIGINT


def test_an_empty_folder_becomes_a_project_with_a_pipeline_of_ones_own(machine: Machine) -> None:
    machine.shell("git init -q .")
    assert "  factory new ingest orders " in machine.shell("factory init")
    (machine.project / "orders.csv").write_text(CSV)
    sniffed = machine.shell("factory sniff orders.csv")
    assert "# orders.csv: 4 columns, 3 rows\n" in sniffed
    machine.shell("factory new ingest orders --from orders.csv")
    spec = yaml.safe_load((machine.project / SPEC).read_text())
    assert spec["tasks"][0]["with"]["source"]["format"] == yaml.safe_load(sniffed)["format"]
    assert machine.shell("factory lint --strict --all-envs").startswith("1 pipeline fine")
    machine.shell("git add -A && git -c user.name=t -c user.email=t@example.org commit -qm first")
    assert ".services" not in machine.shell("git status --short --ignored=no")


def test_mistakes_of_the_file_are_mended_by_their_messages(machine: Machine) -> None:
    def known(text: str) -> str:
        """A text that holds all that is broken below."""
        text = text.replace("version: 1", "version: 1\nvars: {place: here}\ntags: [orders]")
        text = re.sub("schedule: null.*", "schedule: '@daily'\nstart_date: 2024-01-01", text)
        more = '\n    retries: 3\n    retry_delay: 5m\n    description: "{{ ds }}"'
        text = text.replace("uses: ingest", f"uses: ingest{more}")
        return text.replace("description: Orders.", "description: Orders of ${vars.place}.")

    machine.edit(SPEC, known)
    machine.shell("factory lint --strict")
    for wrong, right, told in MISTAKES:
        machine.swap(SPEC, right, wrong)
        said = machine.shell("factory lint --strict", code=1)
        assert re.search(r"dag_factory_configs/orders\.yaml:\d+:\d+: error", said), said
        assert told in re.sub(r"(?m)^ +\d+ \|.*\n.*", "", said), said
        machine.swap(SPEC, wrong, right)
        machine.shell("factory lint --strict")


def test_a_pull_request_is_linted_by_the_generated_workflow(machine: Machine) -> None:
    workflow = yaml.safe_load((machine.project / ".github/workflows/pipelines.yml").read_text())
    runs = {
        step["name"]: step["run"] for step in workflow["jobs"]["lint"]["steps"] if "run" in step
    }
    install = runs.pop("Install")  # the environment of this machine has what it names
    assert (machine.project / install.split()[-1]).is_file()
    assert "factory lint" in "".join(runs.values())
    machine.shell("git checkout -q -b change")
    machine.swap(SPEC, "uses: ingest", "uses: ingst")
    machine.shell("git -c user.name=t -c user.email=t@example.org commit -qam change")
    assert "::error file=dag_factory_configs/orders.yaml,line=" in machine.shell(runs["Lint"], 1)
    machine.swap(SPEC, "uses: ingst", "uses: ingest")
    machine.shell("git -c user.name=t -c user.email=t@example.org commit -qam mended")
    for line in runs.values():
        assert "::error" not in machine.shell(line)
    assert "everything is up to date" in machine.shell(runs["Loaders and schemas"])


def test_mistakes_of_a_run_are_mended_by_their_messages(
    machine: Machine, services: Services
) -> None:
    said = machine.shell("factory run orders", code=1)
    assert "export AIRFLOW_CONN_WAREHOUSE=" in said
    machine.connected("factory run orders")
    assert machine.shell(f"{services.psql} -Atc 'TABLE raw.orders ORDER BY id'") == ROWS

    machine.edit("orders.csv", lambda text: f"{text}x;Cy;1;2024-01-04\n")
    said = machine.connected("factory run orders", code=1)
    place = re.search(r"orders\.csv:(\d+): column 'id': 'x' is not bigint", said)
    assert place, said
    line = int(place[1]) - 1
    machine.edit(
        "orders.csv",
        lambda text: "".join(part for n, part in enumerate(text.splitlines(True)) if n != line),
    )
    machine.connected("factory run orders")

    (machine.project / "orders.csv").rename(machine.project / "away.csv")
    said = machine.connected("factory run orders", code=1)
    named = re.search(r"no file matches '(.*)'", said)
    assert named, said
    (machine.project / "away.csv").rename(named[1])
    machine.connected("factory run orders")
    assert machine.shell(f"{services.psql} -Atc 'TABLE raw.orders ORDER BY id'") == ROWS


def test_a_real_airflow_runs_it_and_shows_what_is_broken(
    machine: Machine, services: Services
) -> None:
    api = services.api
    until(lambda: api.dag("orders"))
    assert 'description: "{{ ds }}"' in api.dag_source("orders")
    machine.shell(f"{services.psql} -qc 'TRUNCATE raw.orders'")
    run = api.trigger("orders")
    until(lambda: api.dag_run("orders", run.dag_run_id).ended)
    assert api.dag_run("orders", run.dag_run_id).state == "success"
    assert machine.shell(f"{services.psql} -Atc 'TABLE raw.orders ORDER BY id'") == ROWS

    machine.swap(SPEC, "uses: ingest", "uses: ingst")
    (error,) = until(api.import_errors)
    assert "dag_factory_configs/orders.yaml:" in error.stack_trace
    assert "did you mean 'ingest'?" in error.stack_trace
    machine.swap(SPEC, "uses: ingst", "uses: ingest")
    until(lambda: not api.import_errors())
